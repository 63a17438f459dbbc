// deploy/compose/compose.yaml as an object: the processes, ports, settings, order and priorities of the platform's plan
// as containers on the host's network. `npm run compose` writes it as YAML; parts that are the same object become one
// anchor.

import { LOOPBACK } from '../place.js';
import { PORT_NAMES, PORTS, type PortName, type Ports } from '../ports.js';
import { kafkaProperties } from '../processes/kafka-properties.js';
import { controllerPort, type ProcessPlan, platformPlan, redisArgs } from '../processes/process-plan.js';
import { artifactSettings } from '../settings/artifacts.js';
import { commonSettings } from '../settings/common-settings.js';
import { topicSettings } from '../settings/topics.js';

const HOME = '/var/lib/millrace';
const KAFKA_DATA = '/var/lib/kafka/data';
const WORKERS = 2;
/** Any id does: nothing else ever sees the cluster. 16 bytes, base64url. */
export const KAFKA_CLUSTER_ID = 'TWlsbHJhY2VFbWJlZA';

const ports = Object.fromEntries(PORT_NAMES.map((name) => [name, PORTS[name as PortName].base])) as unknown as Ports;

/** The plan that the containers follow: of this image's layout, on the standard ports. */
export const composePlan: readonly ProcessPlan[] = platformPlan({
  root: '.',
  home: HOME,
  ports,
  workers: WORKERS,
  setup: { node: { binary: 'node' }, kafka: { libFolder: '', log4j: '', classDataArchive: '' }, redis: { binary: '' } },
  kafkaJars: [],
  classDataArchiveUsable: false,
  settings: {},
});

/**
 * Linux' own scale: one step of niceness is a factor of 1.25 in the share of a busy processor; 1,024 is a container's
 * default.
 */
function sharesOf(nice: number): number {
  return Math.round(1_024 / 1.25 ** nice);
}

const seconds = (ms: number): string => `${ms / 1_000}s`;

/** Made anew each time: as one object they would become an anchor of their own. */
const hardened = (): object => ({ cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
const logging = { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } };
const health = { interval: '2s', timeout: '2s', retries: 5, start_period: '60s' };

function planOf(name: string): ProcessPlan {
  return composePlan.find((plan) => plan.name === name) as ProcessPlan;
}

function kafka(): object {
  const address = `${LOOPBACK}:${ports.kafka}`;
  const properties = kafkaProperties({
    port: ports.kafka,
    controllerPort: controllerPort(ports),
    dataFolder: KAFKA_DATA,
  });
  return {
    image: 'apache/kafka:4.4.0',
    network_mode: 'host',
    restart: 'unless-stopped',
    stop_grace_period: seconds(planOf('kafka').stopGraceMs),
    cpu_shares: sharesOf(planOf('kafka').nice),
    ...hardened(),
    environment: {
      CLUSTER_ID: KAFKA_CLUSTER_ID,
      KAFKA_HEAP_OPTS: '-Xms96m -Xmx512m',
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      ...Object.fromEntries(
        properties.map(([key, value]) => [`KAFKA_${key.replaceAll('.', '_').toUpperCase()}`, value]),
      ),
    },
    volumes: ['kafka:/var/lib/kafka/data'],
    healthcheck: {
      ...health,
      test: ['CMD', '/opt/kafka/bin/kafka-broker-api-versions.sh', '--bootstrap-server', address],
      interval: '5s',
      timeout: '10s',
    },
    logging,
  };
}

function redis(): object {
  return {
    image: 'redis:7.4.2-alpine',
    network_mode: 'host',
    restart: 'unless-stopped',
    read_only: true,
    stop_grace_period: seconds(planOf('redis').stopGraceMs),
    ...hardened(),
    command: ['redis-server', ...redisArgs(ports.redis)],
    healthcheck: { ...health, test: ['CMD', 'redis-cli', '-p', `${ports.redis}`, 'ping'] },
    logging,
  };
}

/** What every container of ours has. */
function common(settings: object, stopGraceMs: number): object {
  return {
    image: 'millrace:0.1.0',
    build: { context: '../..', dockerfile: 'deploy/compose/Dockerfile' },
    network_mode: 'host',
    restart: 'unless-stopped',
    init: true,
    read_only: true,
    tmpfs: ['/tmp'],
    ...hardened(),
    stop_grace_period: seconds(stopGraceMs),
    environment: settings,
    volumes: [`home:${HOME}`],
    logging,
  };
}

function container(plan: ProcessPlan, millrace: object, settings: Readonly<Record<string, string>>): object {
  const own = Object.fromEntries(Object.entries(plan.env).filter(([name, value]) => settings[name] !== value));
  const { readiness } = plan;
  return {
    '<<': millrace,
    // The image's entry point is `node --enable-source-maps`.
    command: plan.args.slice(1).map((arg) => arg.replace(/^\.\//, '')),
    ...(Object.keys(own).length > 0 ? { environment: { '<<': settings, ...own } } : {}),
    ...(plan.nice > 0 ? { cpu_shares: sharesOf(plan.nice) } : {}),
    depends_on: Object.fromEntries(plan.after.map((name) => [name, { condition: 'service_healthy' }])),
    ...(readiness.kind === 'http'
      ? { healthcheck: { ...health, test: ['CMD', 'node', 'deploy/compose/health.mjs', `${readiness.port}`] } }
      : {}),
  };
}

/** Taken from the environment of `docker compose`, which fills them in; empty = not set. */
const PASSED_ON = [
  commonSettings.otlpEndpoint.env,
  artifactSettings.artifactsUrl.env,
  artifactSettings.artifactsEndpoint.env,
  artifactSettings.artifactsRegion.env,
  artifactSettings.artifactsAccessKey.env,
  artifactSettings.artifactsSecretKey.env,
  ...Object.values(topicSettings).map(({ env }) => env),
];

export function composeFile(): object {
  const ours = composePlan.filter(({ name }) => name !== 'kafka' && name !== 'redis');
  const first = ours[0] as ProcessPlan;
  const settings = { ...first.env, ...Object.fromEntries(PASSED_ON.map((name) => [name, `\${${name}:-}`])) };
  const millrace = common(settings, first.stopGraceMs);
  return {
    name: 'millrace',
    'x-settings': settings,
    'x-logging': logging,
    'x-millrace': millrace,
    services: {
      kafka: kafka(),
      redis: redis(),
      ...Object.fromEntries(ours.map((plan) => [plan.name, container(plan, millrace, settings)])),
    },
    volumes: { home: {}, kafka: {} },
  };
}
