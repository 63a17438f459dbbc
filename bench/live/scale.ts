// Whether what ingest does depends on how many dataset versions a project has, and on how many projects there are: the
// same calls with 10 and with 10,000 versions, with 1 and with 1,000 projects.

import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DatasetVersion, encodeDatasetVersion } from '@millrace/contracts';
import { systemClock } from '@millrace/domain';
import { ensureTopics, KafkaConnection, MessageProducer } from '@millrace/kafka';
import { type DedicatedKafka, eventually, freePort, startKafka } from '@millrace/testing';
import { stateOf } from '../live-intake/ingest.process.js';
import { median, type Outcome } from '../serving/row.js';
import { type System, startSystem } from '../serving/systems.process.js';
import type { LiveBench, LiveRow } from './row.js';

const VERSIONS = [10, 10_000] as const;
const PROJECTS = [1, 1_000] as const;
const CALLS = 20;
const CLOSES = 5;
const IDLE_S = 5;
const SPAN_MS = 60_000;
const SENT_AT_ONCE = 1_000;
/** Calls and closes do not know the number; a start reads the topic, at some 20,000 versions a second. */
const RATIO_MAX = 1.5;
const START_MORE_S_MAX = 3;

const textOf = (name: string) => `name: ${name}
data:
  entity: who
  eventTime: at
  versionEvery: 1m
  closeAfterIdle: 30d
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: who, type: text, required: true }
    - { name: size, type: number }
features: [{ name: size, kind: numeric }]
`;

interface Place {
  broker: DedicatedKafka;
  topicPrefix: string;
  home: string;
}

interface Running extends System {
  startSeconds: number;
  ask(path: string, body?: unknown, type?: string): Promise<unknown>;
}

async function start(bench: LiveBench, { broker, topicPrefix, home }: Place): Promise<Running> {
  const [httpPort, grpcPort] = [await freePort(), await freePort()];
  const begunMs = performance.now();
  mkdirSync(home, { recursive: true });
  const system = await startSystem({
    name: 'ingest',
    command: process.execPath,
    args: [...bench.nodeArguments, join(bench.root, 'dist/services/ingest/src/main.js')],
    env: {
      MILLRACE_HOME: home,
      MILLRACE_KAFKA_BROKERS: broker.brokers.join(','),
      MILLRACE_TOPIC_PREFIX: topicPrefix,
      MILLRACE_INGEST_HTTP_PORT: String(httpPort),
      MILLRACE_INGEST_GRPC_PORT: String(grpcPort),
    },
    log: join(home, 'ingest.log'),
    grpcPort,
    httpPort,
  });
  const url = `http://127.0.0.1:${httpPort}`;
  const isReady = () =>
    fetch(`${url}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  await eventually('ingest is ready', isReady, 120_000).catch((error) => {
    throw new Error(`${error}\n${readFileSync(join(home, 'ingest.log'), 'utf8').slice(-4_000)}`);
  });
  return {
    ...system,
    startSeconds: (performance.now() - begunMs) / 1_000,
    ask: async (path, body, type = 'application/json') => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const init = body === undefined ? {} : { method: 'POST', body: text, headers: { 'content-type': type } };
      const response = await fetch(`${url}${path}`, init);
      if (!response.ok) throw new Error(`${path} was answered ${response.status}: ${await response.text()}`);
      return response.json();
    },
  };
}

async function medianMs(times: number, call: (index: number) => Promise<unknown>): Promise<number> {
  const took: number[] = [];
  for (let index = 0; index < times; index++) {
    const begunMs = performance.now();
    await call(index);
    took.push(performance.now() - begunMs);
  }
  return median(took);
}

const pause = (ms: number) => new Promise<void>((wake) => setTimeout(wake, ms));

/** Percent of a core with nothing to do. */
async function idlePercent(pid: number): Promise<number> {
  const before = stateOf(pid).cpuSeconds;
  await pause(IDLE_S * 1_000);
  return ((stateOf(pid).cpuSeconds - before) / IDLE_S) * 100;
}

function version(ordinal: number, closedAtMs: number): DatasetVersion {
  const id = ordinal.toString(16).padStart(64, '0');
  const windowStartMs = 1_700_000_000_000 - (1_700_000_000_000 % SPAN_MS) + ordinal * SPAN_MS;
  return {
    ...{ project: 'p0', id, kind: 'live', ordinal, parent: '', rowsOf: 0, schemaHash: id, rows: 100, labelledRows: 0 },
    labelRule: '',
    ...{ eventTimeFromMs: windowStartMs, eventTimeToMs: windowStartMs + SPAN_MS - 1, offsets: [], closedAtMs },
    ...{ parquetPath: `datasets/p0/${id}/a.parquet`, parquetSha256: id, source: 'stream', nulled: [] },
    ...{ windowStartMs, windowEndMs: windowStartMs + SPAN_MS, lateRows: 0, repeatedRows: 0 },
  };
}

type Found = Record<'start' | 'rss' | 'stats' | 'record' | 'close' | 'idle' | 'list' | 'all', number>;

async function measured(running: Running, project: string): Promise<Found> {
  const { pid, startSeconds, ask } = running;
  const record = (index: number) => {
    const at = systemClock.nowMs();
    const values = { at, who: `w${index}`, size: index };
    return ask(`/v1/projects/${project}/records`, [{ recordId: `r${at}-${index}`, values }]);
  };
  // The first calls of each compile their code.
  for (let warm = 0; warm < 3; warm++) {
    await record(warm);
    await ask('/v1/stats');
  }
  const read = async () => {
    const { projects } = (await ask('/v1/stats')) as { projects: Record<string, Record<string, number>> };
    return (projects[project]?.openRows ?? 0) >= 3;
  };
  await eventually('the records are read', read, 60_000);
  await ask(`/v1/projects/${project}/datasets/close`, '');
  return {
    start: startSeconds,
    record: await medianMs(CALLS, record),
    close: await medianMs(CLOSES, async (index) => {
      await record(CALLS + index);
      await ask(`/v1/projects/${project}/datasets/close`, '');
    }),
    stats: await medianMs(CALLS, () => ask(`/v1/stats?project=${project}`)),
    all: await medianMs(CALLS, () => ask('/v1/stats')),
    list: await medianMs(3, () => ask(`/v1/projects/${project}/datasets`)),
    idle: await idlePercent(pid),
    rss: stateOf(pid).rssMib,
  };
}

async function withVersions(bench: LiveBench, at: Place, count: number): Promise<Found> {
  const { broker } = at;
  const place = { broker, topicPrefix: `${at.topicPrefix}v${count}.`, home: join(at.home, `versions-${count}`) };
  const first = await start(bench, place);
  await first.ask('/v1/projects?folder=/bench', textOf('p0'), 'application/yaml');
  await first.stop();
  const connection = new KafkaConnection({
    brokers: broker.brokers,
    clientId: 'bench',
    topicPrefix: place.topicPrefix,
  });
  const producer = new MessageProducer(connection);
  await ensureTopics(connection);
  await producer.connect();
  const closedAtMs = systemClock.nowMs();
  for (let from = 1; from <= count; from += SENT_AT_ONCE) {
    const some = Array.from({ length: Math.min(SENT_AT_ONCE, count + 1 - from) }, (_, i) =>
      version(from + i, closedAtMs),
    );
    await producer.send(
      'datasets.v1',
      some.map((each) => ({ key: `p0/${each.id}`, value: encodeDatasetVersion(each) })),
    );
  }
  await producer.close();
  await connection.close();
  const running = await start(bench, place);
  try {
    return await measured(running, 'p0');
  } finally {
    await running.stop();
  }
}

async function withProjects(bench: LiveBench, { broker, topicPrefix, home }: Place, count: number): Promise<Found> {
  const place = { broker, topicPrefix: `${topicPrefix}p${count}.`, home: join(home, `projects-${count}`) };
  const first = await start(bench, place);
  for (let index = 0; index < count; index++)
    await first.ask('/v1/projects?folder=/bench', textOf(`p${index}`), 'application/yaml');
  // Each has something open.
  for (let index = 0; index < count; index++) {
    const values = { at: systemClock.nowMs(), who: 'w', size: 1 };
    await first.ask(`/v1/projects/p${index}/records`, [{ recordId: 'open', values }]);
  }
  await first.stop();
  const running = await start(bench, place);
  try {
    return await measured(running, `p${count - 1}`);
  } finally {
    await running.stop();
  }
}

function outcomes(what: string, few: Found[], many: Found[], counts: readonly [number, number]): Outcome[] {
  const of = (found: Found[], name: keyof Found) => median(found.map((each) => each[name]));
  const figure = (
    name: keyof Found,
    text: string,
    unit: string,
    limit?: (a: number, b: number) => boolean,
    target = '-',
  ) => {
    const [a, b] = [of(few, name), of(many, name)];
    return {
      figure: `${text}, ${counts[0]} → ${counts[1]} ${what}`,
      target,
      measured: `${a.toFixed(1)} → ${b.toFixed(1)} ${unit}`,
      ratio: b / a,
      met: limit?.(a, b),
      rounds: {
        [`${name}, ${counts[0]} ${what}`]: few.map((each) => each[name]),
        [`${name}, ${counts[1]} ${what}`]: many.map((each) => each[name]),
      },
    };
  };
  const flat = (a: number, b: number) => b <= RATIO_MAX * a;
  return [
    figure('record', 'a record over HTTP', 'ms', flat, `<= ${RATIO_MAX} ×`),
    figure('close', 'a span closed by hand', 'ms', flat, `<= ${RATIO_MAX} ×`),
    figure('start', 'from start to ready', 's', (a, b) => b <= a + START_MORE_S_MAX, `<= ${START_MORE_S_MAX} s more`),
    figure('stats', 'GET /v1/stats of one project', 'ms', flat, `<= ${RATIO_MAX} ×`),
    figure('all', 'GET /v1/stats of all projects', 'ms'),
    figure('list', 'the list of the newest hundred versions', 'ms'),
    figure('idle', 'of a core with nothing to do', '%'),
    figure('rss', 'resident memory', 'MiB'),
  ];
}

export const scale: LiveRow = {
  name: 'scale',
  says: 'ingest with 10 and 10,000 dataset versions of a project, with 1 and 1,000 projects',
  seed: 0,
  async measure(bench: LiveBench): Promise<Outcome[]> {
    const broker = await startKafka({ dedicated: true });
    try {
      const found = { versions: [[], []] as [Found[], Found[]], projects: [[], []] as [Found[], Found[]] };
      for (let round = 0; round < bench.rounds; round++) {
        const at = { broker, topicPrefix: `r${round}.`, home: join(bench.work, `round-${round}`) };
        for (const [place, count] of VERSIONS.entries())
          found.versions[place]?.push(await withVersions(bench, at, count));
        for (const [place, count] of PROJECTS.entries())
          found.projects[place]?.push(await withProjects(bench, at, count));
      }
      return [
        ...outcomes('versions', ...found.versions, VERSIONS),
        ...outcomes('projects', ...found.projects, PROJECTS),
      ];
    } finally {
      await broker.stop();
    }
  },
};
