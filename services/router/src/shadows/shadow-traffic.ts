// All about copies in one place, for what shows it: how many were dropped, what became of the others, and how the
// answers compare.

import type { Outcomes } from '../outcomes/outcomes.js';
import { OF_SHADOWS, prometheusOutcomes } from '../outcomes/prometheus-text.js';
import { versionStats } from '../outcomes/stats.js';
import type { AnswerPairs } from './paired-answers.js';
import type { ShadowCopies } from './shadow-copies.js';
import { pairStats, prometheusPairs } from './shadow-metrics.js';

export class ShadowTraffic {
  constructor(
    private readonly copies: ShadowCopies,
    private readonly outcomes: Outcomes,
    private readonly pairs: AnswerPairs,
  ) {}

  stats(project?: string) {
    return {
      dropped: this.copies.dropped,
      versions: versionStats(this.outcomes, project),
      pairs: pairStats(this.pairs.all(), project),
    };
  }

  prometheusText(): string {
    return prometheusOutcomes(this.outcomes.all(), OF_SHADOWS) + prometheusPairs(this.pairs.all(), this.copies);
  }
}
