export { assert, unreachable } from './assert.js';
export { type Clock, ManualClock, systemClock } from './clock.js';
export { ERROR_CODES, type ErrorCode, PlatformError, type PlatformErrorOptions, type Retry } from './errors.js';
export type {
  CategoricalReference,
  FeatureReference,
  NumericReference,
  ReferenceProfile,
} from './reference-profile.js';
export { hash32, type Rng, seededRng } from './rng.js';
export type { LabelRow, RecordRow, Scalar } from './value.js';
