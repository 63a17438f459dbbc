import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import fc from 'fast-check';
import { PredictionLog } from './prediction-log.js';

/** Sleeps end when told to; the broker accepts, refuses or hangs as told. */
function harness(limits: Partial<ConstructorParameters<typeof PredictionLog<string>>[0]> = {}) {
  const sleeps: (() => void)[] = [];
  const written: string[] = [];
  const states: boolean[] = [];
  const writes: string[][] = [];
  /** `refused`: an item that the broker will never take, alone or with others. */
  const broker = { up: true, refused: '' };
  const log = new PredictionLog<string>(
    { rowsMax: 10, bytesMax: 1_000, batchRowsMax: 4, lingerMs: 1, retryMs: 1, ...limits },
    {
      write: async (items) => {
        writes.push([...items]);
        if (!broker.up) throw new Error('broker down');
        if (items.includes(broker.refused)) throw new PlatformError('invalid_argument', 'message too large');
        written.push(...items);
      },
      sleep: () => new Promise((resolve) => sleeps.push(resolve)),
      state: (healthy) => states.push(healthy),
      counted: () => {},
    },
  );
  const tick = async (times = 1) => {
    for (let i = 0; i < times; i++) {
      for (const wake of sleeps.splice(0)) wake();
      for (let j = 0; j < 8; j++) await Promise.resolve();
    }
  };
  return { log, written, writes, states, broker, tick };
}

describe('PredictionLog', () => {
  it('writes everything in order, in batches', async () => {
    const { log, written, tick } = harness();
    for (const item of ['a', 'b', 'c', 'd', 'e']) log.offer(item, 1, 1);
    await tick(5);
    expect(written).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect([log.queued, log.dropped, log.written]).toEqual([0, 0, 5]);
  });

  it('drops new rows with a count when full, keeps the old ones, and recovers', async () => {
    const { log, written, states, broker, tick } = harness();
    broker.up = false;
    for (let i = 0; i < 25; i++) {
      log.offer(String(i), 1, 1);
      await tick();
    }
    expect([log.queued, log.dropped]).toEqual([10, 15]);
    broker.up = true;
    await tick(10);
    expect(written).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(states).toEqual([false, true]);
    log.offer('later', 1, 1);
    await tick(3);
    expect(written.at(-1)).toBe('later');
  });

  it('loses only what the broker will never take, not what was written with it', async () => {
    const { log, written, writes, states, broker, tick } = harness();
    broker.refused = 'b';
    for (const item of ['a', 'b', 'c', 'd', 'e']) log.offer(item, 1, 1);
    await tick(12);
    expect(written).toEqual(['a', 'c', 'd', 'e']);
    expect(writes).toEqual([['a', 'b', 'c', 'd'], ['a'], ['b'], ['c'], ['d'], ['e']]);
    expect([log.queued, log.dropped, log.written]).toEqual([0, 1, 4]);
    expect(states).toEqual([false, true, false, true]);
  });

  it('bounds what waits in bytes, too', async () => {
    const { log, broker, tick } = harness({ bytesMax: 100 });
    broker.up = false;
    log.offer('long', 1, 90);
    log.offer('longer', 1, 11);
    log.offer('short', 1, 10);
    expect([log.queued, log.dropped]).toEqual([2, 1]);
    const lost = '1 predictions were not logged since this process began';
    expect(log.trouble).toBe(lost);
    await tick(2);
    expect(log.trouble).toMatch(
      new RegExp(`the prediction log cannot be written, 2 predictions wait: .*broker down; ${lost}`),
    );
    broker.up = true;
    await tick(5);
    // What was written makes room again.
    log.offer('longest', 1, 100);
    await tick(5);
    expect([log.queued, log.dropped, log.written]).toEqual([0, 1, 3]);
    expect(log.trouble).toBe(lost);
    expect(harness().log.trouble).toBeUndefined();
  });

  it('flushes on close within its time, and counts what it could not write', async () => {
    const flushed = harness();
    flushed.log.offer('a', 1, 1);
    const closing = flushed.log.close(1000);
    await flushed.tick(4);
    await closing;
    expect(flushed.written).toEqual(['a']);
    const stuck = harness();
    stuck.broker.up = false;
    stuck.log.offer('a', 3, 1);
    const gaveUp = stuck.log.close(1000);
    await stuck.tick(3);
    await gaveUp;
    expect([stuck.log.queued, stuck.log.dropped]).toEqual([0, 3]);
    stuck.log.offer('late', 1, 1);
    expect(stuck.log.dropped).toBe(4);
  });

  it('loses nothing without counting it, whatever the broker does', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('offer' as const), rows: fc.integer({ min: 1, max: 5 }) }),
      fc.constant({ kind: 'toggle' as const }),
      fc.constant({ kind: 'tick' as const }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const { log, written, broker, tick } = harness();
        let offered = 0;
        let items = 0;
        for (const one of steps) {
          if (one.kind === 'offer') {
            log.offer(String(items++), one.rows, 1);
            offered += one.rows;
          } else if (one.kind === 'toggle') broker.up = !broker.up;
          else await tick();
          expect(log.queued).toBeLessThanOrEqual(10);
          expect(log.queued + log.dropped + log.written).toBe(offered);
        }
        broker.up = true;
        await tick(40);
        expect(log.queued).toBe(0);
        expect(written).toEqual([...written].sort((a, b) => Number(a) - Number(b)));
        expect(new Set(written).size).toBe(written.length);
      }),
    );
  });
});
