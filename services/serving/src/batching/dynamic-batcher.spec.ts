import { describe, expect, it } from '@jest/globals';
import { type PlatformError } from '@millrace/domain';
import fc from 'fast-check';
import { ManualTurns } from '../../test/manual-turns.js';
import { DynamicBatcher } from './dynamic-batcher.js';
import { type DynamicBatcherLimits, newPlace, type QueuedJob } from './queued-job.js';

interface Job extends QueuedJob {
  id: number;
  refused?: PlatformError;
}

function jobOf(id: number, part: Partial<QueuedJob> = {}): Job {
  const job: Job = {
    id,
    rows: 1,
    bytes: 1,
    key: '',
    level: 0,
    deadlineAtMs: Number.POSITIVE_INFINITY,
    timeoutAtMs: Number.POSITIVE_INFINITY,
    timeoutAction: 'reject',
    cancelled: false,
    queue: newPlace(),
    refuse: (error) => {
      job.refused = error;
    },
    ...part,
  };
  return job;
}

/** An engine that ends a batch when told to, a turn that ends when told to, and timers that fire with the clock. */
function harness(limits: Partial<DynamicBatcherLimits> = {}) {
  const { clock, soon, after, timers, turn, pass } = new ManualTurns();
  const batches: Job[][] = [];
  const ends: (() => void)[] = [];
  const batcher = new DynamicBatcher<Job>(
    {
      batchRowsMax: 8,
      batchJobsMax: 1000,
      preferredRows: [],
      maxQueueDelayMs: 0,
      queueJobsMax: 100,
      queueRowsMax: 1000,
      queueBytesMax: 1000,
      levelJobsMax: () => 0,
      concurrency: 1,
      ...limits,
    },
    {
      clock,
      run: (jobs) => {
        batches.push([...jobs]);
        return new Promise((resolve) => ends.push(resolve));
      },
      soon,
      after,
    },
  );
  return {
    clock,
    batches,
    batcher,
    timers,
    turn,
    end: async () => {
      ends.shift()?.();
      for (let i = 0; i < 4; i++) await Promise.resolve();
    },
    advance: pass,
    running: () => ends.length,
  };
}

const ids = (batches: Job[][]) => batches.map((batch) => batch.map((job) => job.id));

describe('DynamicBatcher', () => {
  it('does not wait when the engine is idle, and sends what came together as one batch', async () => {
    const { batcher, batches, turn, end, timers } = harness();
    batcher.submit(jobOf(1));
    batcher.submit(jobOf(2));
    turn();
    batcher.submit(jobOf(3));
    batcher.submit(jobOf(4, { rows: 7 }));
    batcher.submit(jobOf(5, { rows: 20 }));
    await end();
    await end();
    await end();
    expect(ids(batches)).toEqual([[1, 2], [3, 4], [5]]);
    expect(timers.size).toBe(0);
  });

  it('batches only jobs of equal key, and serves the key with the oldest job', async () => {
    const { batcher, batches, turn, end } = harness();
    ['a', 'b', 'a', 'c', 'b'].forEach((key, i) => {
      batcher.submit(jobOf(i, { key }));
    });
    turn();
    await end();
    await end();
    expect(ids(batches)).toEqual([[0, 2], [1, 4], [3]]);
  });

  it('waits for a fuller batch no longer than its delay, and not at all for a full or preferred one', async () => {
    const { batcher, batches, turn, end, advance } = harness({ maxQueueDelayMs: 10, preferredRows: [4] });
    batcher.submit(jobOf(1));
    turn();
    expect(batches).toEqual([]);
    advance(9);
    batcher.submit(jobOf(2));
    turn();
    expect(batches).toEqual([]);
    advance(1);
    expect(ids(batches)).toEqual([[1, 2]]);
    await end();
    for (let i = 3; i < 9; i++) batcher.submit(jobOf(i));
    turn();
    expect(ids(batches)[1]).toEqual([3, 4, 5, 6]);
    await end();
    expect(batches).toHaveLength(2);
    batcher.submit(jobOf(9, { rows: 7 }));
    turn();
    // Nine rows do not fit into one batch: no reason to wait.
    expect(ids(batches)[2]).toEqual([7, 8]);
    await end();
    advance(10);
    expect(ids(batches)[3]).toEqual([9]);
  });

  it('cuts a batch to the largest preferred size that its jobs reach exactly', async () => {
    const { batcher, batches, turn, end } = harness({ preferredRows: [2, 4] });
    for (const [id, rows] of [
      [1, 1],
      [2, 1],
      [3, 2],
      [4, 3],
      [5, 1],
    ] as const)
      batcher.submit(jobOf(id, { rows }));
    turn();
    await end();
    expect(ids(batches)).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it('serves higher levels first and fills the batch with lower ones', async () => {
    const { batcher, batches, turn, end } = harness({ batchRowsMax: 3 });
    [3, 1, 2, 1, 3].forEach((level, i) => {
      batcher.submit(jobOf(i, { level }));
    });
    turn();
    await end();
    expect(ids(batches)).toEqual([
      [1, 3, 2],
      [0, 4],
    ]);
  });

  it('refuses what waits too long as soon as it does, or moves it behind its level', async () => {
    const { batcher, batches, turn, end, advance } = harness({ batchRowsMax: 2 });
    batcher.submit(jobOf(0));
    turn();
    const rejected = jobOf(1, { level: 1, timeoutAtMs: 5 });
    const delayed = jobOf(2, { level: 1, timeoutAtMs: 5, timeoutAction: 'delay' });
    const delayedTooLong = jobOf(3, { level: 1, timeoutAtMs: 5, timeoutAction: 'delay', deadlineAtMs: 8 });
    for (const job of [
      rejected,
      delayed,
      delayedTooLong,
      jobOf(4, { level: 1 }),
      jobOf(5, { level: 1 }),
      jobOf(6, { level: 2 }),
    ])
      batcher.submit(job);
    advance(5);
    expect(rejected.refused?.message).toMatch(/\[deadline_exceeded\] the request timeout expired/);
    expect(rejected.refused?.facts).toEqual({ queueTimeout: true });
    expect(delayedTooLong.refused).toBeUndefined();
    advance(3);
    expect(delayedTooLong.refused?.message).toMatch(/the deadline passed/);
    expect(delayedTooLong.refused?.facts).toEqual({});
    for (let i = 0; i < 3; i++) await end();
    expect(ids(batches)).toEqual([[0], [4, 5], [2, 6]]);
    expect(delayed.refused).toBeUndefined();
  });

  it('is bounded in jobs, rows, bytes and by level', () => {
    const limits = {
      queueJobsMax: 3,
      queueRowsMax: 10,
      queueBytesMax: 20,
      levelJobsMax: (level: number) => (level === 2 ? 1 : 0),
    };
    const { batcher } = harness(limits);
    batcher.submit(jobOf(1, { rows: 50, bytes: 99 }));
    expect(() => batcher.submit(jobOf(2))).toThrow(/\[overloaded\] the queue is full: 1 requests, 50 rows, 99 bytes/);
    const { batcher: other } = harness(limits);
    other.submit(jobOf(1, { level: 2 }));
    expect(() => other.submit(jobOf(2, { level: 2 }))).toThrow(
      /exceeds maximum queue size: 1 requests of priority 2 wait/,
    );
    expect(() => other.submit(jobOf(3, { bytes: 20 }))).toThrow(/overloaded/);
    other.submit(jobOf(4));
    other.submit(jobOf(5));
    expect(() => other.submit(jobOf(6))).toThrow(/3 requests/);
  });

  it('is drained only when nothing waits and nothing runs, also when the last job is cancelled', async () => {
    const { batcher, turn, end } = harness({ maxQueueDelayMs: 100 });
    let drained = 0;
    const job = jobOf(1);
    batcher.submit(job);
    turn();
    void batcher.drained().then(() => drained++);
    batcher.cancel(job);
    await end();
    expect(drained).toBe(1);
    expect(batcher.waiting).toBe(0);
  });

  it('runs every job once or refuses it, in order within key and level, within all limits (any interleaving)', async () => {
    const job = fc.record({
      rows: fc.integer({ min: 1, max: 10 }),
      key: fc.constantFrom('a', 'b', 'c'),
      level: fc.integer({ min: 1, max: 3 }),
      timeoutMs: fc.constantFrom(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 3, 20),
      timeoutAction: fc.constantFrom('reject' as const, 'delay' as const),
      deadlineMs: fc.constantFrom(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 10),
    });
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('submit' as const), job }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat() }) },
      { weight: 2, arbitrary: fc.constant({ kind: 'turn' as const }) },
      { weight: 2, arbitrary: fc.constant({ kind: 'end' as const }) },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 12 }) }),
      },
    );
    const limits = fc.record({
      concurrency: fc.integer({ min: 1, max: 3 }),
      maxQueueDelayMs: fc.constantFrom(0, 5),
      preferredRows: fc.constantFrom<number[]>([], [3], [2, 6]),
      batchJobsMax: fc.constantFrom(1, 3, 1000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 150 }), limits, async (steps, part) => {
        const { batcher, batches, turn, end, running, clock, advance } = harness({
          ...part,
          queueJobsMax: 12,
          queueRowsMax: 60,
        });
        const accepted: Job[] = [];
        const done = () => new Set(batches.flat());
        for (const one of steps) {
          if (one.kind === 'submit') {
            const nowMs = clock.monotonicMs();
            const { rows, key, level, timeoutAction } = one.job;
            const submitted = jobOf(accepted.length, {
              rows,
              key,
              level,
              timeoutAction,
              timeoutAtMs: nowMs + one.job.timeoutMs,
              deadlineAtMs: nowMs + one.job.deadlineMs,
            });
            try {
              batcher.submit(submitted);
              accepted.push(submitted);
            } catch {
              // overloaded: not accepted
            }
          } else if (one.kind === 'cancel') {
            const waiting = accepted.filter((entry) => !done().has(entry) && !entry.refused && !entry.cancelled);
            if (waiting.length > 0) batcher.cancel(waiting[one.which % waiting.length] as Job);
          } else if (one.kind === 'advance') advance(one.ms);
          else if (one.kind === 'turn') turn();
          else await end();
          const waiting = accepted.filter((entry) => !done().has(entry) && !entry.refused && !entry.cancelled);
          expect(running()).toBeLessThanOrEqual(part.concurrency);
          expect(batcher.waiting).toBe(waiting.length);
          expect(batcher.waitingRows).toBe(waiting.reduce((sum, entry) => sum + entry.rows, 0));
          expect(batcher.waitingBytes).toBe(waiting.length);
        }
        turn();
        while (batcher.busy) {
          while (running() > 0) await end();
          advance(part.maxQueueDelayMs);
          turn();
        }
        const ran = batches.flat();
        expect(new Set(ran).size).toBe(ran.length);
        for (const entry of accepted) {
          expect([done().has(entry), entry.refused !== undefined, entry.cancelled].filter(Boolean)).toHaveLength(1);
        }
        for (const batch of batches) {
          expect(new Set(batch.map(({ key }) => key)).size).toBe(1);
          expect(batch.length).toBeLessThanOrEqual(part.batchJobsMax);
          if (batch.length > 1) expect(batch.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThanOrEqual(8);
          const ranks = batch.map(({ level, queue }) => level * 2 + (queue.delayed ? 1 : 0));
          expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
        }
        for (const key of ['a', 'b', 'c']) {
          for (const level of [1, 2, 3]) {
            const own = ran.filter((entry) => entry.key === key && entry.level === level && !entry.queue.delayed);
            expect(own.map(({ id }) => id)).toEqual(own.map(({ id }) => id).sort((a, b) => a - b));
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keeps its cost per job with many cancelled ones', () => {
    const { batcher } = harness({ queueJobsMax: 1_000_000, queueRowsMax: 1_000_000, queueBytesMax: 1_000_000 });
    const first = jobOf(0);
    batcher.submit(first);
    for (let i = 1; i < 100_000; i++) {
      const job = jobOf(i);
      batcher.submit(job);
      batcher.cancel(job);
    }
    expect(batcher.waiting).toBe(1);
  });
});
