// The control path through the real Kafka: one writer, revisions, redelivery, state rebuilt from the topic.

import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeCommand } from '@millrace/contracts';
import { FencedWriters } from '@millrace/kafka';
import { startKafka } from '@millrace/testing';
import { inferRequest } from './load.js';
import { Platform } from './platform.js';

let platform: Platform;

beforeAll(async () => {
  platform = await Platform.start((await startKafka()).brokers);
}, 90_000);

afterAll(async () => {
  await platform?.stop();
}, 30_000);

const route = async () => (await platform.router.get('/v1/projects/p/route')).body.route;

describe('route control', () => {
  it('rolls out, rolls back and undoes it, each switch measured', async () => {
    await platform.rollOut(1);
    await platform.rollOut(2);
    const back = await platform.router.post('/v1/projects/p/rollback', { reason: 'drill', correlationId: 'k-1' });
    expect(back.body.switch).toMatchObject({ fromVersion: 2, toVersion: 1, reason: 'drill', failed: 0 });
    // How fast is measured by `npm run bench:router`.
    expect(back.body.switch.effectiveMs).toBeGreaterThanOrEqual(0);
    const undo = await platform.router.post('/v1/projects/p/promote', { version: 2 });
    expect(undo.body.route).toMatchObject({ targets: [{ version: 2, weight: 100 }], previousVersion: 1 });
    const { switches } = (await platform.router.get('/v1/projects/p/switches')).body;
    expect(switches.map((entry: { toVersion: number }) => entry.toVersion)).toEqual([1, 2, 1, 2]);
  });

  it('refuses an old revision, an unknown project, unknown fields and a version that is not loaded', async () => {
    const { revision } = await route();
    const stale = await platform.router.post('/v1/projects/p/rollback', { expectedRevision: revision - 1 });
    expect(stale).toMatchObject({
      status: 409,
      body: { error: { code: 'conflict', facts: { reason: 'revision_conflict' } } },
    });
    expect((await platform.router.post('/v1/projects/nobody/rollback', {})).status).toBe(404);
    expect((await platform.router.post('/v1/projects/p/rollback', { expectedRevison: 1 })).status).toBe(400);
    expect((await platform.router.post('/v1/projects/p/rollback', '{garbage')).status).toBe(400);
    expect((await platform.router.post('/v1/projects/p/promote', { version: 77 })).status).toBe(409);
    expect((await route()).revision).toBe(revision);
  });

  it('applies a command from the topic once, however often it is delivered, and sets garbage aside', async () => {
    const before = await route();
    const command = {
      id: 'loop-1',
      project: 'p',
      issuedBy: 'loop',
      issuedAtMs: Date.now(),
      expectedRevision: 0,
      correlationId: 'k-2',
      reason: 'loop',
      action: { kind: 'rollback' as const },
    };
    const value = encodeCommand(command);
    await platform.producer.send('commands.v1', [
      { key: 'p', value: new Uint8Array([1, 2, 3]) },
      { key: 'p', value },
      { key: 'p', value },
    ]);
    await platform.router.until(async () => (await route()).revision === before.revision + 1);
    const forward = { ...command, id: 'loop-2', action: { kind: 'promote' as const, version: 2 } };
    await platform.producer.send('commands.v1', [
      { key: 'p', value },
      { key: 'p', value: encodeCommand(forward) },
    ]);
    await platform.router.until(async () => (await route()).revision >= before.revision + 2);
    expect(await route()).toMatchObject({
      revision: before.revision + 2,
      targets: [{ version: 2 }],
      correlationId: 'k-2',
    });
    await platform.router.until(async () => {
      const { low, high } = [...(await platform.connection.highWatermarks('deadletter.v1')).values()].reduce(
        (a, b) => ({
          low: a.low + b.low,
          high: a.high + b.high,
        }),
      );
      return high - low === 1;
    });
  });

  it('ends a rollout whose version never gets ready, with live traffic untouched', async () => {
    const slow = await platform.newRouter({ MILLRACE_ROUTER_LOAD_TIMEOUT: '300ms', MILLRACE_REPLICA: 'short' });
    await platform.router.stop();
    platform.router = slow;
    await slow.until(async () => (await slow.get('/v1/projects/p/route')).status === 200);
    const failed = await slow.post('/v1/projects/p/rollouts', { version: 9 });
    expect(failed).toMatchObject({
      status: 503,
      body: { error: { message: expect.stringContaining('not ready within') } },
    });
    expect(await route()).toMatchObject({
      targets: [{ version: 2 }],
      loadedVersions: [1, 2],
      rollout: { phase: 'failed' },
    });
  }, 60_000);

  it('answers RouteService over gRPC with the same state and the same errors', async () => {
    const routes = platform.router.routes();
    const { route: got } = await routes.getRoute({ project: 'p' });
    expect(got).toMatchObject({ project: 'p', targets: [{ version: 2, weight: 100 }] });
    const back = await routes.rollback({ project: 'p', reason: 'grpc' });
    expect(back.switch).toMatchObject({ fromVersion: 2, toVersion: 1 });
    await expect(routes.rollback({ project: 'p' })).rejects.toMatchObject({ code: 'conflict' });
    await routes.promote({ project: 'p', version: 2 });
  });

  it('rebuilds its state from the topic with an empty home, also while a rollout is under way', async () => {
    const before = await route();
    expect(await platform.router.stop()).toBe(0);
    platform.serving.loaded.delete(3);
    platform.router = await platform.newRouter();
    await platform.router.until(async () => (await platform.router.get('/v1/projects/p/route')).status === 200);
    expect(await route()).toEqual(before);
    const answer = await platform.router.inference().modelInfer(inferRequest('e'));
    expect(answer.modelVersion).toBe('2');
    const begun = platform.router.post('/v1/projects/p/rollouts', { version: 3 }).catch(() => undefined);
    await platform.router.until(async () => (await route()).rollout.phase === 'loading');
    platform.router.signal('SIGKILL');
    await begun;
    platform.serving.loaded.add(3);
    platform.router = await platform.newRouter();
    await platform.router.until(async () => (await route()).targets[0]?.version === 3);
  }, 90_000);

  it('runs as two replicas: either takes commands, both follow, and the other goes on when one ends', async () => {
    const second = await platform.newRouter({ MILLRACE_REPLICA: 'b' });
    const both = [platform.router, second];
    const liveOn = (router: (typeof both)[number]) =>
      router
        .inference()
        .modelInfer(inferRequest('e'))
        .then((answer) => answer.modelVersion);
    await second.until(async () => (await second.get('/v1/projects/p/route')).status === 200);
    for (const [router, version] of [
      [platform.router, 2],
      [second, 3],
      [platform.router, 2],
    ] as const) {
      await router.until(async () => (await router.post('/v1/projects/p/promote', { version })).status === 200);
      for (const each of both) await each.until(async () => (await liveOn(each)) === String(version));
    }
    expect(await second.stop()).toBe(0);
    const answer = await platform.router.post('/v1/projects/p/promote', { version: 3 });
    expect(answer).toMatchObject({ status: 200, body: { route: { targets: [{ version: 3 }] } } });
  }, 90_000);

  it('gives a clean error to garbage on every port, and stays alive', async () => {
    const { httpPort, grpcPort, metricsPort, controlPort, controlGrpcPort } = platform.router;
    const garbageTo = (port: number) =>
      new Promise<void>((resolve) => {
        const socket = connect(port, '127.0.0.1', () =>
          socket.write(Buffer.from('\x00\xff\x13garbage\r\n\r\n'.repeat(50), 'latin1')),
        );
        socket.on('error', () => undefined);
        socket.on('close', () => resolve());
        socket.on('data', () => undefined);
        setTimeout(() => socket.destroy(), 500);
      });
    await Promise.all([httpPort, grpcPort, metricsPort, controlPort, controlGrpcPort].map(garbageTo));
    const answer = await platform.router.inference().modelInfer(inferRequest('e'));
    expect(answer.modelVersion).toBe('3');
    expect((await platform.router.get('/metrics', metricsPort)).body).toContain(
      'millrace_router_requests_total{project="p"',
    );
  });

  // As one that stood still for longer than its group waits, and gets its partitions back.
  it('refuses a version that there is not at once, and lets one that is not blessed live for a name alone', async () => {
    const { revision } = await route();
    const missing = await platform.router.post('/v1/projects/p/rollouts', { version: 41 });
    expect(missing).toMatchObject({
      status: 404,
      body: { error: { message: expect.stringContaining('p has no version 41; there are 9, 8, 7, 6, 5, …') } },
    });
    const verdict = 'version 42 is not blessed: no better than the trivial baseline';
    await platform.announce({ version: 42, blessed: false, verdict });
    platform.serving.loaded.add(42);
    const refused = await platform.router.post('/v1/projects/p/rollouts', { version: 42 });
    expect(refused).toMatchObject({
      status: 409,
      body: { error: { message: expect.stringContaining(verdict), facts: { reason: 'not_blessed' } } },
    });
    const nameless = await platform.router.post('/v1/projects/p/rollouts', { version: 42, force: true });
    expect(nameless).toMatchObject({ status: 400, body: { error: { message: expect.stringContaining('issuedBy') } } });
    const routes = platform.router.routes();
    const asked = { project: 'p', version: 42, reason: 'a drill', force: true };
    await expect(routes.startRollout(asked)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect((await route()).revision).toBe(revision);
    const named = await routes.startRollout({ ...asked, issuedBy: 'ada' });
    expect(named.route).toMatchObject({ targets: [{ version: 42 }], reason: 'a drill; forced by ada' });
    await platform.rollOut(2);
    await platform.rollOut(3);
  });

  it('whose writers were taken meanwhile takes them over again: a command is applied, a removed project goes', async () => {
    const { router, connection } = platform;
    const fence = async () => {
      const other = new FencedWriters(connection, 'routes');
      await other.hold([0, 1, 2, 3]);
      await other.close();
    };
    await fence();
    await router.until(async () => (await router.post('/v1/projects/p/promote', { version: 2 })).status === 200);
    expect((await route()).targets).toMatchObject([{ version: 2 }]);
    await fence();
    await platform.producer.send('projects.v1', [{ key: 'p', value: null }]);
    await router.until(async () => (await router.get('/v1/projects/p/route')).status === 404);
    // The topic says so, too, not only this process.
    const next = await platform.newRouter({ MILLRACE_REPLICA: 'c' });
    await next.until(() => next.output.includes('routes read from Kafka'));
    expect(next.output).toContain('"routes":0');
    expect(await next.stop()).toBe(0);
  }, 90_000);
});
