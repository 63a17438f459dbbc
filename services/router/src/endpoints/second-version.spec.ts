// Requests to the preview, and requests that their version has failed, over the real relay with a serving that answers
// as it is told: who is asked, what the caller hears, what is counted of it.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { inferencePb, relayPb } from '@millrace/contracts';
import { ManualClock, RequestIds, seededRng } from '@millrace/domain';
import { decodeInferResponse, encodeInferRequest, encodeInferResponse, Tensor } from '@millrace/inference';
import { emptyRoute, GRPC_STATUS, type Route } from '@millrace/routing';
import { EvidenceBook } from '../analysis/evidence-book.js';
import { BURST, Fallbacks } from '../fallback/fallbacks.js';
import { FALLBACK_PARAMETER } from '../fallback/marked-answer.js';
import { Outcomes } from '../outcomes/outcomes.js';
import { Relay, type RelayStream } from '../relay/relay.js';
import { RouteTable } from '../routing/route-table.js';
import { InferEndpoint } from './infer-endpoint.js';

type Frame = relayPb.RequestFrame;

interface Heard {
  id: string;
  status: number;
  message: string;
  response: Uint8Array;
}

let turn: (() => void)[];
let clock: ManualClock;
let relay: Relay;
let outcomes: Outcomes;
let evidence: EvidenceBook;
let table: RouteTable;
let fallbacks: Fallbacks;
let endpoint: InferEndpoint;
let frames: Frame[];
let answers: Heard[];
let counted: string[];
let previews: string[];
let spans: unknown[][];

const later = (callback: () => void) => void turn.push(callback);
const allocate = (size: number) => new Uint8Array(size);
const stream: RelayStream = {
  target: 'one',
  write: (message) => void frames.push(...fromBinary(relayPb.ExchangeRequestSchema, message).frames),
};

function turns(): void {
  while (turn.length > 0) for (const callback of turn.splice(0)) callback();
}

function ask(id: string, over: object = {}, call: object = {}): () => void {
  const inputs = [Tensor.of('x', 'FP64', [1], [1])];
  const request = { modelName: 'p', modelVersion: '', id, parameters: {}, inputs, outputs: [], ...over };
  const cancel = endpoint.infer({
    request: encodeInferRequest(request as Parameters<typeof encodeInferRequest>[0], allocate),
    ...{ entity: '', traceparent: '', deadlineAtMs: Number.POSITIVE_INFINITY },
    done: (status, message, response) => void answers.push({ id, status, message, response }),
    ...call,
  });
  turns();
  return cancel;
}

/** What serving says to a frame. */
function reply({ id, version }: Frame, status = 0): void {
  const outputs = [Tensor.of('y', 'FP64', [1], [version])];
  const told = { modelName: 'p', modelVersion: String(version), id: 'r', parameters: { kept: true }, outputs };
  const response = status === 0 ? (encodeInferResponse(told, allocate) as Uint8Array<ArrayBuffer>) : new Uint8Array();
  const frame = { id, status, response, message: status === 0 ? '' : 'as told' };
  const message = create(relayPb.ExchangeResponseSchema, { frames: [frame] });
  relay.onMessage(toBinary(relayPb.ExchangeResponseSchema, message));
  turns();
}

const last = (): Frame => frames.at(-1) as Frame;
const asked = () => frames.filter(({ cancelled }) => !cancelled).map(({ version }) => version);
const two: Route = {
  ...emptyRoute('p'),
  revision: 1,
  targets: [{ version: 2, weight: 100, name: 'green' }],
  ...{ loadedVersions: [1, 2], previousVersion: 1 },
};

beforeEach(() => {
  [turn, frames, answers, counted, previews, spans] = [[], [], [], [], [], []];
  clock = new ManualClock(1_000);
  relay = new Relay({ clock, endOfTurn: later, allocate, waitMaxMs: 2_000, tickMs: 20 });
  relay.streamUp(stream);
  outcomes = new Outcomes(clock);
  evidence = new EvidenceBook();
  table = new RouteTable();
  table.apply(two);
  fallbacks = new Fallbacks((project) => table.get(project), {
    counted: (_, version, fallback, result) => void counted.push(`${version}>${fallback} ${result}`),
  });
  const door = { choose: () => undefined } as unknown as ConstructorParameters<typeof InferEndpoint>[3];
  endpoint = new InferEndpoint(table, relay, outcomes, door, {
    ...{ clock, allocate, later, deadlineMaxMs: 30_000, evidence, fallbacks },
    ids: new RequestIds(seededRng(1)),
    tracing: { begin: () => ({ traceparent: '', end: (...told) => void spans.push(told) }) },
    previewed: (_, version, status) => void previews.push(`${version} ${status}`),
  });
});

describe('a request that its version has failed', () => {
  beforeEach(() => fallbacks.setShare('p', 10));

  it('is answered by the version before, and the answer, the span and the counter say so', () => {
    ask('r');
    reply(last(), GRPC_STATUS.INTERNAL);
    expect([asked(), answers]).toEqual([[2, 1], []]);
    reply(last());
    const [{ status, response }] = answers as [Heard];
    expect(status).toBe(GRPC_STATUS.OK);
    // As a client's protobuf reads it, and as our own REST does.
    const read = fromBinary(inferencePb.ModelInferResponseSchema, response);
    expect([read.modelVersion, read.id]).toEqual(['1', 'r']);
    expect(read.parameters[FALLBACK_PARAMETER]?.parameterChoice).toEqual({ case: 'int64Param', value: 2n });
    expect(decodeInferResponse(response)).toMatchObject({
      ...{ modelVersion: '1', parameters: { kept: true, [FALLBACK_PARAMETER]: 2n } },
      outputs: [{ name: 'y' }],
    });
    expect([counted, spans]).toEqual([['2>1 answered'], [['p', 1, GRPC_STATUS.OK, 2]]]);
  });

  it('has failed all the same for its version: in the statistics and in the analysis', () => {
    evidence.watch({ project: 'p', version: 2, fromRevision: 1 }, [1, 2]);
    ask('r');
    reply(last(), GRPC_STATUS.INTERNAL);
    reply(last());
    expect(outcomes.all().map(({ version, byStatus }) => [version, byStatus[GRPC_STATUS.INTERNAL]])).toEqual([[2, 1]]);
    expect(outcomes.failures('p')).toBe(1);
    const seen = evidence.of({ project: 'p', version: 2, fromRevision: 1 })?.versions ?? [];
    expect(seen.map(({ version, answered, failed }) => [version, answered, failed])).toEqual([
      [1, 0, 0],
      [2, 1, 1],
    ]);
  });

  it('is asked once more and no more: who failed twice hears of the version that was to answer', () => {
    ask('r');
    reply(last(), GRPC_STATUS.INTERNAL);
    reply(last(), GRPC_STATUS.UNKNOWN);
    expect(asked()).toEqual([2, 1]);
    expect(answers).toMatchObject([{ status: GRPC_STATUS.INTERNAL, message: 'as told' }]);
    expect([counted, spans]).toEqual([['2>1 failed'], [['p', 2, GRPC_STATUS.INTERNAL, 2]]]);
  });

  it.each<[string, () => void, number]>([
    ['is the caller’s fault', () => ask('r'), GRPC_STATUS.INVALID_ARGUMENT],
    ['had no more time', () => ask('r'), GRPC_STATUS.DEADLINE_EXCEEDED],
    ['was too much for a server', () => ask('r'), GRPC_STATUS.RESOURCE_EXHAUSTED],
    ['named its version', () => ask('r', { modelVersion: '2' }), GRPC_STATUS.INTERNAL],
    ['is a step of a sequence', () => ask('r', { parameters: { sequence_id: 7n } }), GRPC_STATUS.INTERNAL],
    ['is a stream’s', () => ask('r', {}, { stream: true }), GRPC_STATUS.INTERNAL],
  ])('is not asked again where it %s', (_, send, status) => {
    send();
    reply(last(), status);
    expect([asked(), counted]).toEqual([[2], []]);
    expect(answers).toMatchObject([{ status }]);
  });

  it('is not asked again where nobody is loaded for it, or the project does not say so', () => {
    table.apply({ ...two, revision: 2, loadedVersions: [2] });
    ask('a');
    reply(last(), GRPC_STATUS.INTERNAL);
    table.apply({ ...two, revision: 3 });
    fallbacks.setShare('p', 0);
    ask('b');
    reply(last(), GRPC_STATUS.INTERNAL);
    expect([asked(), counted]).toEqual([[2, 2], []]);
    expect(answers.map(({ status }) => status)).toEqual([GRPC_STATUS.INTERNAL, GRPC_STATUS.INTERNAL]);
  });

  it('keeps to its deadline: the second version has what the first has left', () => {
    ask('r', {}, { deadlineAtMs: clock.monotonicMs() + 500 });
    clock.advance(300);
    reply(last(), GRPC_STATUS.INTERNAL);
    expect(last()).toMatchObject({ version: 1, deadlineMs: 200 });
    clock.advance(200);
    relay.tick();
    expect(answers).toMatchObject([{ status: GRPC_STATUS.INTERNAL }]);
    expect(counted).toEqual(['2>1 failed']);
  });

  it('of 1,000 that fail no more are asked twice than the share and what a purse holds', () => {
    for (let i = 0; i < 1_000; i++) {
      ask(`r${i}`);
      reply(last(), GRPC_STATUS.INTERNAL);
      if (last().version === 1) reply(last());
    }
    const again = asked().filter((version) => version === 1).length;
    expect(again).toBeGreaterThanOrEqual(100);
    expect(again).toBeLessThanOrEqual(100 + BURST);
    expect(counted.filter((one) => one === '2>1 over_budget')).toHaveLength(1_000 - again);
    expect(answers).toHaveLength(1_000);
  });

  it('that all fail at once find what the requests before them have left of the budget', () => {
    fallbacks.setShare('p', 50);
    for (let i = 0; i < 200; i++) {
      ask(`good${i}`);
      reply(last());
    }
    const bad = Array.from({ length: 100 }, (_, i) => {
      ask(`bad${i}`);
      return last();
    });
    for (const frame of bad) reply(frame, GRPC_STATUS.INTERNAL);
    expect(asked().filter((version) => version === 1)).toHaveLength(100);
    expect(counted).toEqual([]);
  });

  it('a caller that goes away while the second is asked hears nothing, serving is told, and it is counted', () => {
    const cancel = ask('r');
    reply(last(), GRPC_STATUS.INTERNAL);
    const { id } = last();
    cancel();
    expect(frames.filter(({ cancelled }) => cancelled).map((frame) => frame.id)).toEqual([id]);
    reply({ ...last(), id });
    expect([answers, relay.inFlight]).toEqual([[], 0]);
    expect(spans).toEqual([['p', 2, GRPC_STATUS.CANCELLED, 2]]);
    expect(counted).toEqual(['2>1 cancelled']);
  });
});

describe('the preview', () => {
  const checked: Route = {
    ...emptyRoute('p'),
    revision: 2,
    targets: [{ version: 1, weight: 100, name: 'blue' }],
    ...{ loadedVersions: [1, 2], shadows: [2], shadowShare: 10 },
    rollout: {
      ...{ phase: 'progressing', version: 2, message: '' },
      steps: {
        ...{ plan: [{ weight: 0, copies: 10 }], at: 0, sinceMs: 0, fromRevision: 2, salt: 1 },
        baseline: [{ version: 1, weight: 100 }],
      },
    },
  };

  it('is answered by the version that waits, told apart in serving’s log, and no part of live figures', () => {
    table.apply(checked);
    evidence.watch({ project: 'p', version: 2, fromRevision: 2 }, [1, 2]);
    ask('r', { modelVersion: 'preview' });
    expect(last()).toMatchObject({ version: 2, shadow: true });
    // Serving is asked for the version by its number.
    expect(fromBinary(inferencePb.ModelInferRequestSchema, last().request)).toMatchObject({
      modelVersion: '2',
      id: 'r',
    });
    reply(last());
    expect(answers.map(({ status, response }) => [status, decodeInferResponse(response).modelVersion])).toEqual([
      [GRPC_STATUS.OK, '2'],
    ]);
    expect([outcomes.all(), previews]).toEqual([[], ['2 0']]);
    expect(evidence.of({ project: 'p', version: 2, fromRevision: 2 })?.answers).toBe(0);
    expect(spans).toEqual([['p', 2, GRPC_STATUS.OK]]);
  });

  it('has a caller who waits for it: it is sent again where a copy would not be, and can be given up', () => {
    table.apply(checked);
    const cancel = ask('r', { modelVersion: 'preview' });
    expect(relay.inFlight).toBe(1);
    relay.streamDown(stream);
    relay.streamUp(stream);
    clock.advance(200);
    relay.tick();
    turns();
    expect(asked()).toEqual([2, 2]);
    cancel();
    expect([answers, previews, relay.inFlight]).toEqual([[], [`2 ${GRPC_STATUS.CANCELLED}`], 0]);
  });

  it.each<[string, Route, string]>([
    ['nobody waits', two, "model 'p' has no preview now: no version is loaded and waits for its traffic"],
    [
      'it is still loading',
      { ...two, rollout: { phase: 'loading', version: 3, message: '' } },
      "model 'p' has no preview now: version 3 is still loading",
    ],
  ])('is refused where %s, and says so', (_, route, words) => {
    table.apply({ ...route, revision: 2 });
    ask('r', { modelVersion: 'preview' });
    turns();
    expect(answers).toMatchObject([{ status: GRPC_STATUS.NOT_FOUND, message: expect.stringContaining(words) }]);
    expect(frames).toEqual([]);
  });

  it('of a model without a route is a version that serving may know by that name', () => {
    ask('r', { modelName: 'other', modelVersion: 'preview' });
    expect(last()).toMatchObject({ model: 'other', version: 0, shadow: false });
  });

  it('takes tensors only: bodies that are not decoded would be logged as live ones', () => {
    table.apply(checked);
    expect(endpoint.pick('p', 'preview', '', { header: () => '' })).toMatchObject({
      ...{ status: GRPC_STATUS.INVALID_ARGUMENT, message: expect.stringContaining('with tensors only') },
    });
  });
});
