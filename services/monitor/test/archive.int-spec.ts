// The archive with a real monitor, a real Kafka and the command line: predictions and labels are found by their id,
// each is there once although monitors are killed, and a deleted project leaves nothing.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openArtifactStore } from '@millrace/artifacts';
import { environment } from '@millrace/config';
import { encodeProgress, MonitorService, messageKey, TOPICS } from '@millrace/contracts';
import { systemClock } from '@millrace/domain';
import { createClient } from '@millrace/grpc';
import { partitionOfKey } from '@millrace/kafka';
import { cloneRoot, eventually, freePort, startKafka, type TestKafka, uniquePrefix } from '@millrace/testing';
import {
  FROM_MS,
  type MonitorProcess,
  preparePlatform,
  sendAll,
  startMonitor,
  streamOf,
  WINDOW_MS,
} from './monitor-process.js';

const ROWS = 6_000;

let kafka: TestKafka;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  kafka = await startKafka();
}, 90_000);

afterAll(async () => {
  for (const end of ends.reverse()) await end();
}, 60_000);

async function aWorld() {
  const home = await mkdtemp(join(tmpdir(), 'millrace-archive-'));
  ends.push(() => rm(home, { recursive: true, force: true }));
  const topicPrefix = uniquePrefix();
  const platform = await preparePlatform(kafka.brokers, topicPrefix, home);
  ends.push(() => platform.close());
  const start = async (replica: string) => {
    const env = {
      MILLRACE_REPLICA: replica,
      MILLRACE_MONITOR_ARCHIVE_FLUSH_AFTER: '300ms',
      MILLRACE_MONITOR_LABEL_IDLE: '2s',
      MILLRACE_MONITOR_RETAINED_WINDOWS: '1',
    };
    const monitor = await startMonitor({ home, brokers: kafka.brokers, topicPrefix, env });
    ends.push(() => monitor.stop());
    return monitor;
  };
  return { home, platform, start };
}

/** As any program reads the folder. */
async function archived(home: string, kind: string): Promise<{ rows: number; ids: number }> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(
      `SELECT count(*)::DOUBLE, count(DISTINCT prediction_id)::DOUBLE
       FROM '${home}/artifacts/archive/demo/0/${kind}/**/*.parquet'`,
    );
    const [rows, ids] = reader.getRows()[0] as [number, number];
    return { rows, ids };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** A name after this one, of the same partition number. */
function nameBeside(name: string): string {
  const { partitions } = TOPICS.find((topic) => topic.name === 'projects.v1') as (typeof TOPICS)[number];
  for (let i = 0; ; i++) {
    const other = `z${name}${i}`;
    if (partitionOfKey(other, partitions) === partitionOfKey(name, partitions)) return other;
  }
}

const whole = (monitor: MonitorProcess, rows: number) =>
  eventually(
    'everything is archived',
    async () => {
      const { predictions, labels } = await monitor.get('/v1/projects/demo/archive');
      return predictions >= rows && labels >= rows;
    },
    30_000,
  );

/**
 * Two that hold a partition for a moment, one after the other, may both write some of its messages: of files that share
 * offsets whoever holds it then makes one, twice a minute, and takes those away, from under a reader maybe.
 */
const once = (home: string, kind: string, count: number) =>
  eventually(
    `each of the ${kind} is in one file`,
    async () => {
      const { rows, ids } = await archived(home, kind).catch(() => ({ rows: 0, ids: 0 }));
      return ids === count && rows === count;
    },
    90_000,
  );

describe('the archive of a monitor', () => {
  const stream = streamOf({ rows: ROWS, stepMs: 50, shiftFrom: ROWS, seed: 3 });

  it('gives a prediction over HTTP, gRPC and the command line, and says where it looked for one that is not there', async () => {
    const { home, platform, start } = await aWorld();
    const monitor = await start('0');
    await sendAll(platform.producer, stream);
    await whole(monitor, ROWS);
    const found = await monitor.get(`/v1/projects/demo/prediction?id=${encodeURIComponent('r4321/0')}`);
    expect(found.predictions).toMatchObject([{ predictionId: 'r4321/0', modelVersion: 1, role: 'live' }]);
    expect(found.labels).toMatchObject([{ recordId: 'r4321' }]);
    const client = createClient(MonitorService, monitor.grpc);
    ends.push(async () => client.close());
    const request = { project: 'demo', predictionId: 'r4321/0' };
    const answer = await client.getPrediction(request);
    expect(answer.predictions.map(({ entity }) => entity)).toEqual([found.predictions[0].entity]);
    const missing = await monitor.get('/v1/projects/demo/prediction?id=nobody%2F0');
    expect(missing.error).toMatchObject({ code: 'not_found', facts: { predictions: ROWS } });
    expect(missing.error.message).toContain(`no prediction 'nobody/0' of demo among ${ROWS} in`);

    const env = {
      ...environment(),
      MILLRACE_HOME: home,
      MILLRACE_MONITOR_HTTP_PORT: new URL(monitor.url).port,
      // Nobody listens there: another platform of this machine is not asked.
      MILLRACE_INGEST_HTTP_PORT: String(await freePort()),
    };
    const cli = (...args: string[]) =>
      promisify(execFile)(process.execPath, [join(cloneRoot(), 'dist/apps/cli/src/main.js'), ...args], { env });
    const { stdout } = await cli('prediction', 'get', 'demo', 'r4321/0', '--json');
    expect(JSON.parse(stdout)).toEqual(found);
    expect((await cli('prediction', 'get', 'demo', 'r4321/0')).stdout).toContain('inputs, in order');
    const refused = await cli('prediction', 'get', 'demo', 'nobody/0').catch((error) => error);
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('the archive holds those written from') });
    expect(await monitor.stop()).toBe(0);
  }, 120_000);

  it('joins labels that came to another monitor than their predictions, and judges their windows again', async () => {
    const { platform, start } = await aWorld();
    const monitors = [await start('0'), await start('1')];
    // Without the entity a label has another key, and lies in another partition.
    const apart = stream.map((one) =>
      one.topic === 'predictions.v1' ? one : { ...one, message: { ...one.message, key: messageKey('demo', '') } },
    );
    await sendAll(platform.producer, apart);
    await eventually(
      'each window that is over has all its labels',
      async () => {
        const { windows } = await (monitors[0] as MonitorProcess).get('/v1/projects/demo/windows?limit=100');
        const over = windows.filter(({ startMs }: { startMs: number }) => startMs < FROM_MS + 2 * WINDOW_MS);
        return (
          over.length === 2 &&
          over.every(({ cohorts: [all] }: { cohorts: { predictions: number; labels: number }[] }) => {
            return all !== undefined && all.labels === all.predictions;
          })
        );
      },
      60_000,
    );
    for (const monitor of monitors) {
      const { counters } = await monitor.get('/v1/projects/demo/labels-joined');
      expect(counters.labelsFromArchive).toBeGreaterThan(0);
      expect(await monitor.stop()).toBe(0);
    }
  }, 120_000);

  it('has each message once, though monitors that share the partitions are killed, and goes with its project, where nothing is held', async () => {
    const { home, platform, start } = await aWorld();
    const monitors = [await start('0'), await start('1')];
    let chunks = 0;
    await sendAll(platform.producer, stream, 1_500, async () => {
      if (++chunks % 3 !== 0 || chunks > 6) return;
      const killed = chunks === 3 ? 0 : 1;
      await (monitors[killed] as MonitorProcess).kill();
      monitors[killed] = await start(`${killed}`);
    });
    for (const kind of ['predictions', 'labels']) await once(home, kind, ROWS);
    const hold = {
      ...{
        kind: 'hold' as const,
        id: 'h1',
        project: 'demo',
        dataset: '',
        model: 0,
        reason: 'a case',
        by: 'ann',
        atMs: 1,
      },
      ...{ removedAtMs: 0, removedBy: '', removedReason: '' },
    };
    const tell = (part: Partial<typeof hold>) =>
      platform.producer.send('progress.v1', [{ key: '/hold/demo/h1', value: encodeProgress({ ...hold, ...part }) }]);
    await tell({});
    const isHeld = async () => (await (monitors[0] as MonitorProcess).get('/v1/projects/demo/archive')).hold !== null;
    await eventually('the hold is known', isHeld, 30_000);
    // Of the same judge, which looks through both archives in the order of their names.
    const other = nameBeside('demo');
    const store = openArtifactStore({ home });
    const owner = { installation: await platform.connection.topicId('projects.v1') };
    await store.put(`archive/${other}/0/installation.json`, JSON.stringify(owner));
    const gone = ['demo', other].map((key) => ({ key, value: null }));
    await platform.producer.send('projects.v1', gone);
    const isLookedThrough = async () => (await store.list(`archive/${other}`)).length === 0;
    await eventually('archives of deleted projects are looked through', isLookedThrough, 60_000);
    expect(await archived(home, 'predictions')).toEqual({ rows: ROWS, ids: ROWS });
    await tell({ removedAtMs: systemClock.nowMs() });
    await eventually('nothing of it is left', async () => (await store.list('archive')).length === 0, 60_000);
    for (const monitor of monitors) expect(await monitor.stop()).toBe(0);
  }, 180_000);
});
