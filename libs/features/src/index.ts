export { isMissing, type RawColumns } from './columns.js';
export { encodeRows, RowEncoder } from './encode.js';
export { fitPlan } from './fit.js';
export { parsePlan } from './parse.js';
export {
  type CategoricalStep,
  type CrossStep,
  cardinalityOf,
  type FeaturePlan,
  type FittedPlan,
  type InputType,
  type LeftOut,
  type NumericStep,
  type PlanStep,
  type SignatureInput,
} from './plan.js';
export { SCALINGS } from './scaling/scalings.js';
export { tellsApart } from './uninformative.js';
export { type WatchedInput, watchedInputs } from './watched-inputs.js';
