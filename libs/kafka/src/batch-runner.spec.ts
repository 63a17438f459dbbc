import { describe, expect, it } from '@jest/globals';
import { ERROR_CODES, ManualClock, PlatformError } from '@millrace/domain';
import { type BatchResult, type BatchRunnerPorts, runBatch, StopConsuming } from './batch-runner.js';
import { ACTION_BY_CODE, backoffMs } from './error-actions.js';
import { LogThrottle } from './log-throttle.js';
import type { BadMessage, InboundMessage } from './message.js';

const messages = (...values: string[]): InboundMessage[] =>
  values.map((value, offset) => ({
    topic: 't',
    partition: 0,
    offset,
    key: null,
    value: Buffer.from(value),
    headers: {},
    timestampMs: 0,
  }));

function ports(handle: (values: string[]) => BatchResult | undefined) {
  const dead: BadMessage[] = [];
  const pauses: number[] = [];
  const given: BatchRunnerPorts = {
    handle: async (batch) => handle(batch.map((message) => String(message.value))),
    deadLetter: async (bad) => {
      dead.push(bad);
    },
    pause: async (forMs) => {
      pauses.push(forMs);
    },
    retried: () => undefined,
  };
  return { given, dead, pauses };
}

const RETRY = { initialMs: 10, maxMs: 80, budgetMs: 1000 };

describe('runBatch', () => {
  it('runs a good batch once and passes the commit position on', async () => {
    const { given, dead } = ports(() => ({ nextOffset: 1 }));
    expect(await runBatch(messages('a', 'b'), given, RETRY)).toEqual({ nextOffset: 1 });
    expect(dead).toEqual([]);
  });

  it('retries what may heal with growing pauses, and stops the process after the budget', async () => {
    let failures = 5;
    const healing = ports(() => {
      if (failures-- > 0) throw new PlatformError('conflict', 'x');
      return undefined;
    });
    await runBatch(messages('a'), healing.given, RETRY);
    expect(healing.pauses).toEqual([10, 20, 40, 80, 80]);
    const hopeless = ports(() => {
      throw new PlatformError('unavailable', 'x', { retry: { afterMs: 200 } });
    });
    await expect(runBatch(messages('a'), hopeless.given, RETRY)).rejects.toBeInstanceOf(StopConsuming);
    expect(hopeless.pauses).toEqual([200, 200, 200, 200, 200]);
    expect(hopeless.dead).toEqual([]);
  });

  it('finds the bad message among good ones, each of which has its effect', async () => {
    const effects: string[] = [];
    const { given, dead, pauses } = ports((values) => {
      if (values.includes('bad')) throw new PlatformError('corrupt', 'no record');
      effects.push(...values);
      return undefined;
    });
    await runBatch(messages('a', 'bad', 'b'), given, RETRY);
    expect(effects).toEqual(['a', 'b']);
    expect(dead.map(({ message, reasons }) => [message.offset, reasons[0]?.code])).toEqual([[1, 'decode_failed']]);
    expect(pauses).toEqual([]);
  });

  it('gives a bug a few tries, then sets the message aside', async () => {
    let calls = 0;
    const { given, dead } = ports(() => {
      calls++;
      throw new TypeError('undefined is not a function');
    });
    await runBatch(messages('a'), given, RETRY);
    expect(calls).toBe(3);
    expect(dead[0]?.reasons[0]).toMatchObject({
      code: 'handler_failed',
      message: expect.stringContaining('undefined is not'),
    });
  });

  it('sends what the handler names to the dead letters and nothing else', async () => {
    const batch = messages('a', 'b');
    const { given, dead } = ports(() => ({
      deadLetters: [{ message: batch[1] as InboundMessage, reasons: [{ code: 'bad_id', field: 'id', message: 'x' }] }],
    }));
    await runBatch(batch, given, RETRY);
    expect(dead).toHaveLength(1);
  });

  it('ends at once on a code that means stop', async () => {
    const { given, pauses } = ports(() => {
      throw new PlatformError('permission_denied', 'x');
    });
    await expect(runBatch(messages('a'), given, RETRY)).rejects.toBeInstanceOf(StopConsuming);
    expect(pauses).toEqual([]);
  });
});

describe('tables', () => {
  it.each(ERROR_CODES)('every code has an action: %s', (code) => {
    expect(['retry', 'dead-letter', 'stop']).toContain(ACTION_BY_CODE[code]);
  });

  it('backs off up to the maximum, also after very many tries', () => {
    expect([1, 2, 3, 4, 50_000].map((attempt) => backoffMs(attempt, 100, 500))).toEqual([100, 200, 400, 500, 500]);
  });
});

describe('LogThrottle', () => {
  it('lets a line through once per five seconds and counts what it held back', () => {
    const clock = new ManualClock();
    const throttle = new LogThrottle(clock);
    expect([throttle.admit('a'), throttle.admit('a'), throttle.admit('b'), throttle.admit('a')]).toEqual([
      0,
      undefined,
      0,
      undefined,
    ]);
    clock.advance(5000);
    expect(throttle.admit('a')).toBe(2);
  });
});
