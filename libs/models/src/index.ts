// Network description, reference forward pass, losses and metrics, optimisers, baselines: all pure.

export {
  baselineNetwork,
  baselinePlan,
  type LogisticBaseline,
  parseLogisticBaseline,
  scoreLogistic,
  scoreMajority,
} from './baseline.js';
export { forward, sigmoid } from './forward.js';
export { initialWeights, logit } from './initial.js';
export {
  accuracy,
  auc,
  type BinaryEvaluation,
  type BootstrapInterval,
  bootstrapAucDifference,
  evaluate,
  logLoss,
  positiveShare,
} from './metrics.js';
export {
  type Activation,
  buildNetwork,
  hiddenInputWidth,
  isDeep,
  type Network,
  type NetworkSpec,
  type Parameter,
  parameterOf,
  type Table,
  type TableColumn,
} from './network.js';
export {
  applyGradient,
  finishGradient,
  learningRateAt,
  newOptimizerState,
  type OptimizerKind,
  type OptimizerState,
} from './optimizer.js';
