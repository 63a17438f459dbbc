// The log of answered predictions, for every process that answers some: serving its own, the router those of a server
// behind it.

export { predictionMessage } from './messages.js';
export { openPredictionLog } from './open-prediction-log.js';
export type { PredictionLog } from './prediction-log.js';
