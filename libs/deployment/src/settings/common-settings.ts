// Settings that every process shares: `defineSettings({ ...commonSettings, …own })`. And the two shapes that many
// settings have.

import type { Place } from '../place.js';
import { OFFSET_MAX, OFFSET_STEP, PORTS, type PortName } from '../ports.js';
import { parseReplicas } from '../replicas.js';
import { defineSettings } from './setting.js';
import { hostFault, hostPortFault, urlFault } from './text-checks.js';
import { topicSettings } from './topics.js';

export const commonSettings = defineSettings({
  home: {
    env: 'MILLRACE_HOME',
    type: 'path',
    default: '.millrace',
    why: 'state beside the project it belongs to',
  },
  cache: {
    env: 'MILLRACE_CACHE',
    type: 'path',
    default: '~/.cache/millrace',
    why: 'outside the clone, so that a second clone is quick',
  },
  kafkaBrokers: {
    env: 'MILLRACE_KAFKA_BROKERS',
    type: 'list',
    default: [`127.0.0.1:${PORTS.kafka.base}`],
    defaultAt: ({ others }) => [`127.0.0.1:${others.kafka}`],
    itemCheck: hostPortFault,
    why: 'the embedded broker, at its port; set: your own, and none is started',
  },
  redisUrl: {
    env: 'MILLRACE_REDIS_URL',
    type: 'text',
    default: `redis://127.0.0.1:${PORTS.redis.base}`,
    defaultAt: ({ others }) => `redis://127.0.0.1:${others.redis}`,
    check: urlFault('redis', 'rediss'),
    why: 'the embedded Redis, at its port; set: your own, and none is started',
  },
  topicPrefix: {
    env: 'MILLRACE_TOPIC_PREFIX',
    type: 'text',
    default: 'millrace.',
    pattern: /^[a-zA-Z0-9._-]{0,100}$/,
    why: 'several platforms may share a broker; what all replicas must share',
  },
  ...topicSettings,
  replica: {
    env: 'MILLRACE_REPLICA',
    type: 'text',
    default: '0',
    pattern: /^[a-zA-Z0-9._-]{1,60}$/,
    why: "one process per service by default; goes into client ids. A number from 0 to 9 also moves the replica's own ports by 100 each, a name moves none",
  },
  replicas: {
    env: 'MILLRACE_REPLICAS',
    type: 'text',
    default: '',
    check: (text) => {
      const parsed = parseReplicas(text);
      return parsed.kind === 'fault' ? parsed.fault : undefined;
    },
    why: 'one process of each service; "ingest=2,serving=2" says how many of which a machine has, 1 to 10: `millrace up` starts them, and every process finds the others at their ports, replica r at base + 100·r',
  },
  portOffset: {
    env: 'MILLRACE_PORT_OFFSET',
    type: 'int',
    default: 0,
    min: 0,
    max: OFFSET_MAX,
    multipleOf: OFFSET_STEP,
    unit: 'ports',
    why: 'moves every port that is not set itself, so that a second platform runs beside the first; a multiple of 1,000, at which no two ports meet',
  },
  allowedHosts: {
    env: 'MILLRACE_ALLOWED_HOSTS',
    type: 'list',
    default: [],
    itemCheck: hostFault,
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
    check: urlFault('http', 'https'),
    why: 'no exporter unless one is named',
  },
  parentWatch: {
    env: 'MILLRACE_PARENT_WATCH',
    type: 'bool',
    default: false,
    why: 'set by the supervisor, so that no orphan outlives it',
    notForUp: 'the launcher sets it for its own processes',
  },
});

/** A port that this process listens on. 0 = any free port. */
export function portSetting<const N extends PortName>(name: N, why: string) {
  return portOfTable(name, 'own', why);
}

/** A port at which this process finds another. */
export function otherPortSetting<const N extends PortName>(name: N, why: string) {
  return portOfTable(name, 'others', why);
}

function portOfTable<const N extends PortName>(name: N, whose: 'own' | 'others', why: string) {
  const { setting, base } = PORTS[name];
  return {
    env: setting,
    type: 'int',
    default: base as number,
    defaultAt: (place: Place) => place[whose][name],
    min: 0,
    max: 65_535,
    unit: 'port',
    why,
  } as const;
}
