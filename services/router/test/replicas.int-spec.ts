// Two routers before two servings: the routers share nothing but the topics and agree, the servings are balanced over
// and left out while they are away.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { failures, inferRequest, startLoad } from './load.js';
import type { Platform } from './platform.js';
import type { RouterProcess } from './router-process.js';
import { routeOn, TwoRouters } from './two-routers.js';

const SERVINGS = { MILLRACE_REPLICAS: 'serving=2' };

let two: TwoRouters;
let platform: Platform;
let routers: TwoRouters['routers'];

beforeAll(async () => {
  two = await TwoRouters.start(undefined, SERVINGS);
  ({ platform, routers } = two);
  await two.rollOut(1);
  await platform.rollOut(2);
}, 90_000);

afterAll(() => two?.stop(), 30_000);

/** Versions by entity, as one router answers them. */
async function splitOn(router: RouterProcess, entities: number): Promise<string[]> {
  const client = router.inference();
  const asked = Array.from({ length: entities }, (_, i) =>
    client.modelInfer(inferRequest(`entity-${i}`), { deadlineMs: 20_000 }),
  );
  return (await Promise.all(asked)).map(({ modelVersion }) => modelVersion);
}

/** The version that answers the first request of a router that starts; over REST a client connects again at once. */
async function firstAnswer({ httpPort }: RouterProcess): Promise<string> {
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP64', shape: [1], data: [1] }] });
  for (;;) {
    const asked = await fetch(`http://127.0.0.1:${httpPort}/v2/models/p/infer`, { method: 'POST', body }).catch(
      () => null,
    );
    if (asked?.ok) return ((await asked.json()) as { model_version: string }).model_version;
  }
}

/** Both show the route of this revision. */
async function agreed(revision: number): Promise<void> {
  for (const router of routers) await router.until(async () => ((await routeOn(router))?.revision ?? 0) >= revision);
}

describe('two routers and two servings', () => {
  it('a serving that fails where the other does not is left out, and comes back when it is sound', async () => {
    const ejected = async () => (await routers[0].get('/v1/stats')).body.relay.ejected as string[];
    const load = startLoad(routers[0].inference(), 100);
    await routers[0].until(() => load.outcomes.length > 50);
    platform.secondServing.broken.set(2, 'errs');
    await routers[0].until(async () => (await ejected()).length > 0);
    expect(await ejected()).toEqual([`127.0.0.1:${platform.secondServing.port}`]);
    platform.secondServing.broken.clear();
    await routers[0].until(async () => (await ejected()).length === 0);
    const backAt = platform.secondServing.frames.length;
    await routers[0].until(() => platform.secondServing.frames.length > backAt + 10);
    expect(Object.keys(failures((await load.stop()).slice(-10)))).toEqual([]);
    expect((await routers[0].get('/metrics', routers[0].metricsPort)).body).toMatch(
      /millrace_router_ejections_total\S* [1-9]/m,
    );
  }, 60_000);

  it('a step of a rollout reaches both routers, and both send the same entity to the same version', async () => {
    const weights = [
      { version: 1, weight: 30 },
      { version: 2, weight: 70 },
    ];
    await agreed((await routeOn(routers[0])).revision);
    const answer = await routers[1].post('/v1/projects/p/weights', { weights, reason: 'a step' });
    expect(answer).toMatchObject({ status: 200 });
    await agreed(answer.body.route.revision);
    const [first, second] = await Promise.all(routers.map((router) => splitOn(router, 400)));
    expect(second).toEqual(first);
    const share = first?.filter((version) => version === '2').length ?? 0;
    expect(share / 400).toBeGreaterThan(0.6);
    expect(share / 400).toBeLessThan(0.8);
    expect(await routeOn(routers[1])).toEqual(await routeOn(routers[0]));
  });

  it('the owner is killed while it loads a version: the other goes on, and a command to it is applied', async () => {
    const version = 3;
    const begun = routers[0].post('/v1/projects/p/rollouts', { version, reason: 'loads' }).catch(() => undefined);
    await routers[0].until(async () => (await routeOn(routers[0])).rollout.phase === 'loading');
    // Whichever holds the partition dies: the first is killed, comes back, then the second is.
    for (const router of routers) {
      router.signal('SIGKILL');
      await router.exit;
      await router.start();
    }
    await begun;
    for (const serving of [platform.serving, platform.secondServing]) serving.loaded.add(version);
    await routers[1].until(async () => (await routeOn(routers[1])).targets[0]?.version === version, 60_000);
    await agreed((await routeOn(routers[1])).revision);
    const answer = await routers[0].post('/v1/projects/p/promote', { version: 2 });
    expect(answer).toMatchObject({ status: 200 });
    await agreed(answer.body.route.revision);
    expect(await routeOn(routers[1])).toMatchObject({ targets: [{ version: 2 }] });
  }, 120_000);

  it('a version that was taken back while a router was away does not answer there again', async () => {
    const [first, second] = routers;
    expect(await first.post('/v1/projects/p/promote', { version: 3 })).toMatchObject({ status: 200 });
    await agreed((await routeOn(first)).revision);
    expect(await routeOn(second)).toMatchObject({ targets: [{ version: 3 }] });
    // In order: its copy on disk is as it was.
    await second.stop();
    await first.until(async () => (await first.post('/v1/projects/p/promote', { version: 2 })).status === 200);
    const started = second.start();
    expect(await firstAnswer(second)).toBe('2');
    await started;
    expect(await routeOn(second)).toEqual(await routeOn(first));
  }, 60_000);

  it('requests go over both servings; one that dies costs no request, and gets its share when it is back', async () => {
    const seen = () => [platform.serving.frames.length, platform.secondServing.frames.length] as [number, number];
    const before = seen();
    const load = startLoad(routers[0].inference(), 300);
    await routers[0].until(() => load.outcomes.length > 200);
    const [one, two] = seen().map((count, i) => count - (before[i] as number)) as [number, number];
    expect(Math.min(one, two) / (one + two)).toBeGreaterThan(0.3);
    platform.secondServing.stop();
    await routers[0].until(() => load.outcomes.length > 500);
    const away = platform.secondServing.frames.length;
    await platform.secondServing.start();
    await routers[0].until(() => platform.secondServing.frames.length > away + 50);
    const outcomes = await load.stop();
    expect(failures(outcomes)).toEqual({});
    expect(outcomes.length).toBeGreaterThan(500);
  }, 60_000);

  it('a serving that lacks the version costs no request; a rollout waits until all that are there have it', async () => {
    platform.secondServing.loaded.delete(2);
    const load = startLoad(routers[1].inference(), 300);
    await routers[1].until(() => load.outcomes.length > 600);
    expect(failures(await load.stop())).toEqual({});
    platform.secondServing.loaded.add(2);
    platform.serving.loaded.add(8);
    const rollout = routers[0].post('/v1/projects/p/rollouts', { version: 8, reason: 'half ready' });
    await routers[0].until(async () => (await routeOn(routers[0])).rollout.phase === 'loading');
    expect(await routeOn(routers[0])).toMatchObject({ targets: [{ version: 2 }] });
    platform.secondServing.loaded.add(8);
    expect(await rollout).toMatchObject({ status: 200, body: { route: { targets: [{ version: 8 }] } } });
  }, 60_000);

  it('a load through the router is refused: it would reach one of them', async () => {
    const refused = await routers[0].post('/v2/repository/models/m/load', {}, routers[0].httpPort);
    expect(refused).toMatchObject({ status: 400, body: { error: expect.stringContaining('ask each serving itself') } });
    const call = routers[0].inference().repositoryModelLoad({ modelName: 'm' });
    await expect(call).rejects.toThrow('ask each serving itself');
  });
});
