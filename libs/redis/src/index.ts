// Redis: connection with deadlines, every key, and the projections whose layout several services share.

export { RedisConnection, type RedisConnectionSettings } from './connection.js';
export { featuresIndexKey, featuresKey, featuresOffsetsKey, rateKey, responseKey, routeKey } from './keys.js';
export {
  type EntityFeatures,
  OnlineFeatureStore,
  type OnlineProjectionStep,
  type StepOutcome,
  type StoredFeatures,
} from './online-features.js';
