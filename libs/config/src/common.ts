// Settings that every service shares. Spread them into a service's own definition.

import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { defineConfig } from './load.js';

/** `defineConfig({ ...commonSettings, …own })`. */
export const commonSettings = defineConfig({
  home: {
    env: 'MILLRACE_HOME',
    type: 'text',
    default: resolve('.millrace'),
    why: 'state beside the project it belongs to',
  },
  cache: {
    env: 'MILLRACE_CACHE',
    type: 'text',
    default: join(homedir(), '.cache', 'millrace'),
    why: 'outside the clone, so that a second clone is quick',
  },
  kafkaBrokers: {
    env: 'MILLRACE_KAFKA_BROKERS',
    type: 'list',
    default: ['127.0.0.1:19092'],
    why: 'the embedded broker',
  },
  redisUrl: {
    env: 'MILLRACE_REDIS_URL',
    type: 'text',
    default: 'redis://127.0.0.1:16379',
    pattern: /^rediss?:\/\//,
    why: 'the embedded Redis',
  },
  topicPrefix: {
    env: 'MILLRACE_TOPIC_PREFIX',
    type: 'text',
    default: 'millrace.',
    pattern: /^[a-zA-Z0-9._-]{0,100}$/,
    why: 'several platforms may share a broker; what all replicas must share',
  },
  replica: {
    env: 'MILLRACE_REPLICA',
    type: 'text',
    default: '0',
    pattern: /^[a-zA-Z0-9._-]{1,60}$/,
    why: 'one process per service by default',
  },
  allowedHosts: {
    env: 'MILLRACE_ALLOWED_HOSTS',
    type: 'list',
    default: [],
    why: 'beside localhost and IP addresses none: a name that a proxy before this machine uses goes here, else its requests that change something are refused',
  },
  logLevel: {
    env: 'MILLRACE_LOG_LEVEL',
    type: 'text',
    default: 'info',
    oneOf: ['error', 'warn', 'info', 'debug'],
    why: 'no line per message at this level',
  },
  traceRatio: {
    env: 'MILLRACE_TRACE_RATIO',
    type: 'number',
    default: 0.01,
    min: 0,
    max: 1,
    why: 'one root in a hundred: at 1,000 requests/s ten traces a second; a caller that sends a sampled traceparent is always traced',
  },
  otlpEndpoint: {
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    type: 'text',
    default: '',
    why: 'no exporter unless one is named',
  },
  parentWatch: {
    env: 'MILLRACE_PARENT_WATCH',
    type: 'bool',
    default: false,
    why: 'set by the supervisor, so that no orphan outlives it',
  },
});

/** A port setting: `port('MILLRACE_INGEST_HTTP_PORT', 8010, '…')`. 0 = any free port. */
export function portSetting<const E extends string>(env: E, defaultPort: number, why: string) {
  return { env, type: 'int', default: defaultPort, min: 0, max: 65_535, unit: 'port', why } as const;
}
