// The built monitor as a process of its own, on free ports, with a project, packages and streams that a test controls.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openArtifactStore } from '@millrace/artifacts';
import { environment } from '@millrace/config';
import {
  DRIFT_EVENT_TYPE,
  type DriftEvent,
  decodeDriftEvent,
  decodeRolloutLosses,
  decodeWindowMetrics,
  encodeLabel,
  encodeModelVersion,
  encodePrediction,
  encodeProject,
  encodeReferenceProfile,
  messageKey,
  type RolloutLossesMessage,
  type WindowMetrics,
} from '@millrace/contracts';
import { binaryOutputs, seededRng } from '@millrace/domain';
import type { FittedPlan } from '@millrace/features';
import { CompactedReader, ensureTopics, KafkaConnection, MessageProducer, type OutboundMessage } from '@millrace/kafka';
import { parseProject } from '@millrace/project';
import { buildReferenceProfile } from '@millrace/statistics';
import { aLabel, aPrediction, cloneRoot, eventually, freePort } from '@millrace/testing';

export const WINDOW_MS = 60_000;
export const DELAY_MS = 5_000;
/** Event time of the first row, aligned to the window. */
export const FROM_MS = 1_200_000_000_000 - (1_200_000_000_000 % WINDOW_MS);

export const PROJECT_FILE = `
name: demo
scope: { problem: Will it?, task: binary, metric: log_loss, baselines: [{ name: majority, kind: trivial }], resources: { workers: 1 } }
data:
  sources: {}
  entity: c
  eventTime: t
  columns:
    - { name: t, type: timestamp, required: true }
    - { name: x, type: number }
    - { name: c, type: text, required: true }
    - { name: y, type: number, outcome: true }
  label: { name: late, column: y, operation: gt, value: 0, delay: 5s }
  versionEvery: 1m
features:
  - { name: x, kind: numeric }
  - { name: c, kind: categorical }
model: { kind: mlp, hidden: [4] }
monitoring:
  window: 1m
  allowedLateness: 1s
  minRows: 200
  input: { psi: 0.2, ksStatistic: 0.1, cramersV: 0.1, alpha: 0.001, missingShare: 0.02, unseenShare: 0.02 }
  consecutiveWindows: 1
`;

/** The version whose package brings no reference, as that of a model that was registered without rows. */
export const WITHOUT_REFERENCE = 3;

/** Of every version: nothing is encoded here, the monitor asks for names and kinds only. */
const PLAN: FittedPlan = {
  format: 2,
  inputs: [
    { name: 'x', type: 'number' },
    { name: 'c', type: 'text' },
  ],
  steps: [],
  leftOut: [
    { kind: 'numeric', input: 'x' },
    { kind: 'categorical', input: 'c' },
  ],
  width: 0,
  rows: 20_000,
};

let built = false;
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface MonitorProcess {
  readonly url: string;
  readonly grpc: string;
  readonly child: ChildProcess;
  log(): string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON came
  get(path: string): Promise<any>;
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

export async function startMonitor(settings: {
  home: string;
  brokers: readonly string[];
  topicPrefix: string;
  env?: Record<string, string>;
}): Promise<MonitorProcess> {
  if (!built) execFileSync(process.execPath, [join(cloneRoot(), 'tools/setup/build.mjs')]);
  built = true;
  const [httpPort, grpcPort] = [await freePort(), await freePort()];
  const logFile = join(settings.home, 'monitor.log');
  const out = openSync(logFile, 'a');
  const child = spawn(process.execPath, [join(cloneRoot(), 'dist/services/monitor/src/main.js')], {
    stdio: ['ignore', out, out],
    env: {
      ...environment(),
      NODE_OPTIONS: '',
      MILLRACE_HOME: settings.home,
      MILLRACE_KAFKA_BROKERS: settings.brokers.join(','),
      MILLRACE_TOPIC_PREFIX: settings.topicPrefix,
      MILLRACE_MONITOR_HTTP_PORT: String(httpPort),
      MILLRACE_MONITOR_GRPC_PORT: String(grpcPort),
      MILLRACE_MONITOR_CHECKPOINT_EVERY: '200ms',
      ...settings.env,
    },
  });
  running.add(child);
  const ended = new Promise<number | null>((resolve) =>
    child.once('exit', (code) => {
      running.delete(child);
      resolve(code);
    }),
  );
  const url = `http://127.0.0.1:${httpPort}`;
  const log = () => readFileSync(logFile, 'utf8');
  const monitor: MonitorProcess = {
    url,
    grpc: `127.0.0.1:${grpcPort}`,
    child,
    log,
    async get(path) {
      const response = await fetch(`${url}${path}`);
      return response.json();
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    async stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
  await eventually(
    `monitor ready\n${log().slice(-2000)}`,
    async () => {
      if (child.exitCode !== null) throw new Error(`monitor ended: ${log().slice(-3000)}`);
      return fetch(`${url}/health/ready`).then(
        (response) => response.ok,
        () => false,
      );
    },
    30_000,
  );
  return monitor;
}

/** Topics, the project, and version 1 (and 2) with a reference over x ~ N(0,1) and c uniform over five values. */
export async function preparePlatform(brokers: readonly string[], topicPrefix: string, home: string) {
  const connection = new KafkaConnection({ brokers, clientId: 'monitor-test', topicPrefix });
  await ensureTopics(connection);
  const producer = new MessageProducer(connection);
  const parsed = parseProject(PROJECT_FILE, 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  await producer.send('projects.v1', [
    {
      key: 'demo',
      value: encodeProject({
        name: 'demo',
        revision: 1,
        document: parsed.document,
        documentSha256: '',
        appliedAtMs: 1,
        labelRuleSinceMs: 0,
        earlierSchemas: [],
        createdAtMs: 0,
      }),
    },
  ]);
  const rng = seededRng(1);
  const profile = buildReferenceProfile({
    features: [
      { name: 'x', kind: 'numeric', values: Array.from({ length: 20_000 }, () => rng.normal()) },
      { name: 'c', kind: 'categorical', values: Array.from({ length: 20_000 }, () => `c${rng.below(5)}`) },
    ],
    scoreName: 'probability',
    scores: Array.from({ length: 20_000 }, () => rng.next()),
    positiveShare: 0.5,
  });
  const store = openArtifactStore({ home });
  for (const version of [1, 2, WITHOUT_REFERENCE]) {
    const packagePath = `models/demo/${version}`;
    const files = version === WITHOUT_REFERENCE ? {} : { 'reference.pb': '' };
    if (version !== WITHOUT_REFERENCE) {
      await store.put(`${packagePath}/reference.pb`, encodeReferenceProfile(profile));
    }
    await store.put(`${packagePath}/features.json`, JSON.stringify(PLAN));
    await store.put(`${packagePath}/manifest.json`, JSON.stringify({ files }));
    await producer.send('models.v1', [
      {
        key: `demo/${version}`,
        value: encodeModelVersion({
          project: 'demo',
          version,
          packagePath,
          modelSha256: 'a'.repeat(64),
          packageSha256: 'b'.repeat(64),
          blessed: true,
          verdict: '',
          warnings: [],
          reasons: ['first version'],
          evaluation: {
            rows: 5_000,
            metrics: { auc: 0.83, log_loss: 0.5, accuracy: 0.75 },
            positiveShare: 0.5,
            eventTimeFromMs: 0,
            eventTimeToMs: 1,
          },
          championVersion: 0,
          baselines: [],
          slices: [],
          datasetVersions: ['d'.repeat(64)],
          trainingId: 't1',
          workers: 2,
          seed: 1,
          createdAtMs: 1,
          correlationId: '',
          trainRows: 20_000,
          trainSeconds: 3,
          origin: 'trained',
          labelRule: '',
        }),
      },
    ]);
  }
  return {
    producer,
    connection,
    close: async () => {
      await producer.close();
      await connection.close();
    },
  };
}

export interface StreamSettings {
  rows: number;
  /** Event time between two rows. */
  stepMs: number;
  /** From this row on x is shifted by 1. */
  shiftFrom: number;
  seed: number;
  firstRow?: number;
  /** That answers; default 1. */
  version?: number;
}

/** The messages of `rows` predictions and their labels, in the order of event time (labels DELAY_MS later). */
export function streamOf({ rows, stepMs, shiftFrom, seed, firstRow = 0, version = 1 }: StreamSettings) {
  const rng = seededRng(seed);
  const all: { atMs: number; topic: 'predictions.v1' | 'labels.v1'; message: OutboundMessage }[] = [];
  for (let i = firstRow; i < firstRow + rows; i++) {
    const eventTimeMs = FROM_MS + i * stepMs;
    const entity = `c${rng.below(5)}`;
    const probability = rng.next();
    const key = messageKey('demo', entity);
    const features = [rng.normal() + (i >= shiftFrom ? 1 : 0), entity];
    const prediction = aPrediction({
      predictionId: `r${i}/0`,
      modelVersion: version,
      entity,
      eventTimeMs,
      answeredAtMs: eventTimeMs + 2,
      features,
      outputs: binaryOutputs(probability),
      // In one row of four: a client that names its version is drawn by nobody.
      ...(i % 4 === 0 ? {} : { draw: { fromRevision: 3, weight: 20 } }),
    });
    const label = aLabel({
      recordId: `r${i}`,
      predictionId: `r${i}/0`,
      entity,
      eventTimeMs,
      knownAtMs: eventTimeMs + DELAY_MS,
      value: rng.next() < probability ? 1 : 0,
    });
    all.push({ atMs: eventTimeMs, topic: 'predictions.v1', message: { key, value: encodePrediction(prediction) } });
    all.push({ atMs: eventTimeMs + DELAY_MS, topic: 'labels.v1', message: { key, value: encodeLabel(label) } });
  }
  return all.sort((a, b) => a.atMs - b.atMs);
}

/** Sends in chunks, waiting for each topic's acknowledgement before the next chunk. */
export async function sendAll(
  producer: MessageProducer,
  messages: ReturnType<typeof streamOf>,
  chunk = 500,
  between: () => Promise<void> = async () => undefined,
): Promise<void> {
  for (let at = 0; at < messages.length; at += chunk) {
    const part = messages.slice(at, at + chunk);
    for (const topic of ['predictions.v1', 'labels.v1'] as const) {
      const own = part.filter((one) => one.topic === topic).map((one) => one.message);
      await producer.send(topic, own);
    }
    await between();
  }
}

/** What services downstream hear of drift and windows, as it comes. */
export async function downstreamOf(connection: KafkaConnection) {
  const drift: DriftEvent[] = [];
  const metrics: WindowMetrics[] = [];
  /** By partition: the newest word of labels of a rollout. */
  const losses = new Map<number, RolloutLossesMessage['cells']>();
  const reader = new CompactedReader(connection, {
    name: 'downstream',
    topics: {
      'drift.v1': (_key, value) => {
        const event = value === null ? undefined : decodeDriftEvent(value);
        if (event?.type === DRIFT_EVENT_TYPE) drift.push(event);
      },
      'losses.v1': (_key, value) => {
        if (value === null) return;
        const { partition, cells } = decodeRolloutLosses(value);
        losses.set(partition, cells);
      },
      'metrics.v1': (_key, value) => void (value !== null && metrics.push(decodeWindowMetrics(value))),
    },
  });
  // Topics that were made a moment ago may not have their leaders yet.
  await eventually('the downstream reader starts', () =>
    reader.start().then(
      () => true,
      () => false,
    ),
  );
  return { drift, metrics, losses, close: () => reader.close() };
}
