// A backlog of flights for monitors to read: predictions of one version with a reference, and their labels, by origin
// as the platform keys them; windows of three days, as in the flights example. Sent before anything is measured.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openArtifactStore } from '@millrace/artifacts';
import {
  encodeLabel,
  encodeModelVersion,
  encodePrediction,
  encodeReferenceProfile,
  messageKey,
} from '@millrace/contracts';
import { binaryOutputs, seededRng } from '@millrace/domain';
import { ensureTopics, type KafkaConnection, MessageProducer, type OutboundMessage } from '@millrace/kafka';
import { buildReferenceProfile } from '@millrace/statistics';
import { sendProject } from './applied-project.js';

export const PROJECT = 'flights';
export const SEED = 23;
const AIRPORTS = 300;
const REFERENCE_ROWS = 20_000;
const CHUNK_ROWS = 10_000;
const DAY_MS = 86_400_000;
const LABEL_DELAY_MS = 10_800_000;
/** Aligned to the windows. */
const FROM_MS = 300 * 3 * DAY_MS;
/** As in the flights example: 41 windows of three days, whatever the rows. */
const WINDOWS = 41;
const SPAN_MS = WINDOWS * 3 * DAY_MS;
/** The last one stays open, for no later event time comes. */
export const WINDOWS_CLOSED = WINDOWS - 1;
const MODEL_SHA256 = 'a'.repeat(64);

const airport = (index: number): string => `A${index.toString(36).padStart(2, '0')}`;

function flight(rng: ReturnType<typeof seededRng>) {
  const origin = airport(rng.below(AIRPORTS));
  return {
    origin,
    features: [rng.below(24), rng.below(7), 50 + rng.below(2_500), origin, airport(rng.below(AIRPORTS))] as const,
  };
}

/** The project, and version 1 whose package brings a reference. `archived`: its predictions are. */
export async function prepare(
  root: string,
  connection: KafkaConnection,
  home: string,
  archived = true,
): Promise<MessageProducer> {
  await ensureTopics(connection);
  const producer = new MessageProducer(connection);
  const text = readFileSync(join(root, 'examples/flights/project.yaml'), 'utf8');
  const spec = archived ? text : text.replace('\nmonitoring:\n', '\nmonitoring:\n  archive: { keep: 0s }\n');
  const project = await sendProject(producer, spec);
  const rng = seededRng(SEED);
  const rows = Array.from({ length: REFERENCE_ROWS }, () => flight(rng).features);
  const reference = buildReferenceProfile({
    features: project.features.map(({ name, kind }, i) =>
      kind === 'numeric'
        ? { name, kind, values: rows.map((row) => row[i] as number) }
        : { name, kind, values: rows.map((row) => String(row[i])) },
    ),
    scoreName: 'probability',
    scores: rows.map(() => rng.next()),
    positiveShare: 0.2,
  });
  const packagePath = `models/${PROJECT}/1`;
  const plan = {
    format: 2,
    inputs: project.features.map(({ name, kind }) => ({
      name,
      type: kind === 'numeric' || name === 'hour' || name === 'weekday' ? 'number' : 'text',
    })),
    steps: [],
    leftOut: project.features.map(({ name, kind }) => ({ kind, input: name })),
    width: 0,
    rows: REFERENCE_ROWS,
  };
  const store = openArtifactStore({ home });
  await store.put(`${packagePath}/reference.pb`, encodeReferenceProfile(reference));
  await store.put(`${packagePath}/features.json`, JSON.stringify(plan));
  await store.put(`${packagePath}/manifest.json`, JSON.stringify({ files: { 'reference.pb': '' } }));
  const evaluation = {
    ...{ rows: 5_000, metrics: { auc: 0.5, log_loss: 0.7, accuracy: 0.5 }, positiveShare: 0.2 },
    ...{ eventTimeFromMs: 0, eventTimeToMs: 1 },
  };
  const value = encodeModelVersion({
    ...{ project: PROJECT, version: 1, packagePath, modelSha256: MODEL_SHA256, packageSha256: 'b'.repeat(64) },
    ...{ blessed: true, verdict: '', warnings: [], reasons: ['first version'], evaluation, championVersion: 0 },
    ...{ baselines: [], slices: [], datasetVersions: ['d'.repeat(64)], trainingId: 't1', workers: 2, seed: 1 },
    ...{ createdAtMs: 1, correlationId: '', trainRows: REFERENCE_ROWS, trainSeconds: 3, origin: 'trained' as const },
    labelRule: '',
  });
  await producer.send('models.v1', [{ key: `${PROJECT}/1`, value }]);
  return producer;
}

/** `labels`: as many as predictions; else none. In the order of event time, a label after its prediction. */
export async function sendBacklog(producer: MessageProducer, rows: number, labels: boolean): Promise<void> {
  const rng = seededRng(SEED + 1);
  const stepMs = SPAN_MS / rows;
  for (let from = 0; from < rows; from += CHUNK_ROWS) {
    const predictions: OutboundMessage[] = [];
    const known: OutboundMessage[] = [];
    for (let i = from; i < Math.min(rows, from + CHUNK_ROWS); i++) {
      const { origin: entity, features } = flight(rng);
      const eventTimeMs = Math.floor(FROM_MS + i * stepMs);
      const key = messageKey(PROJECT, entity);
      const probability = rng.next();
      const common = { project: PROJECT, entity, eventTimeMs, predictionId: `f${i}/0` };
      const prediction = encodePrediction({
        ...{ ...common, modelVersion: 1, answeredAtMs: eventTimeMs + 2, latencyUs: 500 + rng.below(500), features },
        ...{ outputs: binaryOutputs(probability), traceId: '', modelSha256: MODEL_SHA256, role: 'live' as const },
      });
      predictions.push({ key, value: prediction });
      if (!labels) continue;
      const label = encodeLabel({
        ...{ ...common, recordId: `f${i}`, value: rng.next() < probability ? 1 : 0, source: 'bench' },
        ...{ knownAtMs: eventTimeMs + LABEL_DELAY_MS, ingestedAtMs: eventTimeMs },
      });
      known.push({ key, value: label });
    }
    await producer.send('predictions.v1', predictions);
    if (labels) await producer.send('labels.v1', known);
  }
}
