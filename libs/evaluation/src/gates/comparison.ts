// Whether a version is better than another by one metric, said in one sentence with both numbers and the rows.

import type { Evaluation } from '../evaluation.js';
import { metricIn, shown, shownAgainst } from '../figure.js';
import { isBetter, type Metric } from '../metric.js';
import type { GateResult } from './gate.js';

export interface Opponent {
  /** As in "lower than version 1's". */
  whose: string;
  value: number;
  /** The value is the project's word, not computed on the same rows. */
  stated: boolean;
  /** As good, up to the rounding of float32 scores, is enough. */
  mayEqual?: boolean;
}

/** Two engines' float32 scores of one model differ by up to 1e-6 in such a figure. */
const ROUNDING = 1e-5;

export function comparison(metric: Metric, evaluation: Evaluation, opponent: Opponent): GateResult {
  const own = metricIn(evaluation, metric);
  const better = isBetter(metric, own, opponent.value);
  const equal = opponent.mayEqual === true && Math.abs(own - opponent.value) <= ROUNDING;
  const where = opponent.stated ? `, as stated, on ${evaluation.rows} rows` : ` on ${evaluation.rows} rows`;
  // What passes as equal may look so; what fails by a little must not.
  const numbers = equal ? `${shown(own)} against ${shown(opponent.value)}` : shownAgainst(own, opponent.value);
  const words = equal ? `as ${POSITIVE[metric.direction]} as` : `${better ? '' : 'not '}${metric.direction} than`;
  return { met: better || equal, sentence: `${metric.title} is ${words} ${opponent.whose}: ${numbers}${where}.` };
}

const POSITIVE: Record<Metric['direction'], string> = { higher: 'high', lower: 'low' };
