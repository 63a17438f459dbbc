import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { relayPb } from '@millrace/contracts';
import { ManualClock } from '@millrace/domain';
import { GRPC_STATUS } from '@millrace/routing';
import { Outliers } from './outliers.js';
import { Relay } from './relay.js';

let outliers: Outliers;
let nowMs: number;

beforeEach(() => {
  outliers = new Outliers();
  nowMs = 10_000;
});

const feed = (target: string, answers: number, failed: number, latencyMs = 5): void => {
  for (let i = 0; i < answers; i++) outliers.answered(target, i < failed, latencyMs);
};
const judged = (): string[] => {
  nowMs += 500;
  outliers.judge(nowMs);
  return outliers.ejected(nowMs);
};
const up = (...targets: string[]) => {
  for (const target of targets) outliers.up(target);
};

describe('a serving is left out', () => {
  it.each<[string, [number, number, number][], string[]]>([
    [
      'where it fails and the others do not',
      [
        [100, 60, 5],
        [100, 2, 5],
      ],
      ['s0'],
    ],
    [
      'where it lags far behind the others',
      [
        [100, 0, 300],
        [100, 0, 5],
      ],
      ['s0'],
    ],
    [
      'not where all fail: the model is to blame',
      [
        [100, 60, 5],
        [100, 60, 5],
      ],
      [],
    ],
    [
      'not where all lag',
      [
        [100, 0, 300],
        [100, 0, 300],
      ],
      [],
    ],
    [
      'not where it fails now and then',
      [
        [100, 30, 5],
        [100, 0, 5],
      ],
      [],
    ],
    [
      'not where it is a little slower, however many times',
      [
        [100, 0, 50],
        [100, 0, 1],
      ],
      [],
    ],
    [
      'not on few answers',
      [
        [19, 19, 5],
        [100, 0, 5],
      ],
      [],
    ],
    [
      'not where few others say how it should be',
      [
        [100, 100, 5],
        [19, 0, 5],
      ],
      [],
    ],
    ['not alone', [[100, 100, 5]], []],
    [
      'at most half of them',
      [
        [100, 100, 5],
        [100, 100, 5],
        [100, 100, 5],
        [4_000, 0, 5],
      ],
      ['s0', 's1'],
    ],
  ])('%s', (_, answers, expected) => {
    up(...answers.map((__, i) => `s${i}`));
    for (const [i, [count, failed, latencyMs]] of answers.entries()) feed(`s${i}`, count, failed, latencyMs);
    expect(judged()).toEqual(expected);
  });

  it('for a second, and for longer each time it is found again, at most 30 s', () => {
    up('bad', 'good');
    const times: number[] = [];
    for (let round = 0; round < 7; round++) {
      feed('bad', 50, 50);
      feed('good', 50, 0);
      expect(judged()).toEqual(['bad']);
      const fromMs = nowMs;
      while (outliers.isEjected('bad', nowMs)) nowMs += 100;
      times.push(nowMs - fromMs);
      expect([outliers.isAny(nowMs), outliers.ejected(nowMs)]).toEqual([false, []]);
    }
    expect(times).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(outliers.ejections).toBe(7);
  });

  it('by what came since the last judgement, and is forgotten with its streams', () => {
    up('bad', 'good');
    feed('bad', 50, 0);
    feed('good', 50, 0);
    expect(judged()).toEqual([]);
    feed('bad', 50, 50);
    feed('good', 50, 0);
    expect(judged()).toEqual(['bad']);
    outliers.down('bad');
    up('bad');
    expect(outliers.ejected(nowMs)).toEqual([]);
  });
});

describe('the relay', () => {
  /** Two servings, of which one does as told; a request every millisecond. */
  function play(bad: 'errs' | 'hangs' | 'lags', ms: number, of: { shadow?: boolean; sequences?: boolean } = {}) {
    const clock = new ManualClock(0);
    let turn: (() => void)[] = [];
    const due: { atMs: number; id: bigint; status: number }[] = [];
    const sent: Record<string, number> = { bad: 0, good: 0 };
    const relay = new Relay({
      clock,
      endOfTurn: (callback) => void turn.push(callback),
      allocate: (size) => new Uint8Array(size),
      waitMaxMs: 2_000,
      tickMs: 20,
    });
    for (const target of ['bad', 'good'])
      relay.streamUp({
        target,
        write: (message) => {
          for (const { id, cancelled } of fromBinary(relayPb.ExchangeRequestSchema, message).frames) {
            if (cancelled) continue;
            sent[target] = (sent[target] ?? 0) + 1;
            const isBad = target === 'bad';
            if (isBad && bad === 'hangs') continue;
            const status = isBad && bad === 'errs' ? GRPC_STATUS.INTERNAL : 0;
            due.push({ atMs: clock.monotonicMs() + (isBad && bad === 'lags' ? 400 : 5), id, status });
          }
        },
      });
    const failed: number[] = [];
    for (let at = 0; at < ms; at++) {
      relay.send({
        ...{ version: 1, model: 'm', request: new Uint8Array(1), traceparent: '', entity: '' },
        ...{ stream: false, deadlineAtMs: clock.monotonicMs() + 1_000, shadow: of.shadow === true },
        sequence: of.sequences ? `s${at}` : '',
        done: (status) => void (status === 0 || failed.push(clock.monotonicMs())),
      });
      const callbacks = turn;
      turn = [];
      for (const callback of callbacks) callback();
      const now = due.filter(({ atMs }) => atMs <= clock.monotonicMs());
      due.splice(0, due.length, ...due.filter((one) => !now.includes(one)));
      const frames = now.map(({ id, status }) => ({ id, status }));
      relay.onMessage(toBinary(relayPb.ExchangeResponseSchema, create(relayPb.ExchangeResponseSchema, { frames })));
      if (at % 20 === 0) relay.tick();
      clock.advance(1);
    }
    return { sent, failed, relay };
  }

  it.each(['errs', 'hangs', 'lags'] as const)('sends little to a serving that %s beside one that does not', (bad) => {
    const { sent, relay } = play(bad, 10_000);
    expect((sent.bad as number) / 10_000).toBeLessThan(0.25);
    expect(relay.ejections).toBeGreaterThan(1);
  });

  it.each([{ shadow: true }, { sequences: true }])('takes no serving out for %j', (of) => {
    for (const bad of ['errs', 'hangs', 'lags'] as const) expect(play(bad, 3_000, of).relay.ejections).toBe(0);
  });

  it('fails no request while the serving that errs is left out', () => {
    const { failed, relay } = play('errs', 10_000);
    const gaps = failed.slice(1).map((atMs, i) => atMs - (failed[i] as number));
    expect(Math.max(...gaps)).toBeGreaterThan(3_900);
    expect(relay.ejected()).toEqual(['bad']);
  });
});
