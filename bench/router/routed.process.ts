// Two servings and two routers of the built code, started as the platform starts them, before a real broker, with the
// bench's network as two versions of a package and the repository of bench/serving. The routers of the quiet rows know
// the first serving alone.

import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeModelVersion, encodeProject } from '@millrace/contracts';
import { PORT_NAMES, PORTS, REQUEST_PATH_ARGS } from '@millrace/deployment';
import { ensureTopics, KafkaConnection, MessageProducer } from '@millrace/kafka';
import { parseProject } from '@millrace/project';
import { aModelVersion, freePort, LOANS_PROJECT, startKafka } from '@millrace/testing';
import { PACKAGE, writePackage } from '../serving/package.fs.js';
import { writeRepository } from '../serving/repository.fs.js';
import { type System, startSystem } from '../serving/systems.process.js';

const TOPIC_PREFIX = 'router-bench.';
const READY_MS = 60_000;
/** Between the ports of a service's replicas. */
const REPLICA_PORTS = 100;

export interface Router extends System {
  readonly controlPort: number;
}

/** A process that can be ended and started anew at the same ports. */
export interface Restartable<T extends System> {
  readonly system: T;
  restart(): Promise<void>;
}

export interface Routed {
  readonly serving: Restartable<System>;
  /** Started by the row that needs it. */
  secondServing(): Promise<Restartable<System>>;
  /** `servings`: how many it sends to. */
  /** `builtAt`: the checkout whose router it is; default this one. */
  router(name: string, servings: 1 | 2, builtAt?: string): Promise<Restartable<Router>>;
  stop(): Promise<void>;
}

export async function waitUntil(what: string, question: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + READY_MS;
  while (!(await question().catch(() => false))) {
    if (performance.now() > endMs) throw new Error(`${what}: not within ${READY_MS} ms`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

export async function post(port: number, path: string, body: object): Promise<{ status: number; body: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: await answer.text() };
}

async function announce(brokers: readonly string[]): Promise<void> {
  const connection = new KafkaConnection({ brokers, clientId: 'bench', topicPrefix: TOPIC_PREFIX });
  await ensureTopics(connection);
  const parsed = parseProject(LOANS_PROJECT.replace('loans', PACKAGE), 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  const producer = new MessageProducer(connection);
  const project = {
    ...{ name: PACKAGE, revision: 1, document: parsed.document, documentSha256: 'bench', appliedAtMs: 1 },
    ...{ labelRuleSinceMs: 0, earlierSchemas: [], createdAtMs: 0 },
  };
  await producer.send('projects.v1', [{ key: PACKAGE, value: encodeProject(project) }]);
  for (const version of [1, 2]) {
    const value = encodeModelVersion(aModelVersion({ project: PACKAGE, version }));
    await producer.send('models.v1', [{ key: `${PACKAGE}/${version}`, value }]);
  }
  await producer.close(1_000);
  await connection.close();
}

/** Both ports, and those of the second replica, are free. */
async function servingPorts(): Promise<{ http: number; grpc: number }> {
  for (;;) {
    const [http, grpc] = [await freePort(), await freePort()];
    if (Math.max(http, grpc) + REPLICA_PORTS < 65_536 && Math.abs(http - grpc) !== REPLICA_PORTS) return { http, grpc };
  }
}

export async function startRouted(root: string, work: string): Promise<Routed> {
  const kafka = await startKafka({ dedicated: true });
  await announce(kafka.brokers);
  const home = join(work, 'home');
  const repository = join(work, 'repository');
  for (const version of [1, 2]) writePackage(home, version);
  writeRepository(root, repository);
  const ports = await servingPorts();
  const stops: (() => Promise<void>)[] = [];
  const common = { MILLRACE_KAFKA_BROKERS: kafka.brokers.join(','), MILLRACE_TOPIC_PREFIX: TOPIC_PREFIX };

  const restartable = async <T extends System>(start: () => Promise<T>): Promise<Restartable<T>> => {
    const held = { system: await start() };
    stops.push(() => held.system.stop());
    return {
      get system() {
        return held.system;
      },
      restart: async () => {
        await held.system.stop();
        held.system = await start();
      },
    };
  };
  const serving = (replica: number) =>
    restartable(async () => {
      const [httpPort, grpcPort] = [ports.http + REPLICA_PORTS * replica, ports.grpc + REPLICA_PORTS * replica];
      const started = await startSystem({
        name: `serving ${replica}`,
        command: process.execPath,
        args: [...REQUEST_PATH_ARGS, join(root, 'dist/services/serving/src/main.js')],
        env: {
          ...common,
          MILLRACE_HOME: home,
          MILLRACE_REPLICA: String(replica),
          MILLRACE_SERVING_HTTP_PORT: String(httpPort),
          MILLRACE_SERVING_GRPC_PORT: String(grpcPort),
          MILLRACE_SERVING_REPOSITORY: repository,
        },
        log: join(work, `serving-${replica}.log`),
        grpcPort,
        httpPort,
      });
      await waitUntil(started.name, async () => (await fetch(`http://127.0.0.1:${httpPort}/v2/health/ready`)).ok);
      return started;
    });
  const router = async (name: string, servings: 1 | 2, builtAt = root) => {
    const settings = new Map<string, number>();
    for (const port of PORT_NAMES) settings.set(PORTS[port].setting, await freePort());
    const portOf = (port: 'routerGrpc' | 'routerHttp' | 'routerControl') => settings.get(PORTS[port].setting) as number;
    const log = join(work, `router-${name}.log`);
    mkdirSync(join(work, `router-${name}`), { recursive: true });
    return restartable(async (): Promise<Router> => {
      const started = await startSystem({
        name: `router ${name}`,
        command: process.execPath,
        args: [...REQUEST_PATH_ARGS, join(builtAt, 'dist/services/router/src/main.js')],
        env: {
          ...Object.fromEntries([...settings].map(([key, number]) => [key, String(number)])),
          ...common,
          MILLRACE_HOME: join(work, `router-${name}`),
          MILLRACE_SERVING_HTTP_PORT: String(ports.http),
          MILLRACE_SERVING_GRPC_PORT: String(ports.grpc),
          ...(servings === 2 ? { MILLRACE_REPLICAS: 'serving=2' } : {}),
        },
        log,
        grpcPort: portOf('routerGrpc'),
        httpPort: portOf('routerHttp'),
      });
      const controlPort = portOf('routerControl');
      await waitUntil(`router ${name}: ${readFileSync(log, 'utf8').slice(-500)}`, async () => {
        const answer = await fetch(`http://127.0.0.1:${controlPort}/health/ready`);
        return answer.ok;
      });
      return { ...started, controlPort };
    });
  };
  return {
    serving: await serving(0),
    secondServing: () => serving(1),
    router,
    async stop() {
      for (const stop of stops.reverse()) await stop();
      await kafka.stop();
    },
  };
}
