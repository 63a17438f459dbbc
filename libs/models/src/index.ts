// Network description, reference forward pass, optimisers, baselines: all pure. How good a model is: libs/evaluation.

export {
  baselineNetwork,
  baselinePlan,
  type LogisticBaseline,
  logisticBaselineOf,
  scoreLogistic,
  scoreMajority,
} from './baseline.js';
export { fitLogistic } from './fit-logistic.js';
export { forward, sigmoid } from './forward.js';
export { initialWeights, startingAt } from './initial.js';
export {
  buildNetwork,
  isDeep,
  type Network,
  type NetworkSpec,
  parameterOf,
  type Table,
} from './network.js';
export {
  applyGradient,
  finishGradient,
  learningRateAt,
  newOptimizerState,
  type OptimizerKind,
  type OptimizerState,
} from './optimizer.js';
export {
  isClearlyBetter,
  lookAt,
  type StoppingRule,
  type StoppingState,
  startStopping,
} from './stopping.js';
