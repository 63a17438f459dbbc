// How long a monitor takes to go on from its checkpoint with many wide windows open, and what a checkpoint writes where
// one row has come since: 500 numeric features, 64 open windows, two cohorts (all and the version); and a slice of it.
// It is stopped and started again, and has to have every row; the figures are the monitor's own (`restore_duration`,
// `checkpoint_bytes`).

import { join } from 'node:path';
import { openArtifactStore } from '@millrace/artifacts';
import { encodeModelVersion, encodePrediction, encodeReferenceProfile, messageKey } from '@millrace/contracts';
import { binaryOutputs, seededRng } from '@millrace/domain';
import { ensureTopics, KafkaConnection, MessageProducer } from '@millrace/kafka';
import { buildReferenceProfile } from '@millrace/statistics';
import { type DedicatedKafka, startKafka } from '@millrace/testing';
import { median, type Outcome } from '../serving/row.js';
import { sendProject } from './applied-project.js';
import { type Monitor, startMonitor, untilRead } from './monitor.process.js';
import type { LiveBench, LiveRow } from './row.js';

const SEED = 29;
const WINDOW_ROWS = 100;
const WINDOW_MS = 60_000;
const FROM_MS = 20_000_000 * WINDOW_MS;
const REFERENCE_ROWS = 2_000;
const RESTORE_MS_MAX = 5_000;
/** Checkpoints come every 1.5 s, and no closer than ten times what the last one took. */
const QUIET_MS = 3_000;
const POLL_MS = 200;

interface Size {
  features: number;
  windows: number;
  /** Whether time and bytes are measured: a slice beside other tests says nothing of them. */
  timed: boolean;
}

const WHOLE: Size = { features: 500, windows: 64, timed: true };
const SLICE: Size = { features: 50, windows: 16, timed: false };

const textOf = ({ features, windows }: Size) => `${features} features × ${windows} windows × 2 cohorts`;
const namesOf = ({ features }: Size) => Array.from({ length: features }, (_, i) => `x${i}`);

const projectOf = (names: readonly string[]) => `
name: wide
data:
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
${names.map((name) => `    - { name: ${name}, type: number }`).join('\n')}
features: [${names.map((name) => `{ name: ${name}, kind: numeric }`).join(', ')}]
monitoring: { window: 1m, allowedLateness: 2h, minRows: 50 }
`;

async function prepare(connection: KafkaConnection, home: string, names: readonly string[]): Promise<MessageProducer> {
  await ensureTopics(connection);
  const producer = new MessageProducer(connection);
  await sendProject(producer, projectOf(names));
  const rng = seededRng(SEED);
  const normals = () => Array.from({ length: REFERENCE_ROWS }, () => rng.normal());
  const reference = buildReferenceProfile({
    features: names.map((name) => ({ name, kind: 'numeric' as const, values: normals() })),
    scoreName: 'probability',
    scores: Array.from({ length: REFERENCE_ROWS }, () => rng.next()),
    positiveShare: 0.5,
  });
  const packagePath = 'models/wide/1';
  const inputs = names.map((name) => ({ name, type: 'number' }));
  const leftOut = names.map((input) => ({ kind: 'numeric', input }));
  const plan = { format: 2, inputs, steps: [], leftOut, width: 0, rows: REFERENCE_ROWS };
  const store = openArtifactStore({ home });
  await store.put(`${packagePath}/reference.pb`, encodeReferenceProfile(reference));
  await store.put(`${packagePath}/features.json`, JSON.stringify(plan));
  await store.put(`${packagePath}/manifest.json`, JSON.stringify({ files: { 'reference.pb': '' } }));
  const evaluation = {
    ...{ rows: 1, metrics: { auc: 0.5, log_loss: 0.7, accuracy: 0.5 }, positiveShare: 0.5 },
    ...{ eventTimeFromMs: 0, eventTimeToMs: 1 },
  };
  const model = encodeModelVersion({
    ...{ project: 'wide', version: 1, packagePath, modelSha256: 'a'.repeat(64), packageSha256: 'b'.repeat(64) },
    ...{ blessed: true, verdict: '', warnings: [], reasons: ['first version'], evaluation, championVersion: 0 },
    ...{ baselines: [], slices: [], datasetVersions: ['d'.repeat(64)], trainingId: 't1', workers: 1, seed: 1 },
    ...{ createdAtMs: 1, correlationId: '', trainRows: 1, trainSeconds: 1, origin: 'trained' as const },
    labelRule: '',
  });
  await producer.send('models.v1', [{ key: 'wide/1', value: model }]);
  return producer;
}

function predictionAt(rng: ReturnType<typeof seededRng>, features: number, window: number, row: number) {
  const eventTimeMs = FROM_MS + window * WINDOW_MS + row;
  const values = Array.from({ length: features }, () => rng.normal());
  const value = encodePrediction({
    ...{ predictionId: `r${window}-${row}/0`, project: 'wide', entity: '', modelVersion: 1, eventTimeMs },
    ...{ answeredAtMs: eventTimeMs, latencyUs: 500, features: values, outputs: binaryOutputs(rng.next()), traceId: '' },
    ...{ modelSha256: 'a'.repeat(64), role: 'live' as const },
  });
  return { key: messageKey('wide', ''), value };
}

/** A gauge of the monitor, in its last telling. */
async function gaugeOf({ httpPort }: Monitor, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  return Number(new RegExp(`^millrace_monitor_${name}(?:_\\w+)?(?:\\{[^}]*\\})? ([\\d.e+]+)`, 'm').exec(text)?.[1]);
}

/** What the next checkpoint that is another one has written. */
async function nextBytes(monitor: Monitor, before: number): Promise<number> {
  for (let waited = 0; waited < 120_000; waited += POLL_MS) {
    const bytes = await gaugeOf(monitor, 'checkpoint_bytes');
    if (bytes !== before && bytes > 0) return bytes;
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
  throw new Error('no checkpoint came');
}

/** Rows of open windows, all and how many windows there are. */
async function openRows({ httpPort }: Monitor): Promise<{ windows: number; rows: number }> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/v1/projects/wide/now`);
  const { openWindows } = (await response.json()) as { openWindows: { predictions: number }[] };
  return { windows: openWindows.length, rows: openWindows.reduce((sum, { predictions }) => sum + predictions, 0) };
}

export const restore: LiveRow = {
  name: 'restore',
  says: `a monitor goes on from ${textOf(WHOLE)}`,
  seed: SEED,
  async measure(bench) {
    const broker = await startKafka({ dedicated: true });
    try {
      return await measure(bench, broker, WHOLE);
    } finally {
      await broker.stop();
    }
  },
};

export function restoreSlice(bench: LiveBench, broker: DedicatedKafka): Promise<Outcome[]> {
  return measure(bench, broker, SLICE);
}

async function measure(bench: LiveBench, broker: DedicatedKafka, size: Size): Promise<Outcome[]> {
  const what = textOf(size);
  const { features, windows, timed } = size;
  const kept: Record<string, number[]> = { 'restored in ms': [], 'whole, MiB': [], 'after one row, MiB': [] };
  let isWhole = true;
  for (let round = 0; round < bench.rounds; round++) {
    const topicPrefix = `w${round}.`;
    const home = join(bench.work, `home-${round}`);
    const connection = new KafkaConnection({ brokers: broker.brokers, clientId: 'bench', topicPrefix });
    const producer = await prepare(connection, home, namesOf(size));
    const rng = seededRng(SEED + 1);
    for (let window = 0; window < windows; window++)
      await producer.send(
        'predictions.v1',
        Array.from({ length: WINDOW_ROWS }, (_, index) => predictionAt(rng, features, window, index)),
      );
    const first = await startMonitor(bench, { home, broker, topicPrefix, replica: '0' });
    await untilRead([first], windows * WINDOW_ROWS);
    await new Promise((wake) => setTimeout(wake, QUIET_MS));
    const idle = await gaugeOf(first, 'checkpoint_bytes');
    await first.stop();
    const second = await startMonitor(bench, { home, broker, topicPrefix, replica: '0' });
    kept['restored in ms']?.push(await gaugeOf(second, 'restore_duration'));
    // Nothing is read again: what is open comes from the checkpoint.
    const open = await openRows(second);
    isWhole &&= open.windows === windows && open.rows === windows * WINDOW_ROWS;
    if (timed) {
      // It has taken the number over, and writes all of it once.
      const whole = await nextBytes(second, 0);
      await new Promise((wake) => setTimeout(wake, QUIET_MS));
      const before = await gaugeOf(second, 'checkpoint_bytes');
      await producer.send('predictions.v1', [predictionAt(rng, features, windows - 1, WINDOW_ROWS)]);
      const changed = await nextBytes(second, before);
      kept['whole, MiB']?.push(Math.max(whole, idle) / 2 ** 20);
      kept['after one row, MiB']?.push(changed / 2 ** 20);
    }
    await second.stop();
    await producer.close();
    await connection.close();
  }
  const of = (name: string) => median(kept[name] ?? []);
  const ms = of('restored in ms');
  const restored = {
    figure: `restored, every row of it: ${what}`,
    target: timed ? `<= ${RESTORE_MS_MAX} ms` : 'all',
    measured: `${ms.toFixed(0)} ms, ${isWhole ? 'all' : 'not all'} rows`,
    met: isWhole && (ms <= RESTORE_MS_MAX || !timed),
    rounds: kept,
  };
  if (!timed) return [restored];
  return [
    restored,
    {
      figure: 'a checkpoint after one row : the whole',
      target: '',
      measured: `${of('after one row, MiB').toFixed(2)} : ${of('whole, MiB').toFixed(1)} MiB`,
      ratio: of('after one row, MiB') / of('whole, MiB'),
      met: undefined,
      rounds: {},
    },
  ];
}
