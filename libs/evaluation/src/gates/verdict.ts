// What the gates found, as one plain sentence for people. Of a blessed version: its figure, on how many rows, and what
// the others reach there. Of another: what it failed at, and what may help.

import type { Evaluation } from '../evaluation.js';
import { metricIn, shown } from '../figure.js';
import { intervalText } from './comparison.js';
import type { Candidate, GateResult } from './gate.js';

export function verdictOf(candidate: Candidate, results: readonly GateResult[]): string {
  const failed = results.filter(({ met }) => !met);
  if (failed.length === 0) return `blessed: ${figures(candidate)}`;
  const what = failed.map(({ sentence }) => inSentence(sentence.replace(/\.$/, ''))).join('; ');
  const advice = failed.find((result) => result.advice !== undefined)?.advice;
  return `not blessed: ${what}${advice === undefined ? '' : `; ${advice}`}`;
}

function figures({ evaluation, deciding, trivial, baselines, champion, confidence, rowsAre }: Candidate): string {
  const of = (other: Evaluation) => shown(metricIn(other, deciding));
  const others = [
    `the trivial baseline ${of(trivial.evaluation)}`,
    ...baselines
      .filter(({ kind, evaluation: computed }) => kind !== 'trivial' || computed === undefined)
      .map(({ name, evaluation: computed, value = Number.NaN }) =>
        computed === undefined ? `${name} ${shown(value)}, as stated` : `the ${name} baseline ${of(computed)}`,
      ),
    ...(champion === null
      ? []
      : [
          `version ${champion.version} (${champion.standing}) ${of(champion.evaluation)}` +
            intervalText(champion.difference, confidence),
        ]),
  ];
  const own = `${inSentence(deciding.title)} ${of(evaluation)} on ${evaluation.rows} rows ${rowsAre ?? 'that it had not seen'}`;
  return `${own}; ${others.join(', ')}`;
}

/** "Log loss" within a sentence is "log loss"; "AUC" stays. */
function inSentence(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
