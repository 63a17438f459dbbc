// The relay before a serving of a certain capacity, simulated: requests come as Poisson arrivals with a deadline, the
// serving answers one after the other in the order of arrival and drops what is past its deadline, as the real one
// does. Judged by goodput: answers in time a second.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { relayPb } from '@millrace/contracts';
import { ManualClock, seededRng } from '@millrace/domain';
import { GRPC_STATUS } from '@millrace/routing';
import { Lanes, levelOf } from './admission.js';
import { Relay } from './relay.js';

const REQUEST = new Uint8Array(8);
const WARM_UP_MS = 1_000;
const TICK_MS = 20;
/** From the start of a batch until its answers are here: what is begun later before a deadline is work for nobody. */
const WORK_MS = 5;

interface World {
  /** Answers a second. */
  capacity: number;
  /** Arrivals a second. */
  rate: number;
  deadlineMs: number;
  seconds: number;
  /** From then on the serving answers as many. */
  slows?: { atMs: number; capacity: number };
  /** This share of the requests has priority 1. */
  first?: number;
  /** It answers nothing in between. */
  stalls?: { fromMs: number; toMs: number };
}

function simulate(world: World) {
  const clock = new ManualClock(0);
  const startMs = clock.monotonicMs();
  const rng = seededRng(7);
  let turn: (() => void)[] = [];
  const queue: { id: bigint; untilMs: number }[] = [];
  const underWay: { id: bigint; atMs: number }[] = [];
  const relay = new Relay({
    clock,
    endOfTurn: (callback) => void turn.push(callback),
    allocate: (size) => new Uint8Array(size),
    waitMaxMs: 2_000,
    tickMs: TICK_MS,
  });
  relay.streamUp({
    target: 'one',
    write: (message) => {
      for (const { id, deadlineMs, cancelled } of fromBinary(relayPb.ExchangeRequestSchema, message).frames)
        if (!cancelled) queue.push({ id, untilMs: clock.monotonicMs() + deadlineMs });
    },
  });
  const told = { good: 0, late: 0, shed: 0, most: 0, first: { asked: 0, good: 0 }, others: { asked: 0, good: 0 } };
  const mixed = seededRng(8);
  const seconds = world.seconds;
  let dueMs = startMs;
  let credit = 0;
  const endMs = startMs + WARM_UP_MS + seconds * 1_000;
  for (let nowMs = startMs; nowMs < endMs; nowMs += 1) {
    for (; dueMs <= nowMs; dueMs += (-Math.log(1 - rng.next()) / world.rate) * 1_000) {
      const priority = mixed.next() < (world.first ?? 0) ? 1 : 0;
      const level = priority === 1 ? told.first : told.others;
      if (nowMs >= startMs + WARM_UP_MS) level.asked += 1;
      relay.send({
        priority,
        ...{ version: 1, model: 'm', request: REQUEST, traceparent: '', entity: '', sequence: '', stream: false },
        deadlineAtMs: nowMs + world.deadlineMs,
        done: (status) => {
          if (clock.monotonicMs() < startMs + WARM_UP_MS) return;
          if (status === GRPC_STATUS.OK) level.good += 1;
          if (status === GRPC_STATUS.OK) told.good += 1;
          else if (status === GRPC_STATUS.UNAVAILABLE) told.shed += 1;
          else told.late += 1;
        },
      });
    }
    const due = turn;
    turn = [];
    for (const callback of due) callback();
    const sinceMs = nowMs - startMs;
    const stalled = world.stalls !== undefined && sinceMs >= world.stalls.fromMs && sinceMs < world.stalls.toMs;
    const capacity = world.slows !== undefined && sinceMs >= world.slows.atMs ? world.slows.capacity : world.capacity;
    credit = stalled ? 0 : Math.min(1 + capacity / 1_000, credit + capacity / 1_000);
    while (credit >= 1 && queue.length > 0) {
      const { id, untilMs } = queue.shift() as (typeof queue)[0];
      if (untilMs <= nowMs) continue;
      credit -= 1;
      underWay.push({ id, atMs: nowMs + WORK_MS });
    }
    const done = underWay.findIndex(({ atMs }) => atMs > nowMs);
    const frames = underWay.splice(0, done < 0 ? underWay.length : done).map(({ id }) => ({ id, response: REQUEST }));
    if (frames.length > 0)
      relay.onMessage(toBinary(relayPb.ExchangeResponseSchema, create(relayPb.ExchangeResponseSchema, { frames })));
    if (sinceMs % TICK_MS === 0) relay.tick();
    if (sinceMs >= WARM_UP_MS) told.most = Math.max(told.most, relay.inFlight);
    clock.advance(1);
  }
  return { ...told, perSecond: told.good / seconds };
}

describe('under overload', () => {
  it.each([
    ['a quick model', { capacity: 2_000, deadlineMs: 100 }],
    ['a quick model and patient callers', { capacity: 2_000, deadlineMs: 1_000 }],
    ['a slow model', { capacity: 50, deadlineMs: 300 }],
  ])('at three times its capacity %s answers 90 %% of what it can in time, with a short queue', (_, world) => {
    const { perSecond, most, late, good } = simulate({ ...world, rate: 3 * world.capacity, seconds: 4 });
    expect(perSecond).toBeGreaterThanOrEqual(0.9 * world.capacity);
    // Memory: the queue stays as long as can be answered in time, however long the overload lasts.
    expect(most).toBeLessThan((1.5 * (world.capacity * world.deadlineMs)) / 1_000);
    // Hardly anybody waits in vain.
    expect(late).toBeLessThan(0.02 * good);
  });

  it('refuses nobody below its capacity', () => {
    for (const share of [0.3, 0.6, 0.8])
      expect(simulate({ capacity: 1_000, rate: share * 1_000, deadlineMs: 250, seconds: 4 })).toMatchObject({
        shed: 0,
        late: 0,
      });
  });

  it('follows a model that becomes slower, and goes on after a stall', () => {
    const slower = simulate({
      ...{ capacity: 1_000, rate: 1_200, deadlineMs: 250, seconds: 6 },
      slows: { atMs: 1_000, capacity: 300 },
    });
    expect(slower.perSecond).toBeGreaterThanOrEqual(0.85 * 300);
    const stalled = simulate({
      ...{ capacity: 1_000, rate: 700, deadlineMs: 2_000, seconds: 6 },
      stalls: { fromMs: 2_000, toMs: 2_700 },
    });
    expect(stalled).toMatchObject({ late: 0, shed: 0 });
  });
});

describe('priorities under overload', () => {
  it('answers those that go first, and gives the others what is left', () => {
    const { first, others, perSecond } = simulate({
      ...{ capacity: 1_000, rate: 3_000, deadlineMs: 250, seconds: 4 },
      first: 0.2,
    });
    expect(first.good / first.asked).toBeGreaterThan(0.97);
    expect(others.good / others.asked).toBeGreaterThan(0.1);
    expect(perSecond).toBeGreaterThanOrEqual(0.9 * 1_000);
  });

  it('never starves the others, though those that go first are too many by themselves', () => {
    const { first, others } = simulate({
      ...{ capacity: 1_000, rate: 3_000, deadlineMs: 250, seconds: 4 },
      first: 0.7,
    });
    expect(others.good / others.asked).toBeGreaterThan(0.01);
    expect(first.good / first.asked).toBeGreaterThan(5 * (others.good / others.asked));
  });

  it('are nothing where all have the same, whichever it is, and where nothing is too much', () => {
    const world = { capacity: 1_000, rate: 3_000, deadlineMs: 250, seconds: 2 };
    expect(simulate({ ...world, first: 1 }).good).toBe(simulate({ ...world, first: 0 }).good);
    expect(simulate({ ...world, rate: 800, first: 0.5 })).toMatchObject({ shed: 0, late: 0 });
  });

  it.each([
    [undefined, 2],
    [0, 2],
    [1, 1],
    [3, 3],
    [1e9, 1_000],
  ])('priority %p is level %i', (priority, level) => {
    expect(levelOf(priority)).toBe(level);
  });
});

describe('a lane', () => {
  /** A second of answers, which ends at 1,000 ms. */
  const known = (latencyMs: number, perSecond: number) => {
    const lane = new Lanes().of('m', 1)!;
    // One that nobody queued before.
    lane.answered(1, -1);
    for (let i = 0; i < perSecond; i++) lane.answered(latencyMs, (1_000 * i) / perSecond);
    return lane;
  };

  it('takes a burst on a quick model: a long queue alone is no evidence', () => {
    const lane = known(2, 100);
    lane.inFlight = 500;
    expect(lane.tooLateMs(500, 1_000)).toBeUndefined();
  });

  it('says how long it would take', () => {
    const lane = known(200, 500);
    lane.inFlight = 149;
    // 100 answers a slot of 200 ms, and two standard deviations: 120.
    expect(lane.tooLateMs(400, 1_000)).toBeCloseTo(250, 6);
    expect(lane.tooLateMs(700, 1_000)).toBeUndefined();
  });

  it('lets the first one through whatever it knows, and forgets what is old', () => {
    const lane = known(5_000, 5);
    expect(lane.tooLateMs(100, 1_000)).toBeUndefined();
    lane.inFlight = 1;
    expect(lane.tooLateMs(100, 1_000)).toBeCloseTo((200 * 2) / (1 + 2), 6);
    expect(lane.tooLateMs(100, 1_801)).toBeUndefined();
  });

  it('refuses nothing of what has waited while this process or serving stood still for 14 s', () => {
    const lane = new Lanes().of('m', 1)!;
    let nowMs = 0;
    for (; nowMs < 3_000; nowMs += 10) lane.answered(3, nowMs);
    // A request every 10 ms has waited; they are asked for at once, and answered in the two seconds after it.
    nowMs += 14_000;
    const refused: number[] = [];
    for (let i = 0; i < 1_400; i++) {
      lane.inFlight = 1_400 - i;
      if (lane.tooLateMs(20_000, nowMs) !== undefined) refused.push(i);
      lane.answered(14_000 - 10 * i, nowMs);
      // The first slot ends after a single answer.
      nowMs += i === 0 ? 250 : 1.4;
    }
    expect(refused).toEqual([]);
  });

  it.each([5, 50])(
    "answers a canary's %i requests a second like any others: below capacity their rate says nothing of the model",
    (rate) => {
      // 30 ms an answer, as many at a time as come, and clients that wait 100 ms.
      const rng = seededRng(7);
      const lane = new Lanes().of('m', 2)!;
      const open: number[] = [];
      let [nowMs, asked, refused] = [0, 0, 0];
      while (nowMs < 120_000) {
        nowMs += (-1_000 / rate) * Math.log(1 - rng.next());
        for (let due = open[0]; due !== undefined && due <= nowMs; due = open[0]) {
          lane.answered(30, due);
          lane.inFlight -= 1;
          open.shift();
        }
        asked += 1;
        if (lane.tooLateMs(100, nowMs) !== undefined) {
          refused += 1;
          continue;
        }
        lane.inFlight += 1;
        open.push(nowMs + 30);
      }
      expect(refused / asked).toBeLessThan(0.002);
    },
  );

  it('is of one version alone, and idle ones make room', () => {
    const lanes = new Lanes();
    const first = lanes.of('m', 1)!;
    expect(lanes.of('m', 2)).not.toBe(first);
    expect(lanes.of('m', 1)).toBe(first);
    first.inFlight = 1;
    for (let i = 0; i < 5_000; i++) expect(lanes.of(`x${i}`, 0)).toBeDefined();
    expect(lanes.of('m', 1)).toBe(first);
  });

  it('is none beyond the bound: such requests are not judged', () => {
    const lanes = new Lanes();
    const all = Array.from({ length: 1_100 }, (_, i) => {
      const lane = lanes.of(`x${i}`, 0);
      if (lane !== undefined) lane.inFlight = 1;
      return lane;
    });
    expect(all.filter((lane) => lane === undefined)).toHaveLength(1_100 - 1_024);
  });
});
