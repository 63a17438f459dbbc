export { isMissing, type RawColumn, type RawColumns, type RawValue, rowCount } from './columns.js';
export { encodeRow, encodeRows, encoderOf, RowEncoder } from './encode.js';
export { fitPlan, signedLog } from './fit.js';
export { parsePlan } from './parse.js';
export {
  type CategoricalSpec,
  type CategoricalStep,
  type CrossSpec,
  type CrossStep,
  cardinalityOf,
  type FeaturePlan,
  type FittedPlan,
  type InputType,
  type NumericSpec,
  type NumericStep,
  type PlanStep,
  type Scaling,
  type SignatureInput,
} from './plan.js';
export { planOf, signatureOf } from './signature.js';
