// The real Kafka for tests: from set-up's cache, on free ports, with a home under the system's temporary folder that
// goes away with it. `startKafka()` gives the run's shared broker; `startKafka({ dedicated: true })` one that may be
// killed.

import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { environment } from '@millrace/config';
import { type GuardedProcess, startGuarded } from './guarded-process.js';
import { freePort, waitForPort } from './ports.js';
import { type SetupState, setupState } from './setup-state.js';
import { once } from './shared.js';

export interface TestKafka {
  readonly brokers: readonly string[];
  /** For a shared broker: nothing; it ends with the run. */
  stop(): Promise<void>;
}

export interface DedicatedKafka extends TestKafka {
  readonly pid: number;
  /** kill -9. */
  crash(): Promise<void>;
  /** SIGSTOP: holds its sockets, answers nothing. */
  freeze(): void;
  thaw(): void;
  /** Starts it again on the same port and data. */
  restart(): Promise<void>;
}

const START_MS = 60_000;
/** Any id does: nothing outside this home ever sees the cluster. 16 bytes, base64url. */
const CLUSTER_ID = 'TWlsbHJhY2VUZXN0cwAAAA';

function properties(port: number, controllerPort: number, data: string): string {
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': data,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'auto.create.topics.enable': 'false',
    'group.initial.rebalance.delay.ms': 0,
    'log.cleaner.dedupe.buffer.size': 4_194_304,
    'log.segment.bytes': 16_777_216,
    'num.network.threads': 2,
    'num.io.threads': 2,
  })
    .map(([key, value]) => `${key}=${value}`)
    .join('\n');
}

function javaArguments(setup: SetupState): string[] {
  const { libFolder, log4j, classDataArchive } = setup.kafka;
  const jars = readdirSync(libFolder)
    .filter((name) => name.endsWith('.jar') && !name.startsWith('embedded-redis'))
    .sort();
  return [
    '-Xms96m',
    '-Xmx384m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-XX:-UsePerfData',
    '-Xshare:auto',
    '-Xlog:cds=off',
    '-Xlog:cds+dynamic=off',
    ...(existsSync(classDataArchive) ? [`-XX:SharedArchiveFile=${classDataArchive}`] : []),
    `-Dlog4j2.configurationFile=${log4j}`,
    '-cp',
    jars.map((name) => join(libFolder, name)).join(':'),
  ];
}

async function startBroker(): Promise<DedicatedKafka> {
  const setup = setupState();
  const home = await mkdtemp(join(tmpdir(), 'millrace-test-kafka-'));
  const [port, controllerPort] = [await freePort(), await freePort()];
  const file = join(home, 'server.properties');
  await writeFile(file, properties(port, controllerPort, join(home, 'data')));
  const java = javaArguments(setup);
  await promisify(execFile)('java', [...java, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', file]);
  let broker: GuardedProcess;
  const boot = async () => {
    const args = [...java, 'kafka.Kafka', file];
    broker = await startGuarded({ command: 'java', args, log: join(home, 'kafka.log'), home });
    await waitForPort(port, START_MS, () => broker.isRunning());
  };
  await boot();
  return {
    brokers: [`127.0.0.1:${port}`],
    get pid() {
      return broker.pid;
    },
    crash: async () => {
      broker.kill('SIGKILL');
      await broker.ended();
      await broker.stop({ keepHome: true });
    },
    freeze: () => broker.kill('SIGSTOP'),
    thaw: () => broker.kill('SIGCONT'),
    restart: boot,
    stop: async () => {
      await broker.stop();
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function startShared(): Promise<TestKafka> {
  const own = environment().MILLRACE_TEST_KAFKA_BROKERS;
  const brokers = own === undefined || own === '' ? (await startBroker()).brokers : own.split(',');
  return { brokers, stop: async () => undefined };
}

/** A broker that is a test's own: it may be killed, frozen, restarted; the test must stop it. */
export async function startKafka(settings: { dedicated: true }): Promise<DedicatedKafka>;
/** The run's shared broker; use `uniquePrefix()` for topics and groups. */
export async function startKafka(settings?: { dedicated?: false }): Promise<TestKafka>;
export async function startKafka(settings: { dedicated?: boolean } = {}): Promise<TestKafka> {
  return settings.dedicated ? startBroker() : once('kafka', startShared);
}

let prefixes = 0;

/** A topic prefix that no other test uses on a shared broker. */
export function uniquePrefix(): string {
  return `t${process.pid}-${process.hrtime.bigint().toString(36)}-${prefixes++}.`;
}
