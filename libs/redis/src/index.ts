// Redis: connection with deadlines, and every key.

export { RedisConnection, type RedisConnectionSettings } from './connection.js';
export { featuresKey, offsetsKey, rateKey, routeKey } from './keys.js';
