// The REST endpoint between real HTTP servers: which paths reach serving, how answers are coded, what failures are
// called.

import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { type AddressInfo, connect, Server } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ManualClock, RequestIds, seededRng } from '@millrace/domain';
import { decodeInferRequest, encodeInferResponse, Tensor } from '@millrace/inference';
import { emptyRoute, GRPC_STATUS } from '@millrace/routing';
import { EvidenceBook } from '../analysis/evidence-book.js';
import { Forward } from '../calls/forward.http.js';
import { Outcomes } from '../outcomes/outcomes.js';
import { type Relay, type RelayRequest } from '../relay/relay.js';
import { RouteTable } from '../routing/route-table.js';
import { CallLog } from '../upstream/call-log.js';
import { UpstreamCalls } from '../upstream/upstream-calls.js';
import { UpstreamChooser } from '../upstream/upstream-choice.js';
import { UpstreamDoor, type UpstreamDoorOptions } from '../upstream/upstream-door.js';
import { UpstreamRest } from '../upstream/upstream-rest.http.js';
import { UpstreamTable } from '../upstream/upstream-table.js';
import { InferEndpoint } from './infer-endpoint.js';
import { HttpEndpoint } from './v2.http.js';

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: Buffer;
}

const X = Tensor.of('X', 'FP32', [1, 600], new Array(600).fill(0.25));
const BODY = JSON.stringify({ inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 600], data: X.toValues() }] });
const ANSWER = encodeInferResponse(
  { modelName: 'm', modelVersion: '1', id: '', parameters: {}, outputs: [X] },
  Buffer.allocUnsafe,
);

/** All models are served here. */
function nobodyElsewhere(table: RouteTable, outcomes: Outcomes, ids: RequestIds, options: UpstreamDoorOptions) {
  const chooser = new UpstreamChooser(new UpstreamTable(), table, ids, '');
  const log = new CallLog({ ids, offer: () => undefined, resting: (work) => work(), skipped: () => undefined });
  const client = () => {
    throw new Error('nobody is elsewhere');
  };
  const calls = new UpstreamCalls({ clock: options.clock, client, deadlineMaxMs: 1 });
  const door = new UpstreamDoor(chooser, calls, log, outcomes, options);
  const { clock, evidence } = options;
  const rest = new UpstreamRest(chooser, log, outcomes, { clock, evidence, at: undefined, requestBytesMax: 1 });
  return { door, rest };
}

const { close } = Server.prototype;

/** Resolves when a server takes no more connections. */
function stopsListening(): Promise<void> {
  return new Promise((resolve) => {
    jest.spyOn(Server.prototype, 'close').mockImplementationOnce(function (this: Server, done) {
      resolve();
      return close.call(this, done);
    });
  });
}

describe("the router's REST endpoint", () => {
  const clock = new ManualClock(0);
  const closers: (() => Promise<unknown>)[] = [];
  let seen: string[] = [];
  let sent: RelayRequest[] = [];
  let status: number = GRPC_STATUS.OK;
  let up = true;
  let table = new RouteTable();
  let outcomes = new Outcomes(clock);
  let port = 0;
  let end: () => Promise<void> = async () => undefined;

  beforeEach(async () => {
    seen = [];
    sent = [];
    status = GRPC_STATUS.OK;
    up = true;
    const serving = createServer((incoming, response) => {
      seen.push(incoming.url ?? '');
      incoming.resume();
      response.end('{}');
    });
    await new Promise<void>((resolve) => serving.listen(0, '127.0.0.1', resolve));
    const relay = {
      get up() {
        return up;
      },
      send(request: RelayRequest) {
        sent.push(request);
        setImmediate(() => request.done(status, 'why', status === GRPC_STATUS.OK ? ANSWER : Buffer.alloc(0), true));
        return 1;
      },
      cancel: () => false,
    } as unknown as Relay;
    table = new RouteTable();
    outcomes = new Outcomes(clock);
    table.apply({
      ...emptyRoute('routed'),
      revision: 1,
      loadedVersions: [1, 2],
      targets: [{ version: 2, weight: 100, name: 'blue' }],
    });
    const ids = new RequestIds(seededRng(1));
    const evidence = new EvidenceBook();
    const common = {
      ...{ clock, tracing: { begin: () => null }, allocate: Buffer.allocUnsafe, later: setImmediate },
      evidence,
    };
    const { door, rest } = nobodyElsewhere(table, outcomes, ids, common);
    const infer = new InferEndpoint(table, relay, outcomes, door, {
      ...common,
      ids,
      deadlineMaxMs: 30_000,
    });
    const endpoint = new HttpEndpoint(infer, table, rest, clock, {
      ready: () => relay.up,
      host: '127.0.0.1',
      port: 0,
      requestBytesMax: 100_000,
      drainMs: 2_000,
      serving: new Forward('127.0.0.1', (serving.address() as AddressInfo).port, 'serving'),
    });
    port = await endpoint.listen();
    end = () => endpoint.close();
    closers.push(
      () => endpoint.close(),
      () => new Promise((resolve) => serving.close(resolve)),
    );
  });

  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  function ask(
    method: string,
    path: string,
    body: Buffer | string = '',
    headers: Record<string, string> = {},
    agent: Agent | false = false,
  ) {
    return new Promise<Answer>((resolve, reject) => {
      const outgoing = request({ port, host: '127.0.0.1', path, method, headers, agent }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) }),
        );
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  const infer = (path: string, headers: Record<string, string> = {}, body: Buffer | string = BODY) =>
    ask('POST', `${path}/infer`, body, headers);

  it('that ends is not ready, and tells a client that keeps its connection to use it no more', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const kept = (method: string, path: string, body = '') => ask(method, path, body, {}, agent);
    expect(await kept('GET', '/v2/health/ready')).toMatchObject({ status: 200, headers: { connection: 'keep-alive' } });
    const ended = end();
    // A client that were told now would connect again, into the queue of a listener that is about to be closed.
    expect(await kept('GET', '/v2/health/ready')).toMatchObject({ status: 400, headers: { connection: 'keep-alive' } });
    await stopsListening();
    expect(await kept('POST', '/v2/models/routed/infer', BODY)).toMatchObject({
      status: 200,
      headers: { connection: 'close' },
    });
    await ended;
    await expect(kept('GET', '/v2/health/live')).rejects.toThrow('ECONNREFUSED');
    closers.shift();
  });

  it('that takes no more connections answers those who have just connected', async () => {
    const fresh = connect(port, '127.0.0.1');
    await once(fresh, 'connect');
    let said = '';
    fresh.on('data', (text) => {
      said += text;
    });
    const closes = jest.spyOn(Server.prototype, 'close').mockImplementationOnce(function (this: Server, done) {
      fresh.write('GET /v2/health/live HTTP/1.1\r\nhost: router\r\n\r\n');
      return close.call(this, done);
    });
    await end();
    closes.mockRestore();
    expect(said).toMatch(/^HTTP\/1.1 200 OK\r\n(.+\r\n)*connection: close\r\n/i);
  });

  it('that takes no more connections has taken those that waited: their requests are on the way', async () => {
    const asked = Array.from({ length: 20 }, () => ask('GET', '/v2/health/live'));
    await end();
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(20).fill(200));
  });

  it('that ends keeps idle connections of a client that asks until it has used them up', async () => {
    const agent = new Agent({ keepAlive: true, maxFreeSockets: 10 });
    const bursts = () => Promise.all(Array.from({ length: 10 }, () => ask('GET', '/v2/health/live', '', {}, agent)));
    await bursts();
    const ended = end();
    await stopsListening();
    for (let i = 0; i < 10; i++)
      expect((await ask('GET', '/v2/health/live', '', {}, agent)).headers.connection).toBe('close');
    await expect(ask('GET', '/v2/health/live', '', {}, agent)).rejects.toMatchObject({ syscall: 'connect' });
    await ended;
  });

  it('asks for statistics as the caller did, and for the live version where only one can be meant', async () => {
    for (const what of ['/stats', '/config', '/ready', '']) await ask('GET', `/v2/models/routed${what}`);
    expect(seen).toEqual([
      '/v2/models/routed/stats',
      '/v2/models/routed/versions/2/config',
      '/v2/models/routed/versions/2/ready',
      '/v2/models/routed/versions/2',
    ]);
  });

  it('sends by the rules about headers of the project file, decoded here or not', async () => {
    const targets = [{ version: 2, weight: 100, name: 'green' }];
    table.apply({ ...emptyRoute('routed'), revision: 2, loadedVersions: [2, 4], targets });
    table.setMatches('routed', [{ header: 'x-cohort', equals: 'beta', version: 4 }]);
    for (const cohort of ['beta', 'alpha']) {
      await infer('/v2/models/routed', { 'x-cohort': cohort });
      await ask('POST', '/v2/models/routed/generate', '{}', { 'x-cohort': cohort });
    }
    expect(sent.map(({ version }) => version)).toEqual([4, 2]);
    expect(seen).toEqual(['/v2/models/routed/versions/4/generate', '/v2/models/routed/versions/2/generate']);
  });

  it('at 50/50 asks for the version that loop and serving call primary, too: the lower', async () => {
    const targets = [
      { version: 2, weight: 50, name: 'green' },
      { version: 1, weight: 50, name: 'blue' },
    ];
    table.apply({ ...emptyRoute('routed'), revision: 2, loadedVersions: [1, 2], targets });
    await ask('GET', '/v2/models/routed/config');
    expect(seen).toEqual(['/v2/models/routed/versions/1/config']);
  });

  it('blames the platform where serving does not know the version of the route, the caller where it named it', async () => {
    status = GRPC_STATUS.NOT_FOUND;
    expect((await infer('/v2/models/routed')).status).toBe(503);
    expect(outcomes.failures('routed')).toBe(1);
    expect((await infer('/v2/models/routed/versions/2')).status).toBe(404);
    expect((await infer('/v2/models/nobody')).status).toBe(404);
    expect([outcomes.failures('routed'), outcomes.failures('')]).toEqual([1, 0]);
  });

  it('leaves the version of a model without a route to serving; a routed model has numbers only', async () => {
    expect((await infer('/v2/models/other/versions/stable')).status).toBe(200);
    expect([sent[0]?.version, decodeInferRequest(sent[0]?.request as Buffer).modelVersion]).toEqual([0, 'stable']);
    await ask('POST', '/v2/models/other/versions/stable/generate', '{}');
    await ask('POST', '/v2/models/other/versions/7/generate', '{}');
    await ask('POST', '/v2/models/other/generate', '{}');
    await ask('POST', '/v2/models/routed/generate', '{}');
    expect(seen).toEqual([
      '/v2/models/other/versions/stable/generate',
      '/v2/models/other/versions/7/generate',
      '/v2/models/other/generate',
      '/v2/models/routed/versions/2/generate',
    ]);
    expect((await infer('/v2/models/routed/versions/stable')).status).toBe(400);
    expect((await ask('POST', '/v2/models/routed/versions/stable/generate', '{}')).status).toBe(400);
    expect([sent.length, seen.length]).toEqual([1, 4]);
  });

  it('does not make a deadline of the parameter timeout', async () => {
    const body = JSON.stringify({ ...JSON.parse(BODY), parameters: { timeout: 1000, priority: 2 } });
    expect((await infer('/v2/models/other', {}, body)).status).toBe(200);
    expect(sent[0]?.deadlineAtMs).toBe(30_000);
    expect(decodeInferRequest(sent[0]?.request as Buffer).parameters).toMatchObject({ timeout: 1000n, priority: 2n });
  });

  it.each([
    ['gzip;q=0, deflate', 'deflate'],
    ['gzip;q=0', undefined],
    ['*', 'gzip'],
    ['GZIP', 'gzip'],
    ['deflate;q=0.9, gzip;q=0.1', 'deflate'],
    ['identity', undefined],
  ])('answers Accept-Encoding %j with %s', async (accepted, coding) => {
    const { headers } = await infer('/v2/models/other', { 'accept-encoding': accepted });
    expect([headers['content-encoding'], headers.vary]).toEqual([coding, coding && 'accept-encoding']);
  });

  it.each(['gzip', 'x-gzip', 'GZIP'])('takes a body in %s', async (coding) => {
    expect((await infer('/v2/models/other', { 'content-encoding': coding }, gzipSync(BODY))).status).toBe(200);
  });

  it.each([
    [GRPC_STATUS.FAILED_PRECONDITION, 400],
    [GRPC_STATUS.ALREADY_EXISTS, 400],
    [GRPC_STATUS.PERMISSION_DENIED, 400],
    [GRPC_STATUS.UNIMPLEMENTED, 501],
    [GRPC_STATUS.UNAVAILABLE, 503],
    [GRPC_STATUS.INTERNAL, 500],
  ])('says gRPC status %i as %i', async (grpc, http) => {
    status = grpc;
    const answer = await infer('/v2/models/other');
    expect([answer.status, JSON.parse(answer.body.toString())]).toEqual([http, { error: 'why' }]);
  });

  it('tells health as serving does: 200 or 400, and nothing else', async () => {
    const tell = async (what: string) => {
      const { status: told, body } = await ask('GET', `/v2/health/${what}`);
      return [told, body.length];
    };
    expect([await tell('live'), await tell('ready')]).toEqual([
      [200, 0],
      [200, 0],
    ]);
    up = false;
    expect([await tell('live'), await tell('ready')]).toEqual([
      [200, 0],
      [400, 0],
    ]);
  });
});
