import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { relayPb } from '@millrace/contracts';
import { ManualClock } from '@millrace/domain';
import { REFUSAL } from '@millrace/inference';
import { GRPC_STATUS } from '@millrace/routing';
import { type Done, IN_FLIGHT_MAX, Relay, type RelayRequest, WAITING_MAX } from './relay.js';
import { BURST, SHARE } from './retry-budget.js';

class FakeStream {
  constructor(readonly target = 'one') {}
  readonly messages: relayPb.ExchangeRequest[] = [];
  write(message: Uint8Array): void {
    this.messages.push(fromBinary(relayPb.ExchangeRequestSchema, message));
  }
  get frames(): relayPb.RequestFrame[] {
    return this.messages.flatMap((message) => message.frames);
  }
}

let turn: (() => void)[];
let clock: ManualClock;
let relay: Relay;
let answers: string[];

function endTurn(): void {
  const due = turn;
  turn = [];
  for (const callback of due) callback();
}

function request(name: string, over: Partial<RelayRequest> = {}): RelayRequest {
  return {
    version: 1,
    model: 'm',
    request: new TextEncoder().encode(name),
    traceparent: '',
    entity: '',
    sequence: '',
    deadlineAtMs: Number.POSITIVE_INFINITY,
    stream: false,
    done: (status, _, response) => answers.push(`${name}:${status}:${new TextDecoder().decode(response)}`),
    ...over,
  };
}

function answer(...frames: { id: bigint; text: string; more?: boolean }[]): void {
  const message = create(relayPb.ExchangeResponseSchema, {
    frames: frames.map(({ id, text, more = false }) => ({ id, more, response: new TextEncoder().encode(text) })),
  });
  relay.onMessage(toBinary(relayPb.ExchangeResponseSchema, message));
}

function refuse(id: bigint, status: number = GRPC_STATUS.NOT_FOUND, refusal = 0): void {
  const message = create(relayPb.ExchangeResponseSchema, { frames: [{ id, status, message: 'no', refusal }] });
  relay.onMessage(toBinary(relayPb.ExchangeResponseSchema, message));
}

beforeEach(() => {
  turn = [];
  answers = [];
  clock = new ManualClock(1000);
  relay = new Relay({
    clock,
    endOfTurn: (callback) => turn.push(callback),
    allocate: (size) => new Uint8Array(size),
    waitMaxMs: 2000,
    tickMs: 20,
  });
});

describe('relay', () => {
  it('sends what one turn brought as one message and matches answers by id, in any order', () => {
    const stream = new FakeStream();
    relay.streamUp(stream);
    relay.send(request('a', { version: 3, entity: 'ORD' }));
    relay.send(request('b', { deadlineAtMs: 1250 }));
    expect(stream.messages).toHaveLength(0);
    endTurn();
    expect(stream.messages).toHaveLength(1);
    expect(stream.frames).toMatchObject([
      { version: 3, model: 'm', entity: 'ORD', deadlineMs: 0 },
      { version: 1, deadlineMs: 250 },
    ]);
    answer({ id: stream.frames[1]!.id, text: 'B' }, { id: stream.frames[0]!.id, text: 'A' });
    expect(answers).toEqual(['b:0:B', 'a:0:A']);
    expect(relay.inFlight).toBe(0);
  });

  it('gives every answer of a stream’s request, and does not send it again once it was answered in part', () => {
    const stream = new FakeStream();
    relay.streamUp(stream);
    for (const name of ['whole', 'cut']) relay.send(request(name, { stream: true }));
    endTurn();
    const [whole, cut] = stream.frames.map(({ id }) => id) as [bigint, bigint];
    expect(stream.frames.map((frame) => frame.stream)).toEqual([true, true]);
    answer({ id: whole, text: '1', more: true }, { id: cut, text: 'x', more: true }, { id: whole, text: '2' });
    expect(answers).toEqual(['whole:0:1', 'cut:0:x', 'whole:0:2']);
    relay.streamDown(stream);
    expect(answers.at(-1)).toMatch(/^cut:14:/);
    expect(relay.inFlight).toBe(0);
  });

  it('sends once more after a break, then gives up', () => {
    const streams = [new FakeStream(), new FakeStream()] as const;
    relay.streamUp(streams[0]);
    relay.send(request('a'));
    endTurn();
    relay.streamUp(streams[1]);
    relay.streamDown(streams[0]);
    endTurn();
    // The other stream may be as dead as the first: it gets the request only a moment later.
    expect(streams[1].frames).toHaveLength(0);
    clock.advance(100);
    relay.tick();
    endTurn();
    expect(streams[1].frames).toHaveLength(1);
    relay.streamDown(streams[1]);
    expect(answers).toEqual([`a:${GRPC_STATUS.UNAVAILABLE}:`]);
    expect(relay.counters).toMatchObject({ retried: 1, brokenStreams: 2 });
  });

  it('holds requests while serving is away, at most so long and so many', () => {
    relay.send(request('early'));
    clock.advance(1000);
    relay.send(request('late'));
    clock.advance(1000);
    relay.tick();
    expect(answers).toEqual([`early:${GRPC_STATUS.UNAVAILABLE}:`]);
    const stream = new FakeStream();
    relay.streamUp(stream);
    endTurn();
    expect(stream.frames).toHaveLength(1);
    relay.streamDown(stream);
    for (let i = relay.inFlight; i < WAITING_MAX; i++) relay.send(request('x', { done: () => undefined }));
    relay.send(request('over'));
    endTurn();
    expect(answers.at(-1)).toBe(`over:${GRPC_STATUS.UNAVAILABLE}:`);
  });

  it('ends a request at its deadline and tells serving; a late answer is dropped', () => {
    const stream = new FakeStream();
    relay.streamUp(stream);
    relay.send(request('a', { deadlineAtMs: 1100 }));
    endTurn();
    clock.advance(100);
    relay.tick();
    expect(answers).toEqual([`a:${GRPC_STATUS.DEADLINE_EXCEEDED}:`]);
    expect(stream.frames[1]).toMatchObject({ id: stream.frames[0]!.id, cancelled: true });
    answer({ id: stream.frames[0]!.id, text: 'late' });
    expect(answers).toHaveLength(1);
  });

  it('asks again while a fresh serving has not loaded the version yet, but not for ever and not later on', () => {
    const stream = new FakeStream();
    relay.streamUp(stream);
    relay.send(request('a'));
    endTurn();
    refuse(stream.frames[0]!.id);
    clock.advance(100);
    relay.tick();
    endTurn();
    expect(stream.frames).toHaveLength(2);
    answer({ id: stream.frames[1]!.id, text: 'A' });
    expect(answers).toEqual(['a:0:A']);
    relay.send(request('b'));
    endTurn();
    for (let i = 0; i < 30 && answers.length < 2; i++) {
      refuse(stream.frames.at(-1)!.id);
      clock.advance(100);
      relay.tick();
      endTurn();
    }
    expect(answers[1]).toBe(`b:${GRPC_STATUS.NOT_FOUND}:`);
    clock.advance(11_000);
    relay.send(request('c'));
    endTurn();
    refuse(stream.frames.at(-1)!.id);
    expect(answers[2]).toBe(`c:${GRPC_STATUS.NOT_FOUND}:`);
    expect(relay.inFlight).toBe(0);
  });

  it('goes over all servings in turn, and at once to another where one breaks', () => {
    const [one, two] = [new FakeStream('one'), new FakeStream('two')];
    for (const stream of [one, two]) relay.streamUp(stream);
    for (const name of ['a', 'b', 'c', 'd']) {
      relay.send(request(name));
      endTurn();
    }
    expect([one.frames.length, two.frames.length]).toEqual([2, 2]);
    expect(relay.targetsUp()).toEqual(['one', 'two']);
    relay.streamDown(one);
    endTurn();
    expect(two.frames).toHaveLength(4);
    answer(...two.frames.map(({ id }) => ({ id, text: 'x' })));
    expect(answers).toHaveLength(4);
    expect(answers.every((text) => text.includes(':0:'))).toBe(true);
    expect(relay.targetsUp()).toEqual(['two']);
  });

  it('leaves a serving out for a version that it does not have, long after all has settled, and asks it again later', () => {
    const [one, two] = [new FakeStream('one'), new FakeStream('two')];
    for (const stream of [one, two]) relay.streamUp(stream);
    clock.advance(60_000);
    relay.send(request('a', { version: 7 }));
    endTurn();
    refuse(one.frames[0]!.id);
    endTurn();
    expect(two.frames.map(({ version }) => version)).toEqual([7]);
    for (const name of ['b', 'c', 'd', 'e']) {
      relay.send(request(name, { version: name === 'e' ? 6 : 7 }));
      endTurn();
    }
    expect(one.frames.filter(({ version }) => version === 7)).toHaveLength(1);
    // Nobody has it: the caller is told.
    refuse(two.frames[0]!.id);
    expect(answers).toEqual([`a:${GRPC_STATUS.NOT_FOUND}:`]);
    clock.advance(1_001);
    for (const name of ['f', 'g']) {
      relay.send(request(name, { version: 7 }));
      endTurn();
    }
    expect(one.frames.filter(({ version }) => version === 7)).toHaveLength(2);
  });

  it('sends what a serving had taken to no other one, and does not leave that one out', () => {
    const [one, two] = [new FakeStream('one'), new FakeStream('two')];
    for (const stream of [one, two]) relay.streamUp(stream);
    for (const settled of [false, true]) {
      if (settled) clock.advance(60_000);
      const before = [one.frames.length, two.frames.length] as [number, number];
      relay.send(request('a'));
      endTurn();
      // A full queue, or a process that died at it.
      refuse(one.frames.at(-1)!.id, GRPC_STATUS.UNAVAILABLE, REFUSAL.taken);
      endTurn();
      expect(answers.at(-1)).toBe(`a:${GRPC_STATUS.UNAVAILABLE}:`);
      for (const name of ['b', 'c', 'd']) {
        relay.send(request(name));
        endTurn();
      }
      expect([one.frames.length - before[0], two.frames.length - before[1]]).toEqual([2, 2]);
    }
    expect(relay.counters.retried).toBe(0);
  });

  it('asks another serving at once where one says that it did not take it, ready or ending', () => {
    const [one, two] = [new FakeStream('one'), new FakeStream('two')];
    for (const stream of [one, two]) relay.streamUp(stream);
    clock.advance(60_000);
    relay.send(request('a'));
    endTurn();
    refuse(one.frames[0]!.id, GRPC_STATUS.UNAVAILABLE, REFUSAL.notTaken);
    endTurn();
    expect(two.frames).toHaveLength(1);
  });

  it('believes an UNAVAILABLE of an earlier release, which does not say why, only while streams change', () => {
    const [one, two] = [new FakeStream('one'), new FakeStream('two')];
    for (const stream of [one, two]) relay.streamUp(stream);
    relay.send(request('a'));
    endTurn();
    refuse(one.frames[0]!.id, GRPC_STATUS.UNAVAILABLE);
    clock.advance(100);
    relay.tick();
    endTurn();
    expect(two.frames).toHaveLength(1);
    clock.advance(60_000);
    relay.send(request('b'));
    endTurn();
    refuse(one.frames[1]!.id, GRPC_STATUS.UNAVAILABLE);
    expect(answers).toEqual([`b:${GRPC_STATUS.UNAVAILABLE}:`]);
  });

  it('keeps what no serving is marked for in one message, and forgets a mark that nobody asks about again', () => {
    const [one, two] = [new FakeStream('one'), new FakeStream('two')];
    for (const stream of [one, two]) relay.streamUp(stream);
    relay.send(request('a', { version: 7 }));
    endTurn();
    refuse(one.frames[0]!.id);
    endTurn();
    const messages = () => one.messages.length + two.messages.length;
    for (const waitMs of [0, 1_001]) {
      clock.advance(waitMs);
      const before = messages();
      for (const name of ['b', 'c', 'd']) relay.send(request(name, { version: 8 }));
      endTurn();
      expect(messages() - before).toBe(1);
    }
  });

  it('sends all steps of a sequence to one serving, and to another one only where that is gone', () => {
    const streams = ['one', 'two', 'one', 'two'].map((target) => new FakeStream(target));
    for (const stream of streams) relay.streamUp(stream);
    const at = () => new Set(streams.filter(({ frames }) => frames.length > 0).map(({ target }) => target));
    const step = () => {
      relay.send(request('step', { version: 0, sequence: '7' }));
      endTurn();
    };
    for (let i = 0; i < 8; i++) step();
    const [place, ...others] = at();
    expect(others).toEqual([]);
    for (const stream of streams.filter(({ target }) => target === place)) relay.streamDown(stream);
    step();
    expect(at().size).toBe(2);
  });

  it('asks the serving of a sequence again, not another one, where that does not have the version yet', () => {
    const streams = ['one', 'two'].map((target) => new FakeStream(target));
    for (const stream of streams) relay.streamUp(stream);
    relay.send(request('step', { sequence: '7' }));
    endTurn();
    const [place, other] = streams.sort((a, b) => b.frames.length - a.frames.length) as [FakeStream, FakeStream];
    refuse(place.frames[0]!.id);
    endTurn();
    expect([place.frames.length, other.frames.length]).toEqual([1, 0]);
    clock.advance(100);
    relay.tick();
    endTurn();
    expect([place.frames.length, other.frames.length]).toEqual([2, 0]);
  });

  it('forwards a cancellation and never answers it', () => {
    const stream = new FakeStream();
    relay.streamUp(stream);
    const id = relay.send(request('a'));
    relay.cancel(id);
    endTurn();
    expect(stream.frames).toHaveLength(0);
    const sent = relay.send(request('b'));
    endTurn();
    relay.cancel(sent);
    expect(stream.frames.map((frame) => frame.cancelled)).toEqual([false, true]);
    expect(answers).toEqual([]);
  });

  it('sends those that go first before the others when serving is back, each level in the order it came', () => {
    for (const [name, priority] of [
      ['a', 0],
      ['b', 3],
      ['c', 1],
      ['d', 2],
      ['e', 1],
    ] as const)
      relay.send(request(name, { priority }));
    const stream = new FakeStream();
    relay.streamUp(stream);
    endTurn();
    expect(stream.frames.map((frame) => new TextDecoder().decode(frame.request)).join('')).toBe('ceadb');
  });

  it('sends no more again than its budget has, and tells the rest', () => {
    const [one, two] = [new FakeStream('one'), new FakeStream('two')];
    for (const stream of [one, two]) relay.streamUp(stream);
    clock.advance(60_000);
    const ALL = 12_000;
    for (let version = 1; version <= ALL; version++) {
      relay.send(request('x', { version }));
      endTurn();
      // Whichever was asked first does not have it, the other one does.
      for (const [asked, other] of [
        [one, two],
        [two, one],
      ] as const) {
        const frame = asked.messages.splice(0)[0]?.frames[0];
        if (frame === undefined) continue;
        refuse(frame.id, GRPC_STATUS.UNAVAILABLE, REFUSAL.notTaken);
        endTurn();
        const again = other.messages.splice(0)[0]?.frames[0];
        if (again !== undefined) answer({ id: again.id, text: '' });
        break;
      }
    }
    const { retried, retriesRefused } = relay.counters;
    expect(answers).toHaveLength(ALL);
    expect(retried + retriesRefused).toBe(ALL);
    expect(retried).toBeGreaterThanOrEqual(BURST);
    expect(retried).toBeLessThanOrEqual(BURST + SHARE * ALL + 1);
    expect(answers.filter((text) => text.startsWith(`x:${GRPC_STATUS.UNAVAILABLE}`))).toHaveLength(retriesRefused);
    expect([relay.retriesLeft, relay.inFlight]).toEqual([0, 0]);
  });

  it('lets all that wait for a version go at once when it is there', () => {
    const stream = new FakeStream();
    relay.streamUp(stream);
    for (const name of ['a', 'b', 'c']) relay.send(request(name));
    endTurn();
    const [a, b, c] = stream.frames.map(({ id }) => id) as [bigint, bigint, bigint];
    refuse(a);
    refuse(b);
    expect(stream.frames).toHaveLength(3);
    answer({ id: c, text: 'C' });
    endTurn();
    expect(stream.frames.slice(3).map(({ id }) => id)).toEqual([a, b]);
  });

  it('refuses what the lag of its own loop would make late, and nothing after one long pause', () => {
    const stream = new FakeStream();
    relay.streamUp(stream);
    const ticks = (times: number, gapMs: number) => {
      for (let i = 0; i < times; i++) {
        clock.advance(gapMs);
        relay.tick();
      }
    };
    const sent = (withinMs: number) => relay.send(request('x', { deadlineAtMs: clock.monotonicMs() + withinMs })) !== 0;
    ticks(6, 20);
    ticks(1, 500);
    expect(sent(50)).toBe(true);
    ticks(6, 120);
    expect([sent(150), sent(250), sent(Number.POSITIVE_INFINITY)]).toEqual([false, true, true]);
    expect([relay.loopLagMs, relay.counters.shed, relay.counters.shedByLag]).toEqual([100, 1, 1]);
    const refused: [number, string][] = [];
    const done: Done = (status, message) => refused.push([status, message]);
    for (const leftMs of [0.1, 150]) relay.send(request('x', { deadlineAtMs: clock.monotonicMs() + leftMs, done }));
    endTurn();
    expect(refused).toEqual([
      [4, 'the router is behind: it would be answered in about 200 ms, and its deadline is in 0 ms'],
      [14, 'the router is behind: it would be answered in about 200 ms, and its deadline is in 150 ms'],
    ]);
    ticks(1, 20);
    expect(sent(50)).toBe(true);
  });

  it('refuses beyond its bound, counts a corrupt message and goes on', () => {
    const stream = new FakeStream();
    relay.streamUp(stream);
    for (let i = 0; i < IN_FLIGHT_MAX; i++) relay.send(request('x', { done: () => undefined }));
    relay.send(request('over'));
    endTurn();
    expect(answers).toEqual([`over:${GRPC_STATUS.UNAVAILABLE}:`]);
    relay.onMessage(new Uint8Array([0x0a, 0xff]));
    expect(relay.counters.corruptMessages).toBe(1);
  });
});
