// From how many dataset versions a retraining that is weighed learns: the newest `versions`, or twice as many, and
// so on up to `versionsMax`; and what more rows are worth where the world stays as it is. Pure.
//
//   loss of a version = what cannot be known + c / rows that it learned from   (n rows leave an error of order 1 / n)
//   c = (c0 / d^2 + sum w x g) / (1 / d^2 + sum w x^2)
//   x = 1 / rows before - 1 / rows after,   w = rows that judged / pairVariance
//   g: what the retraining gained, on so many rows that neither had learned from, blessed or not; d: deviation of c0
//
// So each project finds the curve of its own learner. Cost O(lessons).

import type { RetrainSpec } from '@millrace/project';
import { COST_TUNING } from './cost-tuning.js';

/** One retraining for which there had been no change: x, what was gained, and on how many rows that was seen. */
export interface Lesson {
  readonly more: number;
  readonly gained: number;
  readonly rows: number;
}

/** Numbers of newest dataset versions; the smallest first. */
export function rowChoices(spec: Pick<RetrainSpec, 'versions' | 'versionsMax'>): number[] {
  const { versions, versionsMax = versions } = spec;
  const choices = [versions];
  for (let count = 2 * versions; count <= versionsMax; count *= 2) choices.push(count);
  return choices;
}

/** c and its deviation. */
export function curveOf(lessons: readonly Lesson[]): { c: number; deviation: number } {
  const { curve, curveDeviation, pairVariance } = COST_TUNING;
  let weight = 1 / (curve * curveDeviation) ** 2;
  let sum = weight * curve;
  for (const { more, gained, rows } of lessons) {
    weight += (rows / pairVariance) * more ** 2;
    sum += (rows / pairVariance) * more * gained;
  }
  return { c: Math.max(0, sum / weight), deviation: 1 / Math.sqrt(weight) };
}
