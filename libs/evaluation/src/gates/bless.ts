// Whether a model version may go live: every gate, one sentence each, and all of it in one plain sentence. The gates
// are listed here, in the order of their sentences; a further one is a file beside this one and a line.

import { beatsBaselines } from './beats-baselines.js';
import { beatsChampion } from './beats-champion.js';
import { beatsTrivial } from './beats-trivial.js';
import type { Candidate, Gate } from './gate.js';
import { tellsApart } from './tells-apart.js';
import { thresholds } from './thresholds.js';
import { verdictOf } from './verdict.js';

const GATES: readonly Gate[] = [thresholds, beatsTrivial, tellsApart, beatsBaselines, beatsChampion];

export interface Blessing {
  blessed: boolean;
  reasons: string[];
  /** As in "version 1 is blessed: ...", from its third word on. */
  verdict: string;
}

export function bless(candidate: Candidate): Blessing {
  const results = GATES.flatMap((gate) => gate(candidate));
  return {
    blessed: results.every(({ met }) => met),
    reasons: results.map(({ sentence }) => sentence),
    verdict: verdictOf(candidate, results),
  };
}
