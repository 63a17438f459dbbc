// Network description, reference forward pass, optimisers, baselines: all pure. How good a model is: libs/evaluation.

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
