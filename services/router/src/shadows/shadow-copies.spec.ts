// Live requests and copies over the real relay with a serving that does what it likes with copies: no answer of a
// caller changes, none waits for a copy, nothing of a copy is counted as a caller's.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { relayPb } from '@millrace/contracts';
import { ManualClock, RequestIds, seededRng } from '@millrace/domain';
import { encodeInferRequest, encodeInferResponse, encodeStreamResponse, Tensor } from '@millrace/inference';
import { emptyRoute, GRPC_STATUS } from '@millrace/routing';
import { EvidenceBook } from '../analysis/evidence-book.js';
import { InferEndpoint } from '../endpoints/infer-endpoint.js';
import { Outcomes } from '../outcomes/outcomes.js';
import { Relay, type RelayStream } from '../relay/relay.js';
import { RouteTable } from '../routing/route-table.js';
import { AnswerPairs } from './paired-answers.js';
import { BUSY_IN_FLIGHT, COPIES_MAX, COPY_BYTES_MAX, COPY_DEADLINE_MS, ShadowCopies } from './shadow-copies.js';
import { ShadowTraffic } from './shadow-traffic.js';

type Frame = relayPb.RequestFrame;

let turn: (() => void)[];
let clock: ManualClock;
let relay: Relay;
let copies: ShadowCopies;
let traffic: ShadowTraffic;
let outcomes: Outcomes;
let endpoint: InferEndpoint;
let frames: Frame[];
let messages: Frame[][];
let answers: string[];
let evidence: EvidenceBook;

const later = (callback: () => void) => void turn.push(callback);
const allocate = (size: number) => new Uint8Array(size);
const stream: RelayStream = {
  target: 'one',
  write: (message) => {
    const read = fromBinary(relayPb.ExchangeRequestSchema, message).frames;
    messages.push(read);
    frames.push(...read);
  },
};
const live = () => frames.filter(({ shadow, cancelled }) => !shadow && !cancelled);
const copied = () => frames.filter(({ shadow, cancelled }) => shadow && !cancelled);

/** Until nothing is due any more. */
function turns(): void {
  while (turn.length > 0) {
    const due = turn;
    turn = [];
    for (const callback of due) callback();
  }
}

const request = (id: string, over: object = {}): Uint8Array =>
  encodeInferRequest(
    {
      modelName: 'p',
      modelVersion: '',
      id,
      parameters: {},
      inputs: [Tensor.of('x', 'FP64', [1], [1])],
      outputs: [],
      ...over,
    } as Parameters<typeof encodeInferRequest>[0],
    allocate,
  );

function ask(id: string, over: object = {}, stream = false): () => void {
  return endpoint.infer({
    request: request(id, over),
    entity: '',
    traceparent: '',
    deadlineAtMs: Number.POSITIVE_INFINITY,
    stream,
    done: (status, _, response) => void answers.push(`${id}:${status}:${response.length}`),
  });
}

const response = (value: number) => ({
  modelName: 'p',
  modelVersion: '1',
  id: '',
  parameters: {},
  outputs: [Tensor.of('y', 'FP64', [1], [value])],
});

function reply(...told: { frame: Frame; value?: number; status?: number }[]): void {
  const message = create(relayPb.ExchangeResponseSchema, {
    frames: told.map(({ frame, value, status = 0 }) => ({
      id: frame.id,
      status,
      response:
        value === undefined
          ? new Uint8Array()
          : frame.stream
            ? (encodeStreamResponse(
                { error: '', response: response(value), final: true },
                allocate,
              ) as Uint8Array<ArrayBuffer>)
            : (encodeInferResponse(response(value), allocate) as Uint8Array<ArrayBuffer>),
    })),
  });
  relay.onMessage(toBinary(relayPb.ExchangeResponseSchema, message));
}

beforeEach(() => {
  turn = [];
  frames = [];
  messages = [];
  answers = [];
  clock = new ManualClock(1_000);
  relay = new Relay({ clock, endOfTurn: later, allocate, waitMaxMs: 2_000, tickMs: 20 });
  relay.streamUp(stream);
  outcomes = new Outcomes(clock);
  const apart = new Outcomes(clock);
  const pairs = new AnswerPairs();
  evidence = new EvidenceBook();
  copies = new ShadowCopies(relay, { clock, later, outcomes: apart, pairs, evidence });
  traffic = new ShadowTraffic(copies, apart, pairs);
  const table = new RouteTable();
  table.apply({
    ...emptyRoute('p'),
    revision: 1,
    targets: [{ version: 1, weight: 100, name: 'blue' }],
    loadedVersions: [1, 2],
    shadows: [2],
    shadowShare: 100,
  });
  const door = { choose: () => undefined } as unknown as ConstructorParameters<typeof InferEndpoint>[3];
  endpoint = new InferEndpoint(table, relay, outcomes, door, {
    ...{ clock, allocate, later, shadows: copies, deadlineMaxMs: 30_000 },
    ids: new RequestIds(seededRng(1)),
    tracing: { begin: () => null },
    evidence,
  });
});

describe('a copy', () => {
  it('leaves after its request, as the same bytes to another version, marked as a copy', () => {
    ask('a');
    ask('b');
    turns();
    expect(messages.map((message) => message.map(({ version }) => version))).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(copied().map(({ request }) => Buffer.from(request).toString('hex'))).toEqual(
      live().map(({ request }) => Buffer.from(request).toString('hex')),
    );
    expect(copied().every(({ shadow, traceparent }) => shadow && traceparent === '')).toBe(true);
    expect(live().some(({ shadow }) => shadow)).toBe(false);
  });

  it('is compared with the live answer, whichever comes first', () => {
    ask('a');
    ask('b');
    turns();
    const [a, b] = live() as [Frame, Frame];
    const [copyA, copyB] = copied() as [Frame, Frame];
    reply({ frame: a, value: 0.5 }, { frame: copyA, value: 0.75 });
    reply({ frame: copyB, value: 1 }, { frame: b, value: 1 });
    turns();
    expect(answers).toHaveLength(2);
    expect(traffic.stats('p').pairs).toEqual([
      expect.objectContaining({
        ...{ live: 1, shadow: 2, requests: 2, rows: 2, disagreeing: 1, disagreement: 0.5, meanDifference: 0.125 },
      }),
    ]);
    expect(copies.inFlight).toBe(0);
  });

  it('of a stream’s request is compared by the answer inside', () => {
    ask('a', {}, true);
    turns();
    reply({ frame: live()[0]!, value: 2 }, { frame: copied()[0]!, value: 3 });
    turns();
    expect(traffic.stats().pairs).toMatchObject([{ requests: 1, meanDifference: 1, uncompared: 0 }]);
  });

  it('of a step of a sequence, or of a version that is its shadow itself, is not made', () => {
    ask('a', { parameters: { sequence_id: 7n } });
    ask('b', { modelVersion: '2' });
    turns();
    expect(live()).toHaveLength(2);
    expect(copied()).toEqual([]);
  });
});

/** What a shadow may do to its copies. */
const EVILS: [string, (copy: Frame) => void][] = [
  ['errs', (frame) => reply({ frame, status: GRPC_STATUS.INTERNAL })],
  ['is not loaded', (frame) => reply({ frame, status: GRPC_STATUS.NOT_FOUND })],
  ['is overloaded', (frame) => reply({ frame, status: GRPC_STATUS.UNAVAILABLE })],
  ['answers NaN', (frame) => reply({ frame, value: Number.NaN })],
  [
    'answers garbage',
    (frame) => {
      const message = { frames: [{ id: frame.id, response: new Uint8Array([255, 255, 255]) }] };
      relay.onMessage(toBinary(relayPb.ExchangeResponseSchema, create(relayPb.ExchangeResponseSchema, message)));
    },
  ],
  ['hangs', () => undefined],
];

describe('a shadow that', () => {
  it.each(EVILS)('%s changes no answer, and nothing of it is counted as the project’s', (_, evil) => {
    for (let i = 0; i < 100; i++) ask(`r${i}`);
    turns();
    expect(copied()).toHaveLength(100);
    for (const copy of copied()) evil(copy);
    // Not one caller waits for a copy: all are answered at once, in the order of their answers.
    expect(answers).toEqual([]);
    for (const frame of live()) reply({ frame, value: 1 });
    const length = encodeInferResponse(response(1), allocate).length;
    expect(answers).toEqual(Array.from({ length: 100 }, (_, i) => `r${i}:0:${length}`));
    turns();
    clock.advance(COPY_DEADLINE_MS);
    relay.tick();
    turns();
    expect(outcomes.failures('p')).toBe(0);
    expect(outcomes.all().map(({ version, byStatus }) => [version, byStatus[0]])).toEqual([[1, 100]]);
    // Sent once, and settled: nothing is left of them.
    expect(copied()).toHaveLength(100);
    expect(relay.counters.retried).toBe(0);
    expect([copies.inFlight, relay.inFlight]).toEqual([0, 0]);
    expect(traffic.stats('p').versions).toMatchObject([{ version: 2, requests: 100 }]);
  });

  it('is not loaded has failed, as a version that the route named', () => {
    ask('a');
    turns();
    reply({ frame: copied()[0]!, status: GRPC_STATUS.NOT_FOUND });
    expect(traffic.stats().versions).toMatchObject([{ failures: 1, byStatus: { UNAVAILABLE: 1 } }]);
  });

  it('hangs is told to forget the copy at its deadline, and takes no place of a caller’s', () => {
    ask('a');
    turns();
    reply({ frame: live()[0]!, value: 1 });
    expect(relay.inFlight).toBe(0);
    clock.advance(COPY_DEADLINE_MS);
    relay.tick();
    expect(frames.filter(({ cancelled }) => cancelled).map(({ id }) => id)).toEqual([copied()[0]!.id]);
    expect(traffic.stats().versions).toMatchObject([{ byStatus: { DEADLINE_EXCEEDED: 1 } }]);
  });

  it('dies with its serving: requests are sent again, copies are not', () => {
    ask('a');
    turns();
    relay.streamDown(stream);
    relay.streamUp(stream);
    clock.advance(200);
    relay.tick();
    turns();
    expect([live().length, copied().length]).toEqual([2, 1]);
    reply({ frame: live()[1]!, value: 1 });
    expect(answers).toHaveLength(1);
    expect(outcomes.failures('p')).toBe(0);
  });

  it('is away with its serving gets no copy: requests wait, copies do not', () => {
    relay.streamDown(stream);
    ask('a');
    turns();
    relay.streamUp(stream);
    turns();
    expect([live().length, copied().length]).toEqual([1, 0]);
    reply({ frame: live()[0]!, value: 1 });
    expect(copies.inFlight).toBe(0);
  });

  it('outlives the caller is compared with nothing', () => {
    const cancel = ask('a');
    turns();
    cancel();
    reply({ frame: copied()[0]!, value: 1 });
    turns();
    expect(traffic.stats().pairs).toEqual([]);
    expect(copies.inFlight).toBe(0);
  });
});

describe('copies are dropped and counted', () => {
  it('where as many are not settled', () => {
    for (let i = 0; i < COPIES_MAX + 10; i++) ask(`r${i}`);
    turns();
    expect([live().length, copied().length]).toEqual([COPIES_MAX + 10, COPIES_MAX]);
    expect(copies.dropped).toEqual({ busy: 0, in_flight: 10, bytes: 0 });
    for (const frame of copied()) reply({ frame, value: 1 });
    for (const frame of live()) reply({ frame, value: 1 });
    ask('next');
    turns();
    expect(copied()).toHaveLength(COPIES_MAX + 1);
  });

  it('where the router has much to do', () => {
    for (let i = 0; i < BUSY_IN_FLIGHT + 5; i++) ask(`r${i}`);
    turns();
    expect(live()).toHaveLength(BUSY_IN_FLIGHT + 5);
    expect(copies.dropped).toMatchObject({ busy: 6 });
  });

  it('where their bytes are too many', () => {
    const values = new Array<number>(COPY_BYTES_MAX / 8 / 4).fill(1);
    for (let i = 0; i < 6; i++) ask(`r${i}`, { inputs: [Tensor.of('x', 'FP64', [values.length], values)] });
    turns();
    expect([live().length, copied().length]).toEqual([6, 3]);
    expect(copies.dropped).toMatchObject({ bytes: 3 });
  });

  it('and shown, with what became of the others and how the answers compare', () => {
    ask('a');
    turns();
    reply({ frame: live()[0]!, value: 1 }, { frame: copied()[0]!, value: 3 });
    turns();
    const text = traffic.prometheusText();
    expect(text).toContain('millrace_router_shadow_dropped_total{reason="in_flight"} 0');
    expect(text).toContain('millrace_router_shadow_requests_total{project="p",version="2",status="OK"} 1');
    expect(text).toContain('millrace_router_shadow_pair_rows_total{project="p",live="1",shadow="2"} 1');
    expect(text).toContain('millrace_router_shadow_pair_difference_sum{project="p",live="1",shadow="2"} 2');
    expect(text).not.toMatch(/^millrace_router_requests_total/m);
  });
});

describe('as evidence in a check', () => {
  const ROLLOUT = { project: 'p', version: 2, fromRevision: 1 };
  const seen = () =>
    evidence.of(ROLLOUT)?.versions.map(({ answered, failed, scored }) => [answered, failed, scored]) ?? [];
  beforeEach(() => void evidence.watch(ROLLOUT, [1, 2], true));

  it('are the answers of both versions to the same request, and no others', () => {
    ask('a');
    turns();
    reply({ frame: live()[0]!, value: 1 });
    expect(seen()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    reply({ frame: copied()[0]!, status: GRPC_STATUS.INTERNAL });
    expect(seen()).toEqual([
      [1, 0, 1],
      [1, 1, 0],
    ]);
    // The client named the version that gets copies: it is asked once.
    ask('b', { modelVersion: '2' });
    turns();
    reply({ frame: live()[1]!, value: 1 });
    expect(seen()[1]).toEqual([1, 1, 0]);
  });

  it('is no copy that got lost with its serving, and no request that its caller gave up', () => {
    ask('a');
    const giveUp = ask('b');
    turns();
    giveUp();
    relay.streamDown(stream);
    relay.streamUp(stream);
    clock.advance(200);
    relay.tick();
    turns();
    reply({ frame: live().at(-1)!, value: 1 });
    turns();
    expect(answers).toHaveLength(1);
    expect([seen(), copies.inFlight]).toEqual([
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
      0,
    ]);
  });

  it('a copy has the time of its request: who hangs has failed as the one who answers is waited for', () => {
    const deadlineAtMs = clock.monotonicMs() + 500;
    endpoint.infer({
      ...{ request: request('a'), entity: '', traceparent: '', deadlineAtMs, stream: false },
      done: (status) => void answers.push(String(status)),
    });
    turns();
    expect(copied()[0]).toMatchObject({ deadlineMs: 500 });
    reply({ frame: live()[0]!, value: 1 });
    clock.advance(500);
    relay.tick();
    expect(seen()).toEqual([
      [1, 0, 1],
      [1, 1, 0],
    ]);
  });

  it('a request that took longer than a copy may is late as its copy would be: a serving stood still, for both', () => {
    ask('a');
    turns();
    reply({ frame: copied()[0]!, value: 1 });
    clock.advance(COPY_DEADLINE_MS - 1);
    copies.tick();
    expect(seen()[1]).toEqual([0, 0, 0]);
    clock.advance(1);
    const late = [
      [1, 1, 0],
      [1, 0, 1],
    ];
    copies.tick();
    copies.tick();
    expect(seen()).toEqual(late);
    // Not when the caller hears of it: until then only copies would have been late.
    reply({ frame: live()[0]!, value: 1 });
    expect([answers.length, seen(), copies.inFlight]).toEqual([1, late, 0]);
  });

  it('where the request itself takes longer than a copy may, a copy that was late says nothing', () => {
    ask('a');
    turns();
    clock.advance(COPY_DEADLINE_MS);
    relay.tick();
    copies.tick();
    reply({ frame: live()[0]!, value: 1 });
    expect(answers).toHaveLength(1);
    expect(seen()[1]).toEqual([0, 0, 0]);
  });
});
