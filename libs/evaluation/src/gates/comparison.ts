// Whether a version is better than another by one metric, said in one sentence with both numbers and the rows.

import type { Evaluation } from '../evaluation.js';
import { metricIn, shown } from '../figure.js';
import { isBetter, type Metric } from '../metric.js';
import type { GateResult } from './gate.js';

export interface Opponent {
  /** As in "lower than version 1's". */
  whose: string;
  value: number;
  /** The value is the project's word, not computed on the same rows. */
  stated: boolean;
}

export function comparison(metric: Metric, evaluation: Evaluation, opponent: Opponent): GateResult {
  const own = metricIn(evaluation, metric);
  const met = isBetter(metric, own, opponent.value);
  const where = opponent.stated ? `, as stated, on ${evaluation.rows} rows` : ` on ${evaluation.rows} rows`;
  const numbers = `${shown(own)} against ${shown(opponent.value)}${where}`;
  return {
    met,
    sentence: `${metric.title} is ${met ? '' : 'not '}${metric.direction} than ${opponent.whose}: ${numbers}.`,
  };
}
