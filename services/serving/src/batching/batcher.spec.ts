import { describe, expect, it } from '@jest/globals';
import { type PlatformError } from '@millrace/domain';
import fc from 'fast-check';
import { ManualTurns } from '../../test/manual-turns.js';
import { Batcher, type BatchJob } from './batcher.js';

interface Job extends BatchJob {
  id: number;
  refused?: PlatformError;
}

function jobOf(id: number, rows = 1, deadlineAtMs = Number.POSITIVE_INFINITY): Job {
  const job: Job = {
    id,
    rows,
    deadlineAtMs,
    cancelled: false,
    refuse: (error) => {
      job.refused = error;
    },
  };
  return job;
}

/** An engine that ends a batch when told to, and a turn that ends when told to. */
function harness(limits: Partial<ConstructorParameters<typeof Batcher<Job>>[0]> = {}) {
  const { clock, soon, turn } = new ManualTurns();
  const batches: Job[][] = [];
  const ends: (() => void)[] = [];
  const batcher = new Batcher<Job>(
    { batchRowsMax: 8, queueJobsMax: 100, queueRowsMax: 1000, concurrency: 1, ...limits },
    {
      clock,
      run: (jobs) => {
        batches.push([...jobs]);
        return new Promise((resolve) => ends.push(resolve));
      },
      soon,
    },
  );
  return {
    clock,
    batches,
    batcher,
    turn,
    end: async () => {
      ends.shift()?.();
      for (let i = 0; i < 4; i++) await Promise.resolve();
    },
    running: () => ends.length,
  };
}

const ids = (batches: Job[][]) => batches.map((batch) => batch.map((job) => job.id));

describe('Batcher', () => {
  it('does not wait when the engine is idle, and sends what came together as one batch', async () => {
    const { batcher, batches, turn, end } = harness();
    batcher.submit(jobOf(1));
    batcher.submit(jobOf(2));
    turn();
    batcher.submit(jobOf(3));
    batcher.submit(jobOf(4));
    turn();
    expect(ids(batches)).toEqual([[1, 2]]);
    await end();
    expect(ids(batches)).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('counts rows, not requests, and lets a job larger than a batch go alone', async () => {
    const { batcher, batches, turn, end } = harness();
    for (const job of [jobOf(1, 5), jobOf(2, 4), jobOf(3, 4), jobOf(4, 20), jobOf(5)]) batcher.submit(job);
    turn();
    for (let i = 0; i < 4; i++) await end();
    expect(ids(batches)).toEqual([[1], [2, 3], [4], [5]]);
  });

  it('refuses beyond its bounds with overloaded, and takes jobs again when there is room', async () => {
    const { batcher, turn, end } = harness({ queueJobsMax: 3, queueRowsMax: 10 });
    for (let i = 0; i < 3; i++) batcher.submit(jobOf(i));
    expect(() => batcher.submit(jobOf(9))).toThrow(/\[overloaded\].*3 requests/);
    turn();
    await end();
    batcher.submit(jobOf(4, 9));
    expect(() => batcher.submit(jobOf(5, 2))).toThrow(/overloaded/);
    batcher.submit(jobOf(6, 1));
  });

  it('frees the place of a cancelled job and never runs it', async () => {
    const { batcher, batches, turn, end } = harness({ queueJobsMax: 2 });
    const gone = jobOf(1, 3);
    batcher.submit(gone);
    batcher.submit(jobOf(2));
    batcher.cancel(gone);
    expect(batcher.waitingRows).toBe(1);
    batcher.submit(jobOf(3));
    turn();
    await end();
    expect(ids(batches)).toEqual([[2, 3]]);
  });

  it('refuses a job whose deadline passed in the queue', async () => {
    const { batcher, batches, turn, end, clock } = harness();
    const late = jobOf(2, 1, 10);
    batcher.submit(jobOf(1));
    turn();
    batcher.submit(late);
    batcher.submit(jobOf(3, 1, 50));
    clock.advance(20);
    await end();
    expect(late.refused?.code).toBe('deadline_exceeded');
    expect(late.refused?.facts).toEqual({});
    expect(ids(batches)).toEqual([[1], [3]]);
  });

  it('tells a request timeout from the deadline of the call', async () => {
    const { batcher, turn, end, clock } = harness();
    const late = Object.assign(jobOf(2, 1, 10), { callDeadlineAtMs: 50 });
    batcher.submit(jobOf(1));
    turn();
    batcher.submit(late);
    clock.advance(20);
    await end();
    expect(late.refused).toMatchObject({ code: 'deadline_exceeded', facts: { queueTimeout: true } });
  });

  it('is drained only when nothing waits and nothing runs', async () => {
    const { batcher, turn, end } = harness();
    let drained = false;
    batcher.submit(jobOf(1));
    turn();
    batcher.submit(jobOf(2));
    const done = batcher.drained().then(() => {
      drained = true;
    });
    await end();
    expect(drained).toBe(false);
    await end();
    await done;
    expect(drained).toBe(true);
  });

  it('runs every accepted job exactly once, in order, within its limits (any interleaving)', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('submit' as const), rows: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ kind: fc.constant('cancel' as const), which: fc.nat() }),
      fc.constant({ kind: 'turn' as const }),
      fc.constant({ kind: 'end' as const }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 120 }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, concurrency) => {
          const { batcher, batches, turn, end, running } = harness({ concurrency, queueJobsMax: 10, queueRowsMax: 40 });
          const accepted: Job[] = [];
          for (const one of steps) {
            if (one.kind === 'submit') {
              const job = jobOf(accepted.length, one.rows);
              try {
                batcher.submit(job);
                accepted.push(job);
              } catch {
                // overloaded: not accepted
              }
            } else if (one.kind === 'cancel') {
              const waiting = accepted.filter((job) => !batches.flat().includes(job));
              if (waiting.length > 0) batcher.cancel(waiting[one.which % waiting.length] as Job);
            } else if (one.kind === 'turn') turn();
            else await end();
            expect(running()).toBeLessThanOrEqual(concurrency);
            expect(batcher.waiting).toBeLessThanOrEqual(10);
          }
          turn();
          while (running() > 0) await end();
          expect(batcher.busy).toBe(false);
          expect(batcher.waitingRows).toBe(0);
          expect(batches.flat().map((job) => job.id)).toEqual(
            accepted.filter((job) => !job.cancelled).map((job) => job.id),
          );
          for (const batch of batches) {
            if (batch.length > 1) expect(batch.reduce((sum, job) => sum + job.rows, 0)).toBeLessThanOrEqual(8);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
