// Two routers that disagree for a while: one is cut off from Kafka (its connections stand, nothing passes) while a
// rollout goes on at the other. The one that is cut off answers by what it knew last, also after a restart; when it
// is back, both have the same route, and no step was brought twice, whichever of them owned the route.

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Route } from '@millrace/routing';
import { BrokerLink, startKafka } from '@millrace/testing';
import { failures, inferRequest, startLoad } from './load.js';
import { Platform } from './platform.js';
import type { RouterProcess } from './router-process.js';
import { lastWritten, WrittenRoutes } from './written-routes.js';

const STEPS = '[{ weight: 20, for: 3s }, { weight: 40, for: 3s }, { weight: 60, until: promoted }]';
/** The stand-in's answer is its version: an analysis that acted would take it back. */
const ROLLOUT = `{ strategy: canary, steps: ${STEPS}, analysis: { dryRun: true } }`;
const RATE = 80;
const ENTITIES = 200;
/** Of one that was cut off, once it is back. */
const AGREED_WITHIN_MS = 30_000;

let platform: Platform;
let link: BrokerLink;
let whole: RouterProcess;
let cut: RouterProcess;
let written: WrittenRoutes;

beforeAll(async () => {
  const { brokers } = await startKafka();
  platform = await Platform.start(brokers, {}, ROLLOUT);
  whole = platform.router;
  link = await BrokerLink.to(Number((brokers[0] as string).split(':')[1]));
  const env = { MILLRACE_REPLICA: 'b', MILLRACE_ROUTER_COMMAND_TIMEOUT: '1500ms' };
  cut = await platform.newRouter(env, [`127.0.0.1:${link.port}`]);
  written = await WrittenRoutes.follow(platform.connection);
  for (const version of [1, 2]) platform.serving.loaded.add(version);
}, 120_000);

afterAll(async () => {
  link?.release();
  await written?.close();
  await cut?.stop();
  await link?.close();
  await platform?.stop();
}, 60_000);

/** Of a test that has failed in between. */
afterEach(() => link.release());

const routeOn = async (router: RouterProcess, project: string): Promise<Route> =>
  (await router.get(`/v1/projects/${project}/route`)).body.route;

/** One that this router owns, as its log says, with a first version. */
async function projectOwnedBy(router: RouterProcess, name: string): Promise<string> {
  for (let serial = 0; ; serial++) {
    const project = `${name}-${serial}`;
    await platform.apply(project, ROLLOUT);
    for (const version of [1, 2]) await platform.announce({ version }, project);
    await whole.until(
      async () => (await whole.post(`/v1/projects/${project}/rollouts`, { version: 1 })).status === 200,
    );
    await cut.until(async () => (await routeOn(cut, project)).targets.length === 1);
    if (lastWritten(router, project) > 0) return project;
  }
}

async function versionsOn(router: RouterProcess, project: string): Promise<string[]> {
  const client = router.inference();
  const asked = Array.from({ length: ENTITIES }, (_, i) =>
    client.modelInfer(inferRequest(`entity-${i}`, '', project), { deadlineMs: 20_000 }),
  );
  return (await Promise.all(asked)).map(({ modelVersion }) => modelVersion);
}

describe('two routers of which one is cut off from Kafka', () => {
  it.each([
    ['does not own the route', () => whole],
    ['owns the route, which the other one takes over', () => cut],
  ])(
    'and %s: it answers by its last known route, and both agree when it is back',
    async (_, owner) => {
      const project = await projectOwnedBy(owner(), owner() === cut ? 'own' : 'other');
      const begun = await whole.post(`/v1/projects/${project}/rollouts`, { version: 2 });
      expect(begun.status).toBe(200);
      await cut.until(async () => (await routeOn(cut, project)).revision >= begun.body.route.revision);
      link.hold();
      const known = await routeOn(cut, project);
      const before = await versionsOn(cut, project);
      expect(new Set(before)).toEqual(new Set(['1', '2']));
      const loads = [whole, cut].map((router) => startLoad(router.inference(), RATE, project));
      await whole.until(async () => (await routeOn(whole, project)).rollout.steps?.at === 2, 90_000);
      expect(await versionsOn(cut, project)).toEqual(before);
      const refused = await cut.post(`/v1/projects/${project}/rollout/abort`, {});
      expect([503, 504]).toContain(refused.status);
      expect(refused.body.error.message).toMatch(/Kafka|it may still be applied/);
      for (const load of loads) expect(failures(await load.stop())).toEqual({});

      // By the copy on its disk.
      cut.signal('SIGKILL');
      await cut.exit;
      await cut.start();
      expect(await routeOn(cut, project)).toEqual(known);
      expect(await versionsOn(cut, project)).toEqual(before);

      link.release();
      const route = await routeOn(whole, project);
      const isBack = async () => (await routeOn(cut, project)).revision === (await routeOn(whole, project)).revision;
      await cut.until(isBack, AGREED_WITHIN_MS);
      expect(route.rollout).toMatchObject({ phase: 'progressing', version: 2 });
      expect(await versionsOn(cut, project)).toEqual(await versionsOn(whole, project));
      expect(await routeOn(cut, project)).toEqual(await routeOn(whole, project));
      // What was refused was not left on its way either: nobody has aborted it.
      const ended = await cut.post(`/v1/projects/${project}/promote`, { version: 2 });
      expect(ended.status).toBe(200);
      expect(written.faultsOf(project)).toEqual([]);
      const steps = written.of(project).map(({ rollout }) => rollout.steps?.at);
      expect(steps.filter((at) => at !== undefined)).toEqual([0, 1, 2]);
    },
    200_000,
  );
});
