// A backlog of records and labels, read into segments by one ingest and by two. Nothing closes by itself: the label's
// delay is longer than the span of the rows. In a slice of it, all is closed in the end.

import { join } from 'node:path';
import { encodeLabel, encodeRecord, messageKey } from '@millrace/contracts';
import { seededRng } from '@millrace/domain';
import { ensureTopics, KafkaConnection, MessageProducer, type OutboundMessage } from '@millrace/kafka';
import { type DedicatedKafka, eventually, startKafka } from '@millrace/testing';
import { stateOf } from '../live-intake/ingest.process.js';
import type { Outcome } from '../serving/row.js';
import type { System } from '../serving/systems.process.js';
import { sendProject } from './applied-project.js';
import { type ReplicaPlace, startReplica } from './replica.process.js';
import type { LiveBench, LiveRow } from './row.js';
import { measureSharing, type Reading, type SharedRun, sharedRun, sliceOutcomes } from './sharing.js';

const SEED = 29;
const ROWS = 500_000;
const SLICE_ROWS = 20_000;
const NUMBERS = 4;
const CHUNK_ROWS = 10_000;
const POLL_MS = 50;
const READY_TRIES = 1_200;
const CLOSED_WITHIN_MS = 60_000;
const FROM_MS = Date.UTC(2024, 0, 1);
const SPANS = 9;
/** Whatever the rows; `versionEvery` of the project. */
const SPAN_MS = 600_000;
const SENSORS = 300;

const PROJECT = `name: sensors
data:
  entity: sensor
  eventTime: at
  versionEvery: 10m
  closeAfterIdle: 30d
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: sensor, type: text, required: true }
    - { name: temperature, type: number }
    - { name: pressure, type: number }
    - { name: mode, type: text }
    - { name: failed, type: boolean, outcome: true }
  label: { name: fails, column: failed, delay: 2d }
features: [{ name: temperature, kind: numeric }]
`;

interface Ingest extends System {
  url: string;
  partitions(): Promise<{ partition: number; holder: string; records: number; labels: number }[]>;
}

async function sendBacklog(connection: KafkaConnection, rows: number): Promise<void> {
  await ensureTopics(connection);
  const producer = new MessageProducer(connection);
  await sendProject(producer, PROJECT, 1);
  const rng = seededRng(SEED);
  const timestamps = new Set(['at']);
  const stepMs = (SPANS * SPAN_MS) / rows;
  for (let from = 0; from < rows; from += CHUNK_ROWS) {
    const records: OutboundMessage[] = [];
    const labels: OutboundMessage[] = [];
    for (let row = from; row < from + CHUNK_ROWS; row++) {
      const entity = `s${rng.below(SENSORS)}`;
      const eventTimeMs = Math.floor(FROM_MS + row * stepMs);
      const key = messageKey('sensors', entity);
      const common = { project: 'sensors', recordId: `r${row}`, entity, eventTimeMs, source: 'bench', ingestedAtMs: 5 };
      const mode = rng.below(3) === 0 ? 'idle' : 'cruise';
      const values = { at: eventTimeMs, sensor: entity, temperature: rng.next(), pressure: rng.next(), mode };
      records.push({ key, value: encodeRecord({ ...common, values, schemaHash: '' }, timestamps) });
      const known = { predictionId: '', value: rng.below(2), knownAtMs: eventTimeMs + 1 };
      labels.push({ key, value: encodeLabel({ ...common, ...known }) });
    }
    await producer.send('records.v1', records);
    await producer.send('labels.v1', labels);
  }
  await producer.close();
}

async function startIngest(bench: LiveBench, place: ReplicaPlace): Promise<Ingest> {
  const { system, url } = await startReplica('ingest', bench, place);
  const partitions = async () => {
    const answer = (await (await fetch(`${url}/v1/stats`)).json()) as {
      partitions: Awaited<ReturnType<Ingest['partitions']>>;
    };
    return answer.partitions;
  };
  return { ...system, url, partitions };
}

/** By who has told of each partition last. */
async function readings(ingests: readonly Ingest[]): Promise<Reading[]> {
  const partitions = (await ingests[0]?.partitions()) ?? [];
  const atMs = performance.now();
  return ingests.map(({ name, pid }) => {
    const own = partitions.filter(({ holder }) => holder === name);
    const messages = own.reduce((sum, { records, labels }) => sum + records + labels, 0);
    return { messages, cpuSeconds: stateOf(pid).cpuSeconds, atMs };
  });
}

async function until(what: string, is: () => Promise<boolean>): Promise<void> {
  for (let tried = 0; !(await is()); tried++) {
    if (tried === 10 * READY_TRIES) throw new Error(`it is not so: ${what}`);
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

/** `look`: at those who have read all of it. */
async function read(
  bench: LiveBench,
  broker: DedicatedKafka,
  { name, rows, processes }: { name: string; rows: number; processes: number },
  look: (ingests: readonly Ingest[]) => Promise<void> = async () => undefined,
): Promise<SharedRun> {
  const topicPrefix = `${name}.`;
  const home = join(bench.work, name);
  const connection = new KafkaConnection({ brokers: broker.brokers, clientId: 'bench', topicPrefix });
  let ingests: Ingest[] = [];
  try {
    await sendBacklog(connection, rows);
    const replicas = Array.from({ length: processes }, (_, replica) => String(replica));
    ingests = await Promise.all(replicas.map((replica) => startIngest(bench, { home, broker, topicPrefix, replica })));
    await until('every ingest holds its partitions', async () => {
      const holders = ((await ingests[0]?.partitions()) ?? []).map(({ holder }) => holder);
      return ingests.every(
        ({ name: own }) => holders.filter((holder) => holder === own).length === NUMBERS / processes,
      );
    });
    const begun = await readings(ingests);
    let ended = begun;
    await until('all is read', async () => {
      ended = await readings(ingests);
      return ended.reduce((sum, { messages }) => sum + messages, 0) >= 2 * rows;
    });
    await look(ingests);
    return sharedRun(begun, ended, 2 * rows);
  } finally {
    for (const ingest of ingests) await ingest.stop();
    await connection.close();
  }
}

async function run(bench: LiveBench, round: number, processes: number): Promise<SharedRun> {
  const broker = await startKafka({ dedicated: true });
  try {
    return await read(bench, broker, { name: `i${round}-${processes}`, rows: ROWS, processes });
  } finally {
    await broker.stop();
  }
}

export const twoIngests: LiveRow = {
  name: 'two-ingests',
  says: `a backlog of ${2 * ROWS} records and labels, two ingests against one`,
  seed: SEED,
  measure(bench: LiveBench): Promise<Outcome[]> {
    return measureSharing(bench, 'ingests', (round, processes) => run(bench, round, processes));
  },
};

interface ComparableVersion {
  id: string;
  rows: number;
  labelledRows: number;
  lateRows: number;
  repeatedRows: number;
  windowStartMs: number;
}

/** Closes what is open until all rows are in versions; those, in the order of their spans. */
async function versionsOf({ url }: Ingest, rows: number): Promise<ComparableVersion[]> {
  let versions: ComparableVersion[] = [];
  const isClosed = async () => {
    await fetch(`${url}/v1/projects/sensors/datasets/close`, { method: 'POST' });
    const { datasets } = (await (await fetch(`${url}/v1/projects/sensors/datasets`)).json()) as {
      datasets: ComparableVersion[];
    };
    versions = datasets
      .map(({ id, rows: own, labelledRows, lateRows, repeatedRows, windowStartMs }) => ({
        ...{ id, rows: own, labelledRows, lateRows, repeatedRows, windowStartMs },
      }))
      .sort((a, b) => a.windowStartMs - b.windowStartMs);
    const sum = (of: 'rows' | 'labelledRows') => versions.reduce((total, version) => total + version[of], 0);
    return sum('rows') === rows && sum('labelledRows') === rows;
  };
  await eventually('every row is in a version with its label', isClosed, CLOSED_WITHIN_MS);
  return versions;
}

/** The same is read and closed by one and by two. */
export async function twoIngestsSlice(bench: LiveBench, broker: DedicatedKafka): Promise<Outcome[]> {
  const rows = SLICE_ROWS;
  let peakMib = 0;
  const look = async (ingests: readonly Ingest[]) => {
    const versions = await versionsOf(ingests.at(-1) as Ingest, rows);
    peakMib = Math.max(peakMib, ...ingests.map(({ pid }) => stateOf(pid).peakMib));
    return versions;
  };
  let one: ComparableVersion[] = [];
  let two: ComparableVersion[] = [];
  await read(bench, broker, { name: 'one', rows, processes: 1 }, async (ingests) => {
    one = await look(ingests);
  });
  const { shares } = await read(bench, broker, { name: 'two', rows, processes: 2 }, async (ingests) => {
    two = await look(ingests);
  });
  return sliceOutcomes({ what: 'ingests', made: { name: 'versions', count: SPANS }, one, two, shares, peakMib });
}
