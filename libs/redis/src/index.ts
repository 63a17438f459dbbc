// Redis: connection with deadlines, every key, and the projections whose layout several services share.

export { RedisConnection } from './connection.js';
export { featuresKey, responseKey } from './keys.js';
export { OnlineFeatureStore, type OnlineProjectionStep } from './online-features.js';
