// The monitor with a real Kafka: predictions and labels in, windows and drift events out; kill -9 in the middle changes
// nothing of what comes out.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type DriftEvent, MonitorService, type WindowMetrics } from '@millrace/contracts';
import { cohortOfVersion } from '@millrace/domain';
import { createClient } from '@millrace/grpc';
import { ensureTopics } from '@millrace/kafka';
import { eventually, recreateTopics, startKafka, type TestKafka, uniquePrefix } from '@millrace/testing';
import {
  downstreamOf,
  FROM_MS,
  type MonitorProcess,
  preparePlatform,
  sendAll,
  startMonitor,
  streamOf,
  WINDOW_MS,
} from './monitor-process.js';

const ROWS = 12_000;
const STEP_MS = 50;
const SHIFT_FROM = 7_200;
/** Rows fill 10 windows; the last one stays open, because no later event time comes. */
const WINDOWS_CLOSED = 9;

let kafka: TestKafka;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  kafka = await startKafka();
}, 90_000);

afterAll(async () => {
  for (const end of ends.reverse()) await end();
}, 60_000);

interface World {
  monitor: MonitorProcess;
  home: string;
  prefix: string;
  platform: Awaited<ReturnType<typeof preparePlatform>>;
  drift: DriftEvent[];
  metrics: WindowMetrics[];
}

async function aWorld(): Promise<World> {
  const home = await mkdtemp(join(tmpdir(), 'millrace-monitor-'));
  ends.push(() => rm(home, { recursive: true, force: true }));
  const prefix = uniquePrefix();
  const platform = await preparePlatform(kafka.brokers, prefix, home);
  ends.push(() => platform.close());
  const { drift, metrics, close } = await downstreamOf(platform.connection);
  ends.push(close);
  const monitor = await startMonitor({ home, brokers: kafka.brokers, topicPrefix: prefix });
  ends.push(() => monitor.stop());
  return { monitor, home, prefix, platform, drift, metrics };
}

/** Until windows are closed, their quality is judged, and every label has joined. */
async function judged(monitor: MonitorProcess): Promise<void> {
  await eventually('windows close', async () => {
    const { windows } = await monitor.get('/v1/projects/demo/windows');
    const { labelsJoined, counters } = await monitor.get('/v1/projects/demo/labels-joined');
    return windows.length === WINDOWS_CLOSED && counters.qualityJudged === WINDOWS_CLOSED && labelsJoined === ROWS;
  });
}

/** What must not depend on how often the process died. */
async function outcome(monitor: MonitorProcess) {
  const { windows } = await monitor.get('/v1/projects/demo/windows?limit=100');
  const { cohorts } = await monitor.get('/v1/projects/demo/quality');
  const { alarms } = await monitor.get('/v1/projects/demo/alarms');
  const { counters } = await monitor.get('/v1/projects/demo/labels-joined');
  const settled = JSON.parse(
    JSON.stringify({ windows, cohorts, alarms }, (key, value) => {
      if (key === 'closedAtMs') return undefined;
      // Sums of logarithms in another order of arrival differ in the last bits.
      return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(9)) : value;
    }),
  );
  return { ...settled, predictions: counters.predictions, labelsJoined: counters.labelsJoined };
}

describe('monitor', () => {
  const stream = streamOf({ rows: ROWS, stepMs: STEP_MS, shiftFrom: SHIFT_FROM, seed: 5 });
  let reference: Awaited<ReturnType<typeof outcome>>;

  it('closes windows, names the drifted feature once, and joins every label', async () => {
    const { monitor, platform, drift, metrics } = await aWorld();
    await sendAll(platform.producer, stream);
    await judged(monitor);
    reference = await outcome(monitor);
    expect(reference.predictions).toBe(ROWS);

    const shiftedWindow = FROM_MS + Math.floor((SHIFT_FROM * STEP_MS) / WINDOW_MS) * WINDOW_MS;
    const { driftEvents } = await monitor.get('/v1/projects/demo/drift-events');
    expect(
      driftEvents.map((event: { feature: string; window: { startMs: number } }) => [
        event.feature,
        event.window.startMs,
      ]),
    ).toEqual([['x', shiftedWindow]]);
    await eventually('the drift event is on Kafka', () => drift.length === 1);
    expect(drift[0]).toMatchObject({
      specversion: '1.0',
      type: 'dev.millrace.drift.detected.v1',
      source: '/millrace/monitor/demo',
      subject: 'x',
      id: driftEvents[0].id,
      data: {
        project: 'demo',
        feature: 'x',
        cohort: cohortOfVersion(1),
        window: { startMs: shiftedWindow, endMs: shiftedWindow + WINDOW_MS },
      },
    });
    // An input that drifts blames no version.
    expect(await monitor.get('/v1/projects/demo/versions/1/good?require=quality')).toMatchObject({
      ...{ verdict: 'good', value: 1, good: true, reasons: [], grounds: ['scores', 'quality'] },
    });
    expect(await monitor.get('/v1/projects/demo/versions/1/good?require=software')).toMatchObject({
      ...{ verdict: 'unknown', value: -1, good: false, reasons: [{ code: 'not_judged' }] },
    });
    // Of each window and cohort: its inputs and scores, and then its quality.
    await eventually('window metrics are on Kafka', () => metrics.length === 4 * WINDOWS_CLOSED);
    expect(metrics.filter(({ revision }) => revision === 1)).toHaveLength(2 * WINDOWS_CLOSED);

    const [row] = reference.cohorts;
    expect(row).toMatchObject({ cohort: cohortOfVersion(1), labelledRows: ROWS });
    // Outcomes are drawn with the probability as given: AUC 5/6, and logs follow.
    expect(row.auc).toBeGreaterThan(0.81);
    expect(row.auc).toBeLessThan(0.86);
    expect(row.logLoss).toBeCloseTo(0.5, 1);

    const half = FROM_MS + 5 * WINDOW_MS;
    const { cohorts } = await monitor.get(`/v1/projects/demo/quality?fromMs=${FROM_MS}&toMs=${half}`);
    expect(cohorts[0].labelledRows).toBe((5 * WINDOW_MS) / STEP_MS);

    const client = createClient(MonitorService, monitor.grpc);
    const list = async (limit: number, beforeMs?: bigint) =>
      client.listWindows({ project: 'demo', limit, beforeMs }, { deadlineMs: 2_000 });
    const { windows, nextBeforeMs } = await list(3);
    const { windows: older, nextBeforeMs: afterAll } = await list(1_000, nextBeforeMs);
    client.close();
    expect([windows.length, older.length, afterAll]).toEqual([6, 2 * (WINDOWS_CLOSED - 3), undefined]);
    expect(new Set([...windows, ...older].map(({ windowStartMs }) => windowStartMs)).size).toBe(WINDOWS_CLOSED);
    expect(await monitor.stop()).toBe(0);
  }, 60_000);

  it('gives the same windows when it stood still while everything was written, and fetches it at once', async () => {
    const { monitor, platform } = await aWorld();
    monitor.child.kill('SIGSTOP');
    try {
      await sendAll(platform.producer, stream);
    } finally {
      monitor.child.kill('SIGCONT');
    }
    await judged(monitor);
    expect(await outcome(monitor)).toEqual(reference);
  }, 60_000);

  it('gives the same windows, counts and events when it is killed again and again', async () => {
    const world = await aWorld();
    let { monitor } = world;
    const { platform, home, prefix, drift } = world;
    let kills = 0;
    let chunks = 0;
    await sendAll(platform.producer, stream, 1_500, async () => {
      if (++chunks % 4 !== 0 || kills >= 3) return;
      await eventually('something is counted', async () => {
        const { counters } = await monitor.get('/v1/projects/demo/labels-joined');
        return counters.predictions > chunks * 500;
      });
      kills++;
      await monitor.kill();
      monitor = await startMonitor({ home, brokers: kafka.brokers, topicPrefix: prefix });
      const again = monitor;
      ends.push(() => again.stop());
    });
    expect(kills).toBe(3);
    await judged(monitor);
    expect(await outcome(monitor)).toEqual(reference);
    await eventually('the drift event is on Kafka', () => drift.length > 0);
    expect(new Set(drift.map((event) => event.id)).size).toBe(1);
  }, 120_000);

  it('goes on with topics that were deleted and created again, running or not', async () => {
    const world = await aWorld();
    let { monitor } = world;
    const { platform, home, prefix } = world;
    const { connection, producer } = platform;
    const counted = (rows: number) =>
      eventually(`${rows} rows are counted`, async () => {
        const { counters } = await monitor.get('/v1/projects/demo/labels-joined');
        return counters.predictions === rows && counters.labelsJoined === rows;
      });
    const rows = (firstRow: number, count: number) =>
      sendAll(producer, streamOf({ rows: count, stepMs: STEP_MS, shiftFrom: 1e9, seed: 7, firstRow }));
    const recreate = () => recreateTopics(connection, ['predictions.v1', 'labels.v1'], ensureTopics);
    await rows(0, 600);
    await counted(600);
    await recreate();
    await rows(600, 300);
    await counted(900);
    await eventually('it is said', () => monitor.log().includes('deleted and created again'));
    await monitor.stop();
    await recreate();
    await rows(900, 100);
    monitor = await startMonitor({ home, brokers: kafka.brokers, topicPrefix: prefix });
    const again = monitor;
    ends.push(() => again.stop());
    await counted(1_000);
  }, 120_000);

  it('sets undecodable messages aside and goes on', async () => {
    const { monitor, platform } = await aWorld();
    await platform.producer.send('predictions.v1', [{ key: 'demo/c1', value: Buffer.from('garbage') }]);
    const few = streamOf({ rows: 300, stepMs: STEP_MS, shiftFrom: 1e9, seed: 6 });
    await sendAll(platform.producer, few);
    await eventually('the rest is counted', async () => {
      const { labelsJoined, counters } = await monitor.get('/v1/projects/demo/labels-joined');
      return labelsJoined === 300 && counters.predictions === 300;
    });
    const unknown = await fetch(`${monitor.url}/v1/projects/nobody/windows`);
    expect([unknown.status, ((await unknown.json()) as { error: { code: string } }).error.code]).toEqual([
      404,
      'not_found',
    ]);
    const bad = await fetch(`${monitor.url}/v1/projects/demo/windows?limit=0`);
    expect(bad.status).toBe(400);
  }, 60_000);
});
