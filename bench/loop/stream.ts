// What a policy is measured on: rows of windows (a day each), what is known of them, and what happens when.

/** Windows with labels before the live ones: what the first version learns from. */
export const HISTORY = 3;
export const FIRST = { first: 0, last: HISTORY - 1 } as const;
/** Of each window. */
export const ROWS = 500;

export interface Stream {
  readonly name: string;
  readonly windows: number;
  /** Of each window. */
  readonly rows: number;
  readonly width: number;
  /** As recorded, served and learned from; row by row. */
  readonly x: Float64Array;
  readonly y: Uint8Array;
  /** Chance that the label is 1: what losses are counted by. */
  readonly truth: Float64Array;
  /** What drift is looked for in: a column of `x` each. */
  readonly watched: readonly { readonly name: string; readonly column: number }[];
  readonly segments: { readonly names: readonly string[]; readonly of: Uint8Array };
  /** Windows from a row to its label. */
  readonly delay: number;
  /** Last window of the rows of trainings that go wrong: they learn from labels in any order. */
  readonly badTrainings: ReadonlySet<number>;
}
