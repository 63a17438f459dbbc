// What a scaling of a numeric column is: one file beside this one, and its line in scalings.ts. A scaled value is
// (map(x) - offset) * scale. Training fits it, serving and monitoring apply the same numbers.

export interface FittedScaling {
  offset: number;
  /** Never 0, never infinite: a constant column gets 1 and encodes to 0. */
  scale: number;
  /** Whatever else `map` needs. */
  numbers?: readonly number[];
}

export interface Scaling {
  /** The word in the project file (`features[].scaling`) and in features.json. */
  readonly name: string;
  /** For the reader of the project file's schema; begins with the name of what comes out. */
  readonly description: string;
  /** Before offset and scale; absent = x as it is. Finite for every finite x; does not allocate. */
  map?(x: number, numbers: readonly number[]): number;
  /**
   * From the finite training values in their order; there may be none. Equal values give equal numbers, bit for bit.
   */
  fit(values: Float64Array): FittedScaling;
}

/** 1 / spread; 1 where values are all equal, or so close that the quotient is no number. */
export function scaleOf(spread: number): number {
  const scale = 1 / spread;
  return spread > 0 && Number.isFinite(scale) ? scale : 1;
}

/** Smallest and largest value; Infinity and -Infinity of none. */
export interface Range {
  min: number;
  max: number;
}

export function rangeOf(values: Float64Array): Range {
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) {
    min = Math.min(min, values[i] as number);
    max = Math.max(max, values[i] as number);
  }
  return { min, max };
}

/** Mean and population deviation in two passes; 0 and 0 of no values. */
export function moments(values: Float64Array): { mean: number; deviation: number } {
  if (values.length === 0) return { mean: 0, deviation: 0 };
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  const mean = sum / values.length;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const d = (values[i] as number) - mean;
    squares += d * d;
  }
  return { mean, deviation: Math.sqrt(squares / values.length) };
}
