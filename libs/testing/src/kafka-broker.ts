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
import { embeddedKafkaProperties, KAFKA_CLUSTER_ID, kafkaJars, kafkaJavaArgs } from '@millrace/deployment';
import { type GuardedProcess, startGuarded } from './guarded-process.js';
import { freePort, waitForPort } from './ports.js';
import { setupState, type TestSetup } from './setup-state.js';
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

function javaArguments(setup: TestSetup): string[] {
  const { libFolder, classDataArchive } = setup.kafka;
  const jars = kafkaJars(libFolder, readdirSync(libFolder));
  return kafkaJavaArgs({ setup, kafkaJars: jars, classDataArchiveUsable: existsSync(classDataArchive) });
}

async function startBroker(): Promise<DedicatedKafka> {
  const setup = setupState();
  const home = await mkdtemp(join(tmpdir(), 'millrace-test-kafka-'));
  const [port, controllerPort] = [await freePort(), await freePort()];
  const file = join(home, 'server.properties');
  await writeFile(file, embeddedKafkaProperties({ port, controllerPort, dataFolder: join(home, 'data') }));
  const java = javaArguments(setup);
  await promisify(execFile)('java', [...java, 'kafka.tools.StorageTool', 'format', '-t', KAFKA_CLUSTER_ID, '-c', file]);
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
