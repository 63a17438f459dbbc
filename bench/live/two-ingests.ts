// A backlog of records and labels, read into segments by one ingest and by two. Nothing closes: the label's delay is
// longer than the span of the rows.

import { join } from 'node:path';
import { encodeLabel, encodeProject, encodeRecord, messageKey } from '@millrace/contracts';
import { seededRng } from '@millrace/domain';
import { ensureTopics, KafkaConnection, MessageProducer, type OutboundMessage } from '@millrace/kafka';
import { parseProject } from '@millrace/project';
import { startKafka } from '@millrace/testing';
import { stateOf } from '../live-intake/ingest.process.js';
import type { Outcome } from '../serving/row.js';
import type { System } from '../serving/systems.process.js';
import { type ReplicaPlace, startReplica } from './replica.process.js';
import type { LiveBench, LiveRow } from './row.js';
import { measureSharing, type Reading, type SharedRun, sharedRun } from './sharing.js';

const SEED = 29;
const ROWS = 500_000;
const MESSAGES = 2 * ROWS;
const NUMBERS = 4;
const CHUNK_ROWS = 10_000;
const POLL_MS = 50;
const READY_TRIES = 1_200;
const FROM_MS = Date.UTC(2024, 0, 1);
const STEP_MS = 10;
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
  partitions(): Promise<{ partition: number; holder: string; records: number; labels: number }[]>;
}

async function sendBacklog(connection: KafkaConnection): Promise<void> {
  await ensureTopics(connection);
  const producer = new MessageProducer(connection);
  const parsed = parseProject(PROJECT, 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  const { document } = parsed;
  const applied = { revision: 1, documentSha256: '', appliedAtMs: 1, createdAtMs: 1 };
  const value = encodeProject({ name: 'sensors', document, ...applied });
  await producer.send('projects.v1', [{ key: 'sensors', value }]);
  const rng = seededRng(SEED);
  const timestamps = new Set(['at']);
  for (let from = 0; from < ROWS; from += CHUNK_ROWS) {
    const records: OutboundMessage[] = [];
    const labels: OutboundMessage[] = [];
    for (let row = from; row < from + CHUNK_ROWS; row++) {
      const entity = `s${rng.below(SENSORS)}`;
      const eventTimeMs = FROM_MS + row * STEP_MS;
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
  return { ...system, partitions };
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

async function run(bench: LiveBench, round: number, processes: number): Promise<SharedRun> {
  const broker = await startKafka({ dedicated: true });
  const topicPrefix = `i${processes}.`;
  const home = join(bench.work, `home-${round}-${processes}`);
  const connection = new KafkaConnection({ brokers: broker.brokers, clientId: 'bench', topicPrefix });
  let ingests: Ingest[] = [];
  try {
    await sendBacklog(connection);
    const replicas = Array.from({ length: processes }, (_, replica) => String(replica));
    ingests = await Promise.all(replicas.map((replica) => startIngest(bench, { home, broker, topicPrefix, replica })));
    await until('every ingest holds its partitions', async () => {
      const holders = ((await ingests[0]?.partitions()) ?? []).map(({ holder }) => holder);
      return ingests.every(({ name }) => holders.filter((holder) => holder === name).length === NUMBERS / processes);
    });
    const begun = await readings(ingests);
    let ended = begun;
    await until('all is read', async () => {
      ended = await readings(ingests);
      return ended.reduce((sum, { messages }) => sum + messages, 0) >= MESSAGES;
    });
    return sharedRun(begun, ended, MESSAGES);
  } finally {
    for (const ingest of ingests) await ingest.stop();
    await connection.close();
    await broker.stop();
  }
}

export const twoIngests: LiveRow = {
  name: 'two-ingests',
  says: `a backlog of ${MESSAGES} records and labels, two ingests against one`,
  seed: SEED,
  measure(bench: LiveBench): Promise<Outcome[]> {
    return measureSharing(bench, 'ingests', (round, processes) => run(bench, round, processes));
  },
};
