// The monitor with a real Kafka and a version whose package brings no reference: its first 1,000 rows become it, the
// same ones although the process is killed while it collects and after; what comes later is judged by it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodePartialProfile } from '@millrace/contracts';
import { CompactedReader } from '@millrace/kafka';
import { eventually, startKafka, type TestKafka, uniquePrefix } from '@millrace/testing';
import {
  FROM_MS,
  type MonitorProcess,
  preparePlatform,
  sendAll,
  startMonitor,
  streamOf,
  WINDOW_MS,
  WITHOUT_REFERENCE,
} from './monitor-process.js';

const STEP_MS = 50;
/** The project file says nothing, so the default. */
const WANTED = 1_000;
const FIRST = 900;
const ROWS = 6_000;
/** The first row of the fourth window. */
const SHIFT_FROM = 3_600;

describe('a version whose package brings no reference', () => {
  let kafka: TestKafka;
  let home: string;
  const prefix = uniquePrefix();
  const ends: (() => Promise<unknown>)[] = [];
  let monitor: MonitorProcess;
  let board: CompactedReader;
  let references: { predictionId: string }[] = [];

  const start = async () => {
    const started = await startMonitor({ home, brokers: kafka.brokers, topicPrefix: prefix });
    ends.push(() => started.stop());
    monitor = started;
  };
  const reference = async () => {
    const { models } = await monitor.get('/v1/projects/demo/models');
    return models.find(({ version }: { version: number }) => version === WITHOUT_REFERENCE).reference;
  };
  const predictions = async () => (await monitor.get('/v1/projects/demo/labels-joined')).counters.predictions;
  const savedIds = async (): Promise<string[]> => {
    await board.upToNow();
    return references.map(({ predictionId }) => predictionId);
  };
  const killAndStart = async () => {
    await monitor.kill();
    await start();
  };

  beforeAll(async () => {
    kafka = await startKafka();
    home = await mkdtemp(join(tmpdir(), 'millrace-reference-'));
    ends.push(() => rm(home, { recursive: true, force: true }));
  }, 90_000);

  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  }, 60_000);

  it('is compared with its own first rows, whatever dies meanwhile', async () => {
    const platform = await preparePlatform(kafka.brokers, prefix, home);
    ends.push(() => platform.close());
    board = new CompactedReader(platform.connection, {
      name: 'board',
      topics: {
        'profiles.v1': (key, value) => {
          if (key !== `demo/reference/${WITHOUT_REFERENCE}` || value === null) return;
          references = JSON.parse(Buffer.from(decodePartialProfile(value).profile).toString('utf8')).reference.rows;
        },
      },
    });
    ends.push(() => board.close());
    await start();
    const part = (firstRow: number, rows: number) =>
      streamOf({ rows, stepMs: STEP_MS, shiftFrom: SHIFT_FROM, seed: firstRow, firstRow, version: WITHOUT_REFERENCE });

    expect(await reference()).toBeNull();
    await sendAll(platform.producer, part(0, FIRST));
    await eventually('the first rows are counted', async () => (await predictions()) === FIRST);
    const collecting = { source: 'first_rows', rows: FIRST, of: WANTED, complete: false };
    expect(await reference()).toEqual(collecting);
    await killAndStart();
    await eventually('they are counted again', async () => (await predictions()) === FIRST);
    expect(await reference()).toEqual(collecting);

    await sendAll(platform.producer, part(FIRST, 300));
    const complete = { source: 'first_rows', rows: WANTED, of: WANTED, complete: true };
    await eventually('the reference is complete', async () => (await reference())?.complete);
    expect(await reference()).toEqual(complete);
    const first = Array.from({ length: WANTED }, (_, i) => `r${i}/0`);
    await eventually('it is saved', async () => (await savedIds()).length === WANTED);
    expect(await savedIds()).toEqual(first);
    await killAndStart();
    await eventually('it is there again', async () => (await reference())?.complete);
    expect(await reference()).toEqual(complete);

    await sendAll(platform.producer, part(FIRST + 300, ROWS - FIRST - 300));
    const events = await eventually('the shift is seen', async () => {
      const { driftEvents } = await monitor.get('/v1/projects/demo/drift-events');
      return driftEvents.length > 0 && driftEvents;
    });
    const told = events.map((event: { feature: string; cohort: object; window: { startMs: number } }) => [
      event.feature,
      event.cohort,
      event.window.startMs,
    ]);
    expect(told).toEqual([['x', { version: WITHOUT_REFERENCE, slice: 'all' }, FROM_MS + 3 * WINDOW_MS]]);
    const { windows } = await monitor.get('/v1/projects/demo/windows');
    const [before] = windows.slice(-1);
    expect(before).toMatchObject({ startMs: FROM_MS, cohorts: [{}, { predictions: WINDOW_MS / STEP_MS }] });
    // The rows of the reference are not judged by themselves.
    expect(before.cohorts[1].tests.filter(({ feature }: { feature: string }) => feature === 'x')).toEqual([]);
    expect(await savedIds()).toEqual(first);
  }, 240_000);
});
