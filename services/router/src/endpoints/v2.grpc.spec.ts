// The gRPC endpoint for models that serving answers, on its real server, with a stand-in for the relay.

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RequestIds, seededRng, systemClock } from '@millrace/domain';
import { type BytesAnswer, BytesClient } from '@millrace/grpc';
import { encodeInferRequest, encodeInferResponse, encodeStreamResponse, peekModel } from '@millrace/inference';
import { emptyRoute, GRPC_STATUS } from '@millrace/routing';
import { EvidenceBook } from '../analysis/evidence-book.js';
import { Outcomes } from '../outcomes/outcomes.js';
import type { Relay, RelayRequest } from '../relay/relay.js';
import type { ServingCalls } from '../relay/servings.grpc.js';
import { RouteTable } from '../routing/route-table.js';
import { CallLog } from '../upstream/call-log.js';
import { UpstreamCalls } from '../upstream/upstream-calls.js';
import { UpstreamChooser } from '../upstream/upstream-choice.js';
import { UpstreamDoor } from '../upstream/upstream-door.js';
import { UpstreamTable } from '../upstream/upstream-table.js';
import { InferEndpoint } from './infer-endpoint.js';
import { GrpcEndpoint } from './v2.grpc.js';

const SERVICE = '/inference.GRPCInferenceService';
const NOTHING = new Uint8Array(0);

let endpoint: GrpcEndpoint;
let client: BytesClient;
let sent: RelayRequest[];
let evidence: EvidenceBook;
let there: GrpcEndpoint;
let elsewhereClient: BytesClient;
let asked: { path: string; request: Buffer }[];

const requestOf = (modelName: string, id: string, modelVersion = '') =>
  encodeInferRequest({ modelName, modelVersion, id, parameters: {}, inputs: [], outputs: [] });

function call(method: string, request: Uint8Array, headers: Record<string, string> = {}): Promise<BytesAnswer> {
  const deadlineAtMs = systemClock.monotonicMs() + 5_000;
  return new Promise((done) => client.unary({ path: `${SERVICE}/${method}`, deadlineAtMs, headers }, request, done));
}

beforeEach(async () => {
  sent = [];
  evidence = new EvidenceBook();
  asked = [];
  const relay = {
    up: true,
    send(request: RelayRequest) {
      sent.push(request);
      const { id, modelName } = peekModel(request.request);
      const response = { modelName, modelVersion: String(request.version), id, parameters: {}, outputs: [] };
      const bytes = request.stream ? encodeStreamResponse({ error: '', response }) : encodeInferResponse(response);
      if (id === 'hangs') return sent.length;
      const fails = id.startsWith('bad');
      const status = fails ? GRPC_STATUS.INVALID_ARGUMENT : GRPC_STATUS.OK;
      setImmediate(() => request.done(status, fails ? 'why' : '', fails ? NOTHING : bytes, true));
      return sent.length;
    },
    cancel: () => true,
  } as unknown as Relay;
  const serving = {
    count: 1,
    unary(path: string, request: Buffer, _deadlineMs: number, told: (answer: unknown) => void) {
      asked.push({ path, request: Buffer.from(request) });
      setImmediate(() => told({ kind: 'ok', response: Buffer.from('of serving') }));
      return () => undefined;
    },
  } as unknown as ServingCalls;
  const table = new RouteTable();
  const targets = [{ version: 3, weight: 100, name: 'blue' }];
  table.apply({ ...emptyRoute('routed'), revision: 1, loadedVersions: [3, 5], targets });
  table.setMatches('routed', [{ header: 'x-cohort', prefix: 'beta', version: 5 }]);
  const outcomes = new Outcomes(systemClock);
  const ids = new RequestIds(seededRng(1));
  const common = {
    ...{ clock: systemClock, tracing: { begin: () => null }, allocate: Buffer.allocUnsafe, later: setImmediate },
    evidence,
  };
  const calls = new UpstreamCalls({
    clock: systemClock,
    client: () => elsewhereClient,
    deadlineMaxMs: 5_000,
  });
  const elsewhere = new UpstreamTable();
  const upstream = { address: 'a:1', model: 'plain', version: '' };
  for (const version of [1, 2])
    elsewhere.set({ ...{ project: 'watched', version, modelSha256: '', packagePath: '' }, upstream, rows: undefined });
  table.apply({
    ...emptyRoute('watched'),
    ...{ revision: 1, loadedVersions: [1, 2], targets: [{ version: 1, weight: 100, name: 'blue' }] },
  });
  const chooserOf = (known: UpstreamTable) => new UpstreamChooser(known, table, ids, '');
  const log = new CallLog({ ids, offer: () => undefined, resting: (work) => work(), skipped: () => undefined });
  const doorOf = (known: UpstreamTable) => new UpstreamDoor(chooserOf(known), calls, log, outcomes, common);
  const inferenceBy = (door: UpstreamDoor) =>
    new InferEndpoint(table, relay, outcomes, door, { ...common, ids, evidence, deadlineMaxMs: 30_000 });
  const options = { ready: () => true, host: '127.0.0.1', port: 0, requestBytesMax: 100_000, drainMs: 100 };
  const endpointBy = (door: UpstreamDoor) =>
    new GrpcEndpoint(inferenceBy(door), table, serving, door, systemClock, options);
  endpoint = endpointBy(doorOf(elsewhere));
  // A server elsewhere: the same endpoint that knows of none.
  there = endpointBy(doorOf(new UpstreamTable()));
  elsewhereClient = new BytesClient(`127.0.0.1:${await there.listen()}`, systemClock, 1_000_000);
  client = new BytesClient(`127.0.0.1:${await endpoint.listen()}`, systemClock, 1_000_000);
});

afterEach(async () => {
  client.close();
  elsewhereClient.close();
  await Promise.all([endpoint.close(), there.close()]);
});

describe('the gRPC endpoint', () => {
  it('serves on for a moment when it ends, and says that it is not ready', async () => {
    await call('ModelInfer', requestOf('routed', 'before'));
    const ended = endpoint.close();
    const [ready, answer] = await Promise.all([
      call('ServerReady', NOTHING),
      call('ModelInfer', requestOf('routed', 'after')),
    ]);
    expect([ready.status, Buffer.from(ready.response)]).toEqual([0, Buffer.alloc(0)]);
    expect(answer.status).toBe(0);
    await ended;
  });

  it('counts for a rollout what a server elsewhere answers to requests that the route drew, and what it fails', async () => {
    const rollout = { project: 'watched', version: 2, fromRevision: 1 };
    expect((await call('ModelInfer', requestOf('watched', 'r-0'))).status).toBe(GRPC_STATUS.OK);
    evidence.watch(rollout, [1, 2]);
    for (const id of ['r-1', 'r-2', 'bad-3']) await call('ModelInfer', requestOf('watched', id));
    const counted = () => evidence.of(rollout)?.versions.map(({ answered, latency }) => [answered, latency.count]);
    expect(counted()).toEqual([
      [3, 3],
      [0, 0],
    ]);
  });

  it('sends an inference by the route, with entity and deadline, and answers with what came', async () => {
    const { status, response } = await call('ModelInfer', requestOf('routed', 'r-1'), { 'millrace-entity': 'e' });
    expect([status, peekModel(response).modelVersion]).toEqual([0, '3']);
    expect(sent).toMatchObject([{ version: 3, model: 'routed', entity: 'e', stream: false }]);
    expect(sent[0]?.deadlineAtMs).toBeLessThan(systemClock.monotonicMs() + 5_000);
    expect(await call('ModelInfer', requestOf('routed', 'bad'))).toMatchObject({ status: 3, message: 'why' });
  });

  it('sends by the rules about metadata of the project file', async () => {
    await call('ModelInfer', requestOf('routed', 'r-1'), { 'x-cohort': 'beta-7' });
    await call('ModelInfer', requestOf('routed', 'r-2'), { 'x-cohort': 'alpha' });
    expect(sent.map(({ version }) => version)).toEqual([5, 3]);
  });

  it('counts what it answers while a rollout is under way, but not for who chose the version by himself', async () => {
    const rollout = { project: 'routed', version: 3, fromRevision: 1 };
    evidence.watch(rollout, [3, 5]);
    await call('ModelInfer', requestOf('routed', 'a'));
    await call('ModelInfer', requestOf('routed', 'bad'));
    await call('ModelInfer', requestOf('routed', 'b', '3'));
    // Nor a rule about headers, which draws nobody.
    await call('ModelInfer', requestOf('routed', 'm'), { 'x-cohort': 'beta-7' });
    await call('ModelInfer', requestOf('other', 'c'));
    await new Promise(setImmediate);
    expect(evidence.of(rollout)?.versions.map((one) => one.state())).toMatchObject([
      { version: 3, answered: 2, failed: 0 },
      { version: 5, answered: 0 },
    ]);
    evidence.forget('routed');
    await call('ModelInfer', requestOf('routed', 'd'));
    expect(evidence.of(rollout)).toBeUndefined();
  });

  it('counts what its caller gave up at the deadline as late, for it was kept waiting', async () => {
    const rollout = { project: 'routed', version: 3, fromRevision: 1 };
    evidence.watch(rollout, [3]);
    const deadlineAtMs = systemClock.monotonicMs() + 1_000;
    const path = `${SERVICE}/ModelInfer`;
    await new Promise((done) => client.unary({ path, deadlineAtMs, headers: {} }, requestOf('routed', 'hangs'), done));
    const counted = () => evidence.of(rollout)?.versions[0]?.state();
    while (counted()?.answered === 0) await new Promise(setImmediate);
    expect(counted()).toMatchObject({ answered: 1, failed: 1 });
  });

  it('answers a stream in the order of its requests, a failed one in its place', async () => {
    const got: string[] = [];
    const deadlineAtMs = systemClock.monotonicMs() + 5_000;
    const end = await new Promise<BytesAnswer>((ended) => {
      const open = client.stream(
        { path: `${SERVICE}/ModelStreamInfer`, deadlineAtMs, headers: {} },
        { message: (bytes) => got.push(Buffer.from(bytes).toString('latin1')), drained: () => undefined, end: ended },
      );
      for (const id of ['one', 'bad-2', 'three']) open.write(requestOf('routed', id));
      open.endWriting();
    });
    expect(end.status).toBe(0);
    expect(got).toHaveLength(3);
    for (const [i, id] of ['one', 'bad-2', 'three'].entries()) expect(got[i]).toContain(id);
    expect(got[1]).toContain('why');
  });

  it('asks serving everything else, about the version that serves where none is named, and says itself that it lives', async () => {
    const name = Buffer.concat([Buffer.from([0x0a, 6]), Buffer.from('routed')]);
    const { response } = await call('ModelMetadata', name);
    expect(Buffer.from(response).toString()).toBe('of serving');
    expect(peekModel(asked[0]?.request as Buffer)).toMatchObject({ modelName: 'routed', modelVersion: '3' });
    expect(Buffer.from((await call('ServerReady', NOTHING)).response)).toEqual(Buffer.from([8, 1]));
    expect(Buffer.from((await call('ServerLive', NOTHING)).response)).toEqual(Buffer.from([8, 1]));
    await call('RepositoryIndex', NOTHING);
    expect(asked.map(({ path }) => path.split('/').at(-1))).toEqual(['ModelMetadata', 'RepositoryIndex']);
  });
});
