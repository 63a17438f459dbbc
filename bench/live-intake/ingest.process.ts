// Ingest as the bench measures it: one process of the built code with its real broker, the flights applied.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DedicatedKafka, freePort, startKafka } from '@millrace/testing';
import { type System, startSystem } from '../serving/systems.process.js';
import { PROJECT } from './flights.js';

export const TOPIC_PREFIX = 'bench.';
const READY_TRIES = 600;
/** Linux counts a process' time in hundredths of a second. */
const TICKS_PER_S = 100;

export interface Ingest extends System {
  readonly broker: DedicatedKafka;
  readonly home: string;
  ask(path: string, body?: unknown): Promise<unknown>;
  stats(): Promise<Record<string, number>>;
}

export interface ProcessState {
  rssMib: number;
  /** The most that it ever had. */
  peakMib: number;
  cpuSeconds: number;
}

export function stateOf(pid: number): ProcessState {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN);
  // Behind the command's name in brackets: state is the first field, user and system time the 12th and 13th.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return {
    rssMib: kib('VmRSS') / 1024,
    peakMib: kib('VmHWM') / 1024,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S,
  };
}

/**
 * `nodeArguments`: for the measured process alone, for example `--cpu-prof`. `broker`: of somebody else, who stops it;
 * without, it has one of its own.
 */
export async function startIngest(
  root: string,
  work: string,
  nodeArguments: readonly string[] = [],
  broker?: DedicatedKafka,
): Promise<Ingest> {
  const kafka = broker ?? (await startKafka({ dedicated: true }));
  const [httpPort, grpcPort] = [await freePort(), await freePort()];
  const log = join(work, 'ingest.log');
  const home = join(work, 'home');
  const ingest = await startSystem({
    name: 'ingest',
    command: process.execPath,
    args: [...nodeArguments, join(root, 'dist/services/ingest/src/main.js')],
    env: {
      MILLRACE_HOME: home,
      MILLRACE_KAFKA_BROKERS: kafka.brokers.join(','),
      MILLRACE_TOPIC_PREFIX: TOPIC_PREFIX,
      MILLRACE_INGEST_HTTP_PORT: String(httpPort),
      MILLRACE_INGEST_GRPC_PORT: String(grpcPort),
    },
    log,
    grpcPort,
    httpPort,
  });
  const url = `http://127.0.0.1:${httpPort}`;
  const ask = async (path: string, body?: unknown, type = 'application/json') => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const init = body === undefined ? {} : { method: 'POST', body: text, headers: { 'content-type': type } };
    const response = await fetch(`${url}${path}`, init);
    if (!response.ok) throw new Error(`${path} was answered ${response.status}: ${await response.text()}`);
    return response.json();
  };
  for (let tried = 1; ; tried++) {
    const ready = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (ready?.ok) break;
    if (tried === READY_TRIES) throw new Error(`ingest is not ready:\n${readFileSync(log, 'utf8').slice(-4_000)}`);
    await new Promise((wake) => setTimeout(wake, 100));
  }
  await ask(
    '/v1/projects?folder=/bench',
    readFileSync(join(root, 'examples/flights/project.yaml'), 'utf8'),
    'application/yaml',
  );
  return {
    ...ingest,
    broker: kafka,
    home,
    ask,
    stats: async () =>
      ((await ask('/v1/stats')) as { projects: Record<string, Record<string, number>> }).projects[PROJECT] ?? {},
    async stop() {
      await ingest.stop();
      if (broker === undefined) await kafka.stop();
    },
  };
}
