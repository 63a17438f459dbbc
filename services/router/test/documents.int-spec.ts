// Anything on routes.v1, in the copy of routes on disk and at the control API, against a real router: it never ends,
// says what it refuses, counts it, and serves on by what it knew.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeRoute, encodeRoute, RouteService } from '@millrace/contracts';
import { emptyRoute, type Route } from '@millrace/routing';
import { startKafka } from '@millrace/testing';
import fc from 'fast-check';
import { inferRequest } from './load.js';
import { Platform } from './platform.js';
import type { RouterProcess } from './router-process.js';

const SEED = 20_261_130;
const DOCUMENTS = 300;
const CALLS = 300;
const AT_ONCE = 20;

let platform: Platform;
let router: RouterProcess;

beforeAll(async () => {
  platform = await Platform.start((await startKafka()).brokers);
  router = platform.router;
  await platform.rollOut(1);
  await platform.rollOut(2);
}, 90_000);

afterAll(async () => {
  await platform?.stop();
}, 30_000);

const routeOf = async (project: string): Promise<Route | undefined> =>
  (await router.get(`/v1/projects/${project}/route`)).body.route;
const answering = async (model = 'p') =>
  (await router.inference().modelInfer(inferRequest('e', '', model))).modelVersion;
const snapshot = () => join(router.home, 'router', 'routes-0.json');

async function counted(metric: string): Promise<number> {
  const { body } = await router.get('/metrics', router.metricsPort);
  const values = [...(body as string).matchAll(new RegExp(`^${metric}\\S* (\\d+)`, 'gm'))];
  return values.reduce((sum, [, value]) => sum + Number(value), 0);
}

/** What decodes is a route, and somebody's to write. */
function isRefused(bytes: Uint8Array): boolean {
  try {
    decodeRoute(bytes);
    return false;
  } catch {
    return true;
  }
}

async function restarted(): Promise<void> {
  router.signal('SIGKILL');
  await router.exit;
  await router.start();
}

const skipped = () => counted('millrace_kafka_entries_skipped_total\\{[^}]*routes');

describe('documents that are none', () => {
  it('on routes.v1 are told, counted and passed over; the known route stays, also after a restart', async () => {
    const before = (await routeOf('p')) as Route;
    const whole = encodeRoute(before);
    const cut = fc.nat(whole.length - 1).map((length) => whole.slice(0, length));
    const changed = fc.tuple(fc.nat(whole.length - 1), fc.nat(255)).map(([at, value]) => {
      const bytes = Uint8Array.from(whole);
      bytes[at] = value;
      return bytes;
    });
    const any = fc.oneof(fc.uint8Array({ maxLength: 200 }), cut, changed);
    const garbage = fc.sample(any, { seed: SEED, numRuns: DOCUMENTS }).filter(isRefused);
    expect(garbage.length).toBeGreaterThan(DOCUMENTS / 2);
    // Whole, and another project's.
    const strange = encodeRoute({ ...before, project: 'other', revision: 99 });
    const values = [...garbage, strange].map((value) => ({ key: 'p', value }));
    await platform.producer.send('routes.v1', values);
    await router.until(async () => (await skipped()) >= values.length);
    expect(router.output).toContain('entry skipped');
    expect([await routeOf('p'), await routeOf('other'), await answering()]).toEqual([before, undefined, '2']);
    await restarted();
    await router.until(async () => (await skipped()) >= values.length);
    expect([await routeOf('p'), await answering()]).toEqual([before, '2']);
    const back = await router.post('/v1/projects/p/promote', { version: 1 });
    expect(back).toMatchObject({ status: 200, body: { route: { revision: before.revision + 1 } } });
    expect((await router.post('/v1/projects/p/promote', { version: 2 })).status).toBe(200);
  }, 90_000);

  it('of a later release are served by and taken back, and what they say is not lost by this one', async () => {
    const before = (await routeOf('p')) as Route;
    // Field 99, a number.
    const unread = Buffer.from([0x98, 0x06, 7]).toString('base64');
    const newer = { ...before, revision: before.revision + 1, unread };
    await platform.producer.send('routes.v1', [{ key: 'p', value: encodeRoute(newer) }]);
    await router.until(async () => (await routeOf('p'))?.revision === newer.revision);
    expect(await answering()).toBe('2');
    expect(await router.post('/v1/projects/p/promote', { version: 1 })).toMatchObject({
      status: 409,
      body: {
        error: { message: expect.stringContaining('update this router first'), facts: { reason: 'newer_route' } },
      },
    });
    expect(router.output).toContain('a newer router has written a route');
    expect(await router.post('/v1/projects/p/rollback', {})).toMatchObject({
      ...{ status: 200, body: { route: { revision: newer.revision + 1, targets: [{ version: 1 }] } } },
    });
    await restarted();
    await router.until(async () => (await routeOf('p'))?.revision === newer.revision + 1);
    expect([await answering(), await routeOf('p')]).toEqual(['1', expect.objectContaining({ unread })]);
    const { unread: _gone, ...known } = (await routeOf('p')) as Route;
    const again = encodeRoute({ ...known, revision: known.revision + 1 });
    await platform.producer.send('routes.v1', [{ key: 'p', value: again }]);
    await router.until(async () => (await routeOf('p'))?.revision === known.revision + 1);
    expect((await router.post('/v1/projects/p/promote', { version: 2 })).status).toBe(200);
  }, 60_000);

  it('where compaction has left nothing else of a route, the copy on disk is served from', async () => {
    await platform.apply('kept', '{}');
    await platform.announce({ version: 1 }, 'kept');
    const begun = await router.post('/v1/projects/kept/rollouts', { version: 1 });
    expect(begun.status).toBe(200);
    const kept = begun.body.route as Route;
    await router.until(() => readFileSync(snapshot(), 'utf8').includes('"kept"'));
    router.signal('SIGKILL');
    await router.exit;
    // A later revision than routes.v1 has a readable one of.
    const saved = JSON.parse(readFileSync(snapshot(), 'utf8'));
    const later = { ...kept, revision: kept.revision + 5, reason: 'later' };
    saved.routes = saved.routes.map((route: Route) => (route.project === 'kept' ? later : route));
    writeFileSync(snapshot(), JSON.stringify(saved));
    await platform.producer.send('routes.v1', [{ key: 'kept', value: Uint8Array.of(1, 2, 3) }]);
    await router.start();
    await router.until(() => router.output.includes('routes read from Kafka'));
    expect(await routeOf('kept')).toMatchObject({ revision: later.revision, targets: [{ version: 1 }] });
    expect(await answering('kept')).toBe('1');
  }, 60_000);

  it('in the copy on disk are left out, and the router starts', async () => {
    const contents = [
      '{"format":2,"routes":[null,7,{"project":"x"}],"switches":{},"sticky":[1],"matches":{"p":[3]},"upstreams":[{}]}',
      '{"format":2,"routes":',
      '[]',
      Buffer.from([0, 255, 1, 254]),
    ];
    for (const content of contents) {
      router.signal('SIGKILL');
      await router.exit;
      writeFileSync(snapshot(), content);
      await router.start();
      await router.until(async () => (await routeOf('p')) !== undefined);
      expect([await answering(), await counted('millrace_router_snapshot_unreadable_total')]).toEqual([
        '2',
        content === contents[0] ? 7 : 1,
      ]);
      expect(router.output).toContain('the snapshot of routes could not be used');
    }
  }, 90_000);
});

describe('calls of the control API that are none', () => {
  const word = fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom('', '__proto__', 'x'.repeat(5_000), '\u0000'));
  /** None that a rollout would wait for. */
  const number = fc.oneof(fc.constantFrom(-1, 0, 1, 2, 99, 1.5, 1e300, -0), fc.integer({ min: 100 }));
  const value: fc.Arbitrary<unknown> = fc.oneof(word, number, fc.boolean(), fc.constant(null), fc.jsonValue());
  const keys = ['version', 'force', 'weights', 'versions', 'share', 'reason', 'issuedBy', 'expectedRevision', 'other'];
  const body = fc.oneof(
    fc.dictionary(fc.constantFrom(...keys), value).map((fields) => JSON.stringify(fields)),
    fc
      .array(fc.record({ version: value, weight: value }), { maxLength: 12 })
      .map((weights) => JSON.stringify({ weights })),
    fc.json(),
    fc.string(),
    fc.constant('{'.repeat(60_000)),
  );
  const paths = ['rollouts', 'promote', 'rollback', 'weights', 'shadows'].concat(
    ['advance', 'skip', 'pause', 'resume', 'abort'].map((action) => `rollout/${action}`),
  );

  it('over HTTP are refused with the reason, and the route is one afterwards', async () => {
    const project = fc.constantFrom('p', 'p', 'p', 'nobody', '..%2f', '%00', 'P');
    const calls = fc.sample(fc.tuple(project, fc.constantFrom(...paths), body), { seed: SEED, numRuns: CALLS });
    const statuses = new Map<number, number>();
    for (let at = 0; at < calls.length; at += AT_ONCE) {
      const some = calls.slice(at, at + AT_ONCE);
      const answers = await Promise.all(
        some.map(([name, path, text]) => router.post(`/v1/projects/${name}/${path}`, text)),
      );
      for (const [i, { status, body: told }] of answers.entries()) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status >= 500) throw new Error(`${status} ${JSON.stringify(told)} to ${JSON.stringify(some[i])}`);
        if (status >= 400) expect(JSON.stringify(told)).toMatch(/"message":"[^"]{8,}/);
      }
    }
    expect(statuses.get(400) ?? 0).toBeGreaterThan(CALLS / 3);
    const route = await routeOf('p');
    expect(isRefused(encodeRoute({ ...emptyRoute('p'), ...route }))).toBe(false);
    expect(['1', '2']).toContain(await answering());
  }, 120_000);

  it('over gRPC are refused, and the router serves on', async () => {
    const client = new Client(`127.0.0.1:${router.controlGrpcPort}`, credentials.createInsecure());
    const asIs = (bytes: Buffer) => bytes;
    const methods = RouteService.methods.map(({ name }) => `/${RouteService.typeName}/${name}`);
    const call = fc.tuple(fc.constantFrom(...methods), fc.uint8Array({ maxLength: 120 }));
    const codes = new Map<number, number>();
    for (const [path, bytes] of fc.sample(call, { seed: SEED, numRuns: CALLS })) {
      const code = await new Promise<number>((told) =>
        client.makeUnaryRequest(path, asIs, asIs, Buffer.from(bytes), (error) => told(error?.code ?? 0)),
      );
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    client.close();
    expect(codes.get(0) ?? 0).toBe(0);
    expect(['1', '2']).toContain(await answering());
    expect((await router.get('/health/ready')).status).toBe(200);
  }, 60_000);
});
