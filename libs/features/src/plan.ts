// The feature plan: how raw columns become the model's input row, before (FeaturePlan) and after (FittedPlan) its
// numbers were fitted on training data. A FittedPlan is plain JSON; it is features.json of a model package, and
// training, serving, monitoring and the browser all encode with it. One encoded row is `width` float32 values: scaled
// numbers as they are, categorical columns and crosses as an index (0 = unknown) that the model looks up.

/** Type of a raw input, as the project file names it. */
export type InputType = 'number' | 'integer' | 'text' | 'boolean' | 'timestamp';

/** A feature of the project that has no step, since it was the same in all training rows; it stays an input. */
export interface LeftOut {
  kind: 'numeric' | 'categorical';
  input: string;
}

/** One raw input of the model's signature, in signature order. */
export interface SignatureInput {
  name: string;
  type: InputType;
}

/** What to do with one feature column, before fitting. */
export interface NumericSpec {
  kind: 'numeric';
  input: string;
  /** One of SCALINGS. */
  scaling: string;
  /** Adds sin(2 pi x / period) and cos(2 pi x / period). */
  period?: number;
  missing: 'mean' | { constant: number };
  /** Numbers outside the range seen in training count as its nearest end. */
  clamp: boolean;
}

export interface CategoricalSpec {
  kind: 'categorical';
  input: string;
  minCount: number;
  vocabularyMax: number;
  /** Embedding width in the model; 0 = one weight per value, straight to the output. */
  embedding: number;
}

export interface CrossSpec {
  kind: 'cross';
  /** Categorical inputs of the same plan. */
  inputs: readonly string[];
  buckets: number;
  embedding: number;
}

export interface FeaturePlan {
  inputs: readonly SignatureInput[];
  features: readonly (NumericSpec | CategoricalSpec | CrossSpec)[];
}

/**
 * Encoded: column `at` = (map(clamp(x)) - offset) * scale, with the scaling's map; then sin, cos of x as it came if
 * there is a period. `fill` is not clamped.
 */
export interface NumericStep {
  kind: 'numeric';
  input: string;
  at: number;
  scaling: string;
  offset: number;
  scale: number;
  /** What else the scaling's map needs. */
  numbers?: readonly number[];
  /** Raw value that stands for a missing one. */
  fill: number;
  period?: number;
  /** The raw range seen in training; absent = x as it came, as in plans of release 0.1. */
  clamp?: { min: number; max: number };
}

/** Encoded: column `at` = 1 + index in vocabulary, or 0 where the value is missing or not in it. */
export interface CategoricalStep {
  kind: 'categorical';
  input: string;
  at: number;
  /** Values as text, in ascending order of code units; integers as "7", booleans as "true". */
  vocabulary: readonly string[];
  embedding: number;
}

/**
 * Encoded: column `at` = 1 + bucket, or 0 where one of the parts is unknown. With n_i = vocabulary size of part i, the
 * joint index is j = ((c_1 - 1) * n_2 + (c_2 - 1)) * n_3 ...; bucket = j where the product of n_i fits `buckets`, else
 * mix32(j) mod buckets.
 */
export interface CrossStep {
  kind: 'cross';
  inputs: readonly string[];
  at: number;
  buckets: number;
  hashed: boolean;
  embedding: number;
}

export type PlanStep = NumericStep | CategoricalStep | CrossStep;

export interface FittedPlan {
  format: 2;
  inputs: readonly SignatureInput[];
  steps: readonly PlanStep[];
  /** Values in one encoded row. */
  width: number;
  /** Rows it was fitted on. */
  rows: number;
  /** Absent = none. */
  leftOut?: readonly LeftOut[];
}

/** Values of an encoded row that a step fills. */
export function widthOf(step: PlanStep): number {
  return step.kind === 'numeric' && step.period !== undefined ? 3 : 1;
}

/** Rows an encoded categorical step or cross can point at: index 0 to this number - 1. */
export function cardinalityOf(step: CategoricalStep | CrossStep): number {
  return 1 + (step.kind === 'categorical' ? step.vocabulary.length : step.buckets);
}
