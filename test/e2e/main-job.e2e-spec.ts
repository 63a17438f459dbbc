// The main job on a small slice, end to end with every real process: one start, then what each kind of user would see.

import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OtlpReceiver } from './support/otlp-receiver.http.js';
import { Platform, REPOSITORY, until } from './support/platform.process.js';

const ROWS = 60_000;
const REPLAY_ROWS = 30_000;
/** So that the loop is through before the rows are used up, also where something else uses one of two cores. */
const RATE = 500;
/**
 * The job says what it does at least every tenth of a stage; silent for this long it hangs, however busy the machine
 * is.
 */
const SILENT_MS_MAX = 120_000;
/** Longer than the job takes on one slow core: only `SILENT_MS_MAX` ends it. */
const JOB_MS_MAX = 1_200_000;

interface Summary {
  ok: boolean;
  checks: { name: string; ok: boolean; detail: string }[];
  rows_ingested: number;
  rows_dead_lettered: number;
  requests: number;
  request_failures: number;
  labels_sent: number;
  labels_joined: number;
  windows_closed: number;
  drift_events: { feature: string }[];
  model_versions: {
    version: number;
    blessed: boolean;
    workers: number;
    sha256: string;
    live_rows: number;
    log_loss: number;
    champion: { log_loss: number } | null;
  }[];
  switches: { from: number; to: number; effective_ms: number; failed: number }[];
  latency_ms: Record<string, { count: number }>;
}

describe('the main job', () => {
  let platform: Platform;
  let receiver: OtlpReceiver;
  let main: ReturnType<Platform['spawn']>;
  let summary: Summary;

  beforeAll(async () => {
    const otlp = await OtlpReceiver.listen();
    receiver = otlp.receiver;
    platform = await Platform.create({ OTEL_EXPORTER_OTLP_ENDPOINT: otlp.endpoint });
    const text = readFileSync(join(REPOSITORY, 'examples/flights/project.yaml'), 'utf8')
      .replace('window: 3d', 'window: 6d')
      .replace('versionEvery: 3d', 'versionEvery: 6d');
    // The slice has larger windows, so that each holds enough rows to be tested.
    const project = join(platform.home, 'project.yaml');
    writeFileSync(project, text);
    main = platform.spawn([
      'start',
      '--project',
      project,
      '--rows',
      String(ROWS),
      '--replay-rows',
      String(REPLAY_ROWS),
      '--rate',
      String(RATE),
    ]);
    await until(
      () => main.output().includes('Ctrl-C stops everything'),
      SILENT_MS_MAX,
      () => platform.report(main),
      main,
    );
    summary = platform.summary<Summary>();
  }, JOB_MS_MAX);

  afterAll(() => {
    main?.child.kill('SIGKILL');
    receiver?.close();
    platform?.remove();
  });

  it('meets each stage’s own check', () => {
    expect(summary.checks.filter((check) => !check.ok)).toEqual([]);
    expect(summary.ok).toBe(true);
  });

  it('ingests and refuses what it should, and joins every label', () => {
    expect(summary.rows_dead_lettered).toBe(25);
    expect(summary.rows_ingested).toBeGreaterThanOrEqual(ROWS + REPLAY_ROWS);
    expect(summary.requests).toBeGreaterThanOrEqual(REPLAY_ROWS);
    expect(summary.request_failures).toBe(0);
    expect(summary.labels_joined).toBe(summary.labels_sent);
    expect(summary.windows_closed).toBeGreaterThan(10);
  });

  it('names hour or distance as drifted, retrains and switches', () => {
    expect(
      summary.drift_events.map((event) => event.feature).some((feature) => ['hour', 'distance'].includes(feature)),
    ).toBe(true);
    const [first, second] = summary.model_versions;
    expect(first).toMatchObject({ version: 1, blessed: true, workers: 2 });
    expect(second?.blessed).toBe(true);
    expect(second?.log_loss).toBeLessThan(second?.champion?.log_loss ?? 0);
    expect(first?.sha256).not.toBe(second?.sha256);
    expect(summary.switches.map(({ from, to }) => `${from}→${to}`)).toEqual(expect.arrayContaining(['1→2', '2→1']));
    for (const change of summary.switches) expect(change).toMatchObject({ failed: 0 });
    expect(Object.keys(summary.latency_ms)).toEqual(expect.arrayContaining(['replay', 'retrain', 'switch']));
  });

  it('can be followed in one trace from the client through router, serving and Kafka to the monitor', async () => {
    // The driver gives every 1,000th row a sampled traceparent whose trace id is the row's number.
    const traceId = (1_001).toString(16).padStart(32, '0');
    const services = () =>
      new Set(
        receiver.spans
          .filter((span) => span.traceId === traceId || span.linkedTraceIds.includes(traceId))
          .map((span) => span.service),
      );
    await until(
      () => ['router', 'serving', 'monitor'].every((name) => [...services()].some((service) => service.includes(name))),
      20_000,
      () => `the trace has spans of: ${[...services()].join(', ')}`,
    );
    const spans = receiver.spans.filter((span) => span.traceId === traceId);
    const ids = new Set(spans.map((span) => span.spanId));
    const clientSpan = (1_001).toString(16).padStart(16, '0');
    for (const span of spans) expect(ids.has(span.parentSpanId) || span.parentSpanId === clientSpan).toBe(true);
  }, 30_000);

  it('answers a real V2 client', async () => {
    const setup = JSON.parse(readFileSync(join(REPOSITORY, 'node_modules/.millrace/setup.json'), 'utf8')) as {
      python?: { binary: string };
    };
    if (!setup.python) throw new Error('there is no Python environment with tritonclient; `npm test` makes it');
    const { stdout } = await promisify(execFile)(setup.python.binary, [
      join(REPOSITORY, 'test/e2e/tritonclient_check.py'),
      '--http',
      `127.0.0.1:${platform.ports.MILLRACE_ROUTER_HTTP_PORT}`,
      '--grpc',
      `127.0.0.1:${platform.ports.MILLRACE_ROUTER_GRPC_PORT}`,
      '--model',
      'flights',
    ]);
    expect(stdout).toContain('ok');
  }, 60_000);

  it('predicts a file through the router, with the columns that the project derives', async () => {
    const file = join(platform.home, 'more.csv');
    const rows = Array.from({ length: 3_000 }, (_, i) => {
      const date = new Date(Date.UTC(2001, 4, 1) + i * 600_000).toISOString().slice(0, 19).replace('T', ' ');
      return `${i},${date},${200 + (i % 2_000)},ORD,ATL`;
    });
    writeFileSync(file, ['flight,date,distance,origin,destination', ...rows].join('\n'));
    const output = join(platform.home, 'more-scored.csv');
    const project = join(platform.home, 'project.yaml');
    const files = ['--input', file, '--output', output, '--project', project];
    const predicted = await platform.run(['predict', 'flights', ...files]);
    expect(predicted).toMatchObject({ code: 0, output: expect.stringContaining('3000 rows predicted, 0 refused') });
    const [head, ...lines] = readFileSync(output, 'utf8').trim().split('\n') as [string, ...string[]];
    expect(head).toBe('flight,date,distance,origin,destination,probability,label,prediction_id,prediction_error');
    const probabilities = lines.map((line) => Number(line.split(',')[5]));
    expect(lines.map((line) => Number(line.split(',')[0]))).toEqual(rows.map((_, i) => i));
    expect(probabilities.every((p) => p > 0 && p < 1)).toBe(true);
    expect(new Set(probabilities).size).toBeGreaterThan(100);
  }, 60_000);

  it('tells its state on the command line', async () => {
    const status = await platform.run(['status', '--json']);
    expect(status.code).toBe(0);
    const { services, projects } = JSON.parse(status.output) as {
      services: { state: string; restarts: number }[];
      projects: { name: string; liveVersion: number }[];
    };
    expect(services.map(({ state, restarts }) => [state, restarts])).toEqual(Array(5).fill(['ready', 0]));
    expect(projects).toMatchObject([{ name: 'flights', liveVersion: expect.any(Number) }]);
    const loop = await platform.run(['loop', 'flights']);
    expect(loop.output).toMatch(/phase: .*\n.*in service\nwaits for /);
    const strange = await platform.run(['train', 'flights', '--dataset', 'ffffffff']);
    expect(strange).toMatchObject({
      code: 4,
      output: expect.stringContaining('`millrace datasets flights` lists them'),
    });
    const models = await platform.run(['models', 'flights']);
    expect(models.output).toMatch(/version .*auc/);
    const slices = await platform.run(['models', 'flights', '--slices']);
    expect(slices.output).toMatch(/\borigin\s+[A-Z]{3}\b/);
    const dlq = await platform.run(['dlq', 'list', 'flights', '--json']);
    expect(JSON.parse(dlq.output)).toHaveLength(25);
    // A refused label is a dead letter, too: after they were counted.
    const labels = await platform.run(['labels', 'add', 'flights', '--record', 'x', '--value', '1']);
    expect(labels).toMatchObject({
      code: 1,
      output: expect.stringMatching(/0 labels accepted, 1 refused\n {2}row 1 \(x\): /),
    });
    const wrong = await platform.run(['models', 'nobody']);
    expect(wrong.code).toBe(4);
    const second = await platform.run(['up']);
    expect(second.code).not.toBe(0);
    expect(second.output).toContain('already runs');
  }, 60_000);

  it('stops cleanly on SIGINT, with exit code 0 and no orphan', async () => {
    main.child.kill('SIGINT');
    const { code } = await main.finished;
    expect(code).toBe(0);
    expect(platform.processes()).toEqual([]);
  }, 60_000);
});

describe('a wrong project file', () => {
  it('is refused with all faults at once, and nothing is started', async () => {
    const platform = await Platform.create();
    const project = join(platform.home, 'project.yaml');
    const text = readFileSync(join(REPOSITORY, 'examples/flights/project.yaml'), 'utf8');
    writeFileSync(
      project,
      text
        .replace('entity: origin', 'entity: orign')
        .replace('operation: gt', 'operation: above')
        .replace('kind: mlp', 'kind: mlpp'),
    );
    const { code, output } = await platform.run(['start', '--once', '--project', project]);
    expect(code).toBe(2);
    for (const path of ['data.entity', 'data.label.operation', 'model.kind']) expect(output).toContain(path);
    expect(output).toMatch(/project\.yaml:\d+:\d+/);
    expect(platform.processes()).toEqual([]);
    platform.remove();
  }, 30_000);
});
