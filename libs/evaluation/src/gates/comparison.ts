// Whether a version is better than another by one metric, said in one sentence with both numbers and the rows, and
// where the other was scored on the same rows with their difference and its interval.

import { type MetricDifference, seen } from '../comparisons/paired.js';
import type { Evaluation } from '../evaluation.js';
import { areAlike, metricIn, shown, shownAgainst, signed } from '../figure.js';
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

/** By the bare figures. */
export function comparison(metric: Metric, evaluation: Evaluation, opponent: Opponent): GateResult {
  const own = metricIn(evaluation, metric);
  const better = isBetter(metric, own, opponent.value);
  const equal = opponent.mayEqual === true && areAlike(own, opponent.value);
  const where = opponent.stated ? `, as stated, on ${evaluation.rows} rows` : ` on ${evaluation.rows} rows`;
  // What passes as equal may look so; what fails by a little must not.
  const numbers = equal ? `${shown(own)} against ${shown(opponent.value)}` : shownAgainst(own, opponent.value);
  const words = equal ? `as ${POSITIVE[metric.direction]} as` : `${better ? '' : 'not '}${metric.direction} than`;
  return { met: better || equal, sentence: `${metric.title} is ${words} ${opponent.whose}: ${numbers}${where}.` };
}

const POSITIVE: Record<Metric['direction'], string> = { higher: 'high', lower: 'low' };

/** By the interval of the difference on the same rows: the better one is one where all of it says so. */
export function pairedComparison(
  metric: Metric,
  difference: MetricDifference,
  { whose, rows, confidence }: { whose: string; rows: number; confidence: number },
): GateResult {
  const { value, other } = difference;
  const on = onRows(rows, difference);
  const found = seen(metric, difference);
  if (found === undefined) {
    const sentence = `${metric.title} cannot be compared with ${whose} on ${on}: ${whyUnseen(difference)}.`;
    return { met: false, sentence };
  }
  if (areAlike(value, other)) {
    const both = `both ${shown(value)}${value === other ? '' : ', up to rounding,'}`;
    return {
      met: false,
      sentence: `${metric.title} is not ${metric.direction} than ${whose}: ${both} on ${on}.`,
    };
  }
  const met = found === 'better';
  const isUnclear = found === 'none' && isBetter(metric, value, other);
  const words = `${met ? '' : isUnclear ? 'not clearly ' : 'not '}${metric.direction} than ${whose}`;
  const wouldBe = found === 'none' ? seeable(difference) : '';
  const numbers = `${shownAgainst(value, other)} on ${on}${intervalText(difference, confidence)}${wouldBe}`;
  return { met, sentence: `${metric.title} is ${words}: ${numbers}.` };
}

/** As the end of two figures; empty where they are the same on each row. */
export function intervalText({ difference, lower, upper, aboutOne }: MetricDifference, confidence: number): string {
  if (difference === 0 && lower === upper) return '';
  const share = Math.round(confidence * 1_000) / 10;
  const interval = `, ${share} % of ${signed(lower)} to ${signed(upper)}${aboutText(aboutOne)}`;
  return `, difference ${signed(difference)}${confidence === 0 ? '' : interval}`;
}

/** Behind an interval: that it is about the one entity which has nearly all rows. */
export function aboutText(aboutOne: number | undefined): string {
  if (aboutOne === undefined) return '';
  const share = aboutOne === 1 ? 'all' : `${Math.floor(aboutOne * 1_000) / 10} % of the`;
  return ` (${share} rows are of one entity: the interval is about that one)`;
}

/** As in "on 900 rows of 60 entities". */
export const onRows = (rows: number, { entities }: Pick<MetricDifference, 'entities'>): string =>
  `${rows} rows${entities === undefined ? '' : entities === 1 ? ' of one entity' : ` of ${entities} entities`}`;

/** Why an interval says nothing. */
export function whyUnseen({ value, other, entities }: Pick<MetricDifference, 'value' | 'other' | 'entities'>): string {
  if (Number.isNaN(value + other)) return 'it is not defined on them';
  return entities === undefined
    ? 'they are too few'
    : 'they are too few, or one entity has all of a class, without which it is not defined';
}

/** What was not seen, and would be. */
function seeable({ lower, upper }: MetricDifference): string {
  return upper > lower ? `; one of about ${signed((upper - lower) / 2).slice(1)} would be seen` : '';
}
