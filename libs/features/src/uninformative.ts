// Which feature tells the model nothing about the rows that it was fitted on, or nearly nothing, said in one sentence
// each. A number is constant where its largest and smallest value differ by less than float32 can tell apart: that is
// rounding, and a scale fitted to it would turn the rounding of a live row into millions of deviations.
//
//   constant <=> max - min <= 2^-23 max(|min|, |max|)
//
// Where some rows have no value, what stands in for it is one of the values.

import type { NumericStep } from './plan.js';
import type { Range } from './scaling/scaling.js';

/** The spacing of float32 relative to its value; requests may carry numbers as FP32. */
const FLOAT32_RESOLUTION = 2 ** -23;
/** Missing in a larger share of the rows is said: what is left is rarely worth a feature, and often a mistake. */
const MISSING_SHARE_SAID = 0.95;

export function isConstant({ min, max }: Range): boolean {
  return !(max - min > FLOAT32_RESOLUTION * Math.max(Math.abs(min), Math.abs(max)));
}

/** Whether a fitted scale turns less than rounding into a deviation of 1, as one of release 0.1 may. */
export function tellsApart({ offset, scale }: Pick<NumericStep, 'offset' | 'scale'>): boolean {
  return 1 / scale > FLOAT32_RESOLUTION * Math.abs(offset);
}

/** What is said of a feature that is left out. `value` = the only one; undefined = none at all. */
export function leftOut(input: string, rows: number, missing: number, value: number | string | undefined): string {
  const why =
    value === undefined
      ? `it has no value of use in any of the ${rows} training rows`
      : `it is ${value}${missing > 0 ? ' or missing' : ''} in all ${rows} training rows, up to rounding`;
  return `Feature "${input}" is left out: ${why}.`;
}

/** What is said of a feature with few values; undefined = it has enough. */
export function mostlyMissing(input: string, rows: number, missing: number): string | undefined {
  const share = missing / rows;
  return share > MISSING_SHARE_SAID
    ? `Feature "${input}" is missing in ${(100 * share).toFixed(1)} % of the ${rows} training rows.`
    : undefined;
}
