// Spans that are open for long, on a real broker and real disks: what they need of the topic's retention, of memory and
// of disk, each test named by what went wrong before rows were on disk.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@millrace/testing';
import { buildServices, IngestProcess, PROJECT, START_MS } from './ingest-process.js';

const run = promisify(execFile);
const HOUR_MS = 3_600_000;
/** Longer than any test: nothing closes by itself. */
const LATE_LABELS = PROJECT.replace('delay: 10m', 'delay: 30d');
const BATCH = 5_000;

const started: IngestProcess[] = [];
const mounted: string[] = [];

beforeAll(buildServices, 60_000);
afterEach(async () => {
  await Promise.all(started.splice(0).map((ingest) => ingest.remove()));
  for (const folder of mounted.splice(0)) {
    await run('umount', [folder]);
    await rm(folder, { recursive: true });
  }
});

async function begin(settings: Record<string, string>, text = LATE_LABELS, home?: string): Promise<IngestProcess> {
  const ingest = await IngestProcess.create(settings, home);
  started.push(ingest);
  expect((await ingest.apply(text)).status).toBe(200);
  return ingest;
}

const timeOf = (row: number) => START_MS + (row % 3_600) * 1_000;
const customerOf = (row: number) => `c${row % 97}`;

async function send(ingest: IngestProcess, from: number, rows: number, path: 'records' | 'labels'): Promise<void> {
  for (let first = from; first < from + rows; first += BATCH) {
    const items = Array.from({ length: Math.min(BATCH, from + rows - first) }, (_, i) => {
      const row = first + i;
      const eventTimeMs = timeOf(row);
      return path === 'records'
        ? { recordId: `r${row}`, values: { at: eventTimeMs, customer: customerOf(row), amount: row % 500 } }
        : { recordId: `r${row}`, entity: customerOf(row), eventTimeMs, value: row % 2 };
    });
    const { status, body } = await ingest.post(`/v1/projects/loans/${path}`, items);
    expect([status, body.accepted]).toEqual([200, items.length]);
  }
}

const stats = async (ingest: IngestProcess) => {
  const { stopped, projects } = (await ingest.get('/v1/stats')).body;
  return { stopped, ...projects.loans };
};
const close = (ingest: IngestProcess) => ingest.post('/v1/projects/loans/datasets/close', '');
const datasets = async (ingest: IngestProcess) => (await ingest.get('/v1/projects/loans/datasets')).body.datasets;

async function untilRead(ingest: IngestProcess, records: number, labels: number): Promise<void> {
  await eventually(
    'all records and labels are read',
    async () => {
      const { recordsAccepted, labelsAccepted } = await stats(ingest);
      return recordsAccepted === records && labelsAccepted === labels;
    },
    60_000,
  );
}

/** Deletes what the topics hold before the committed offsets; gives how many messages that were. */
async function deleteCommitted(ingest: IngestProcess): Promise<number> {
  return ingest.withKafka(async (connection) => {
    let deleted = 0;
    for (const topic of ['records.v1', 'labels.v1']) {
      const name = connection.topicName(topic);
      await connection.withAdmin(async (admin) => {
        const committed = await admin.fetchOffsets({ groupId: `${ingest.prefix}ingest-live`, topics: [name] });
        const partitions = committed.flatMap((entry) => entry.partitions).filter(({ offset }) => Number(offset) > 0);
        deleted += partitions.reduce((sum, { offset }) => sum + Number(offset), 0);
        if (partitions.length > 0) await admin.deleteTopicRecords({ topic: name, partitions });
      });
    }
    return deleted;
  });
}

describe('open spans', () => {
  it('lose no row whose label is later than the retention of the topic', async () => {
    const ingest = await begin({ MILLRACE_INGEST_FLUSH_AFTER: '200ms' });
    await send(ingest, 0, 5_000, 'records');
    await send(ingest, 0, 5_000, 'labels');
    await eventually('everything is committed', async () => (await deleteCommitted(ingest)) === 10_000, 30_000);
    await ingest.kill();
    await ingest.start();
    expect(await stats(ingest)).toMatchObject({ openRows: 5_000, openLabels: 5_000 });
    expect((await close(ingest)).body.closed).toBe(1);
    expect(await datasets(ingest)).toMatchObject([
      { rows: 5_000, labelledRows: 5_000, windowEndMs: START_MS + HOUR_MS },
    ]);
  }, 120_000);

  it('join labels of 30 days’ delay to 100,000 rows with 1 MiB of them in memory', async () => {
    const ingest = await begin({
      MILLRACE_INGEST_BUFFER_BYTES_MAX: '1048576',
      MILLRACE_INGEST_FLUSH_AFTER: '1h',
      MILLRACE_INGEST_DUCKDB_MEMORY: '64MB',
      MILLRACE_INGEST_DUCKDB_THREADS: '1',
    });
    await send(ingest, 0, 100_000, 'records');
    await send(ingest, 0, 100_000, 'labels');
    await untilRead(ingest, 100_000, 100_000);
    expect(await stats(ingest)).toMatchObject({ openRows: 100_000, openLabels: 100_000, stopped: null });
    expect((await close(ingest)).body.closed).toBe(1);
    expect(await datasets(ingest)).toMatchObject([{ rows: 100_000, labelledRows: 100_000 }]);
  }, 180_000);

  it('stop reading at the quota of their disk, say so, and go on when a span is closed', async () => {
    const ingest = await begin({
      MILLRACE_INGEST_FLUSH_AFTER: '100ms',
      MILLRACE_INGEST_SEGMENT_DISK_BYTES_MAX: '1000',
    });
    await send(ingest, 0, 1_000, 'records');
    const stopped = await eventually('reading has stopped', async () => (await stats(ingest)).stopped, 30_000);
    expect(stopped).toMatchObject({ why: 'quota', message: expect.stringContaining('at most 1000') });
    await send(ingest, 1_000, 1_000, 'records');
    await eventually('the metric says so', async () =>
      /millrace_ingest_reading_stopped[^\n]* 1\n/.test((await ingest.get('/metrics')).body),
    );
    await eventually(
      'all rows are in versions',
      async () => {
        await close(ingest);
        return (await stats(ingest)).liveRowsClosed === 2_000;
      },
      60_000,
    );
    await eventually('reading goes on', async () => (await stats(ingest)).stopped === null);
  }, 120_000);

  it('wait for room on a full disk, and lose nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-full-'));
    await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder]);
    mounted.push(folder);
    const ingest = await begin(
      { MILLRACE_INGEST_FLUSH_AFTER: '100ms', MILLRACE_INGEST_SEGMENT_DISK_BYTES_MAX: '100000000' },
      LATE_LABELS,
      join(folder, 'home'),
    );
    await run('dd', ['if=/dev/zero', `of=${join(folder, 'ballast')}`, 'bs=64k', 'count=200']).catch(() => undefined); // full
    await send(ingest, 0, 20_000, 'records');
    const stopped = await eventually('reading has stopped', async () => (await stats(ingest)).stopped, 30_000);
    expect(stopped).toMatchObject({ why: 'disk' });
    await rm(join(folder, 'ballast'));
    await untilRead(ingest, 20_000, 0);
    await eventually('reading goes on', async () => (await stats(ingest)).stopped === null);
    await close(ingest);
    expect(await datasets(ingest)).toMatchObject([{ rows: 20_000 }]);
  }, 120_000);
});
