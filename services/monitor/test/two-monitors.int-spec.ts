// Two monitors that share the partitions, with a real Kafka: one is killed and the other takes over, one stands still
// and is replaced. Windows, verdicts and events are those of one monitor, once.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, startKafka, type TestKafka, uniquePrefix } from '@millrace/testing';
import {
  downstreamOf,
  type MonitorProcess,
  preparePlatform,
  sendAll,
  startMonitor,
  streamOf,
  WINDOW_MS,
} from './monitor-process.js';

const ROWS = 9_000;
const STEP_MS = 50;
const SHIFT_FROM = 5_000;
/** The last one stays open, because no later event time comes. */
const WINDOWS_CLOSED = Math.floor((ROWS * STEP_MS) / WINDOW_MS);
/** Of every row that was drawn the one label, once. */
const LABELS_OF_ROLLOUT = (ROWS * 3) / 4;

let kafka: TestKafka;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  kafka = await startKafka();
}, 90_000);

afterAll(async () => {
  for (const end of ends.reverse()) await end();
}, 60_000);

async function aWorld() {
  const home = await mkdtemp(join(tmpdir(), 'millrace-monitors-'));
  ends.push(() => rm(home, { recursive: true, force: true }));
  const prefix = uniquePrefix();
  const platform = await preparePlatform(kafka.brokers, prefix, home);
  ends.push(() => platform.close());
  const { drift, metrics, losses, close } = await downstreamOf(platform.connection);
  ends.push(close);
  const start = async (replica: string) => {
    const env = { MILLRACE_REPLICA: replica };
    const monitor = await startMonitor({ home, brokers: kafka.brokers, topicPrefix: prefix, env });
    ends.push(() => monitor.stop());
    return monitor;
  };
  const counted = async (monitor: MonitorProcess) =>
    (await monitor.get('/v1/projects/demo/labels-joined')).counters as Record<string, number>;
  return { platform, drift, metrics, losses, start, counted };
}

type World = Awaited<ReturnType<typeof aWorld>>;

/** What was published, and what the API of a monitor says. */
async function outcome({ metrics, drift, losses, counted }: World, monitor: MonitorProcess) {
  const rounded = (key: string, value: unknown) => {
    if (key === 'closedAtMs') return undefined;
    return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(9)) : value;
  };
  const { windows } = await monitor.get('/v1/projects/demo/windows?limit=100');
  const { cohorts } = await monitor.get('/v1/projects/demo/quality');
  const { alarms } = await monitor.get('/v1/projects/demo/alarms');
  const published = [...metrics].sort(
    (a, b) =>
      a.windowStartMs - b.windowStartMs ||
      a.revision - b.revision ||
      `${a.cohort.version}`.localeCompare(`${b.cohort.version}`),
  );
  const { predictions, labelsJoined, latePredictions, unmatchedLabels } = await counted(monitor);
  const counters = { predictions, labelsJoined, latePredictions, unmatchedLabels };
  const events = drift.map(({ id }) => id).sort();
  const labelled = [...losses].sort(([a], [b]) => a - b).map(([partition, cells]) => ({ partition, cells }));
  return JSON.parse(JSON.stringify({ windows, cohorts, alarms, published, counters, events, labelled }, rounded));
}

/** Quality of a window that is open in the other monitor is told when nothing comes in it any more. */
async function says(world: World, monitors: readonly MonitorProcess[], alone: unknown): Promise<void> {
  for (const monitor of monitors) {
    await eventually('it says all', async () => isDeepStrictEqual(await outcome(world, monitor), alone), 20_000).catch(
      () => undefined, // told in full below
    );
    expect(await outcome(world, monitor)).toEqual(alone);
  }
}

async function judged({ metrics, losses, counted }: World, monitors: readonly MonitorProcess[]): Promise<void> {
  await eventually(
    'every window is judged, and every monitor says so',
    async () => {
      const counts = await Promise.all(monitors.map((monitor) => counted(monitor)));
      // Told once a second, and not with the windows.
      const labelled = [...losses.values()].flat().reduce((sum, { count }) => sum + count, 0);
      return (
        metrics.length >= 4 * WINDOWS_CLOSED &&
        labelled === LABELS_OF_ROLLOUT &&
        counts.every(({ qualityJudged, labelsJoined }) => qualityJudged === WINDOWS_CLOSED && labelsJoined === ROWS)
      );
    },
    60_000,
  );
}

describe('two monitors', () => {
  const stream = streamOf({ rows: ROWS, stepMs: STEP_MS, shiftFrom: SHIFT_FROM, seed: 5 });
  let alone: Awaited<ReturnType<typeof outcome>>;

  it('say what one says, and each of them says all', async () => {
    const one = await aWorld();
    const monitor = await one.start('0');
    await sendAll(one.platform.producer, stream);
    await judged(one, [monitor]);
    alone = await outcome(one, monitor);
    expect(alone.published).toHaveLength(4 * WINDOWS_CLOSED);
    expect(alone.events).toHaveLength(1);
    expect(await monitor.stop()).toBe(0);

    const two = await aWorld();
    const monitors = [await two.start('0'), await two.start('1')];
    await sendAll(two.platform.producer, stream);
    await judged(two, monitors);
    await says(two, monitors, alone);
    // Each has read a part of it.
    for (const each of monitors) {
      const { positions } = await each.get('/v1/stats');
      expect(new Set(positions.map(({ partition }: { partition: number }) => partition)).size).toBe(2);
    }
    for (const each of monitors) expect(await each.stop()).toBe(0);
  }, 120_000);

  it('lose one that is killed again and again, and the other takes over', async () => {
    const world = await aWorld();
    const monitors = [await world.start('0'), await world.start('1')];
    let chunks = 0;
    let sent = 0;
    await sendAll(world.platform.producer, stream, 1_500, async () => {
      sent = Math.min(sent + 1_500, stream.length);
      if (++chunks % 4 !== 0 || chunks > 8) return;
      const killed = chunks === 4 ? 0 : 1;
      const left = monitors[1 - killed] as MonitorProcess;
      await (monitors[killed] as MonitorProcess).kill();
      const rows = stream.slice(0, sent).filter(({ topic }) => topic === 'predictions.v1').length;
      await eventually(
        'the other one has counted what the killed one had, and what it had not',
        async () => (await world.counted(left)).predictions === rows,
        60_000,
      );
      monitors[killed] = await world.start(`${killed}`);
    });
    await judged(world, monitors);
    await says(world, monitors, alone);
    for (const each of monitors) expect(await each.stop()).toBe(0);
  }, 180_000);

  it('take over from one that stands still, which says nothing when it wakes', async () => {
    const world = await aWorld();
    const monitors = [await world.start('0'), await world.start('1')];
    const half = Math.floor(stream.length / 2);
    await sendAll(world.platform.producer, stream.slice(0, half));
    const [zombie, left] = monitors as [MonitorProcess, MonitorProcess];
    zombie.child.kill('SIGSTOP');
    await sendAll(world.platform.producer, stream.slice(half));
    await judged(world, [left]);
    const before = world.metrics.length;
    zombie.child.kill('SIGCONT');
    await eventually('it ends, because it was replaced', () => zombie.child.exitCode !== null, 30_000);
    expect(zombie.log()).toContain('another monitor has taken over');
    expect(world.metrics.length).toBe(before);
    await says(world, [left], alone);
  }, 120_000);
});
