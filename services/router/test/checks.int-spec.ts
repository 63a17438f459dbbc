// A blue/green switch with checks on two real routers and a real Kafka, with requests under way: nobody who asks the
// model meets a version before its check has passed, one that turns bad after the switch is taken back while its
// requests are answered by the one before, and that one stays loaded for its time, whoever of the routers dies.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GRPC_STATUS } from '@millrace/routing';
import { failures, inferRequest } from './load.js';
import type { Platform } from './platform.js';
import type { RouterProcess } from './router-process.js';
import { routeOn, scoreOf, TwoRouters } from './two-routers.js';

const CHECKS = 'checks: { before: { share: 100, for: 1s }, after: { share: 100, for: 8s } }';
const ROLLOUT = `{ ${CHECKS}, keep: 10s, fallback: { to: previous, share: 100 }, analysis: { inconclusiveAfter: 30s } }`;
const UNDECIDED_MS = 30_000;
/** Requests a second, at each router. */
const LOAD = 120;

let two: TwoRouters;
let platform: Platform;
let routers: TwoRouters['routers'];

beforeAll(async () => {
  two = await TwoRouters.start(ROLLOUT);
  ({ platform, routers } = two);
  await two.serveFirst();
}, 90_000);

afterAll(() => two?.stop(), 60_000);

const phaseOn = async (router: RouterProcess): Promise<string> => (await routeOn(router)).rollout.phase;
const liveOn = async (router: RouterProcess): Promise<number[]> =>
  (await routeOn(router)).targets.map(({ version }: { version: number }) => version);
const previewed = { ...inferRequest('e', 'preview-1'), modelVersion: 'preview' };
const body = { id: 'preview-2', inputs: [{ name: 'x', datatype: 'FP64', shape: [1], data: [1] }] };
const metricsOf = async (router: RouterProcess): Promise<string> =>
  (await router.get('/metrics', router.metricsPort)).body;

describe('a switch with checks', () => {
  it('without requests: the version can be asked by its preview, and a person is asked in bounded time', async () => {
    const [router, other] = routers;
    const none = await router.post('/v2/models/p/versions/preview/infer', body, router.httpPort);
    expect(none).toMatchObject({
      status: 404,
      body: { error: expect.stringContaining("model 'p' has no preview now: no version is loaded and waits") },
    });
    await two.rollOut(2, (n) => ({ score: scoreOf(n) }));
    const begunMs = performance.now();
    expect((await router.get('/v1/projects/p/route')).body.preview).toBe(2);
    expect(await routeOn(router)).toMatchObject({
      ...{ targets: [{ version: 1, weight: 100 }], shadows: [2], shadowShare: 100 },
      rollout: { phase: 'progressing', version: 2 },
    });
    await other.until(async () => (await phaseOn(other)) === 'progressing');
    for (const one of routers) {
      const answer = await one.inference().modelInfer(previewed, { deadlineMs: 10_000 });
      expect([answer.id, answer.modelVersion]).toEqual(['preview-1', '2']);
      const rest = await one.post('/v2/models/p/versions/preview/infer', body, one.httpPort);
      expect(rest).toMatchObject({ status: 200, body: { id: 'preview-2', model_version: '2' } });
      const metadata = await one.inference().modelMetadata({ name: 'p', version: 'preview' }, { deadlineMs: 10_000 });
      expect(metadata.versions).toEqual(['2']);
    }
    // Serving logs them as it logs copies, and the router counts them as nobody's.
    expect(platform.serving.frames.filter(({ version }) => version === 2).every(({ shadow }) => shadow)).toBe(true);
    expect((await router.get('/v1/stats?project=p')).body.byStatus.OK).toBeUndefined();
    expect(await metricsOf(router)).toMatch(
      /millrace_router_preview_requests_total\{project="p",version="2",status="OK"[^}]*\} 2/,
    );
    const raw = await router.post('/v2/models/p/versions/preview/generate', {}, router.httpPort);
    expect(raw).toMatchObject({ status: 400, body: { error: expect.stringContaining('inference requests') } });
    const paused = async () => (await routeOn(router)).rollout.steps?.pause !== undefined;
    await router.until(paused, UNDECIDED_MS + 15_000);
    expect(performance.now() - begunMs).toBeGreaterThan(UNDECIDED_MS - 5_000);
    expect((await routeOn(router)).rollout.steps.pause).toMatchObject({ by: expect.stringMatching(/^the /) });
    expect(await liveOn(router)).toEqual([1]);
    const aborted = await other.post('/v1/projects/p/rollout/abort', { version: 2, reason: 'nobody asks' });
    expect(aborted).toMatchObject({ status: 200, body: { route: { shadows: [], rollout: { phase: 'failed' } } } });
  }, 90_000);

  it('a version that is bad on copies is aborted at 0 %, and no caller has met it', async () => {
    two.startLoads(LOAD);
    await two.rollOut(3, (n) => ({ score: n % 2 === 0 ? Number.NaN : scoreOf(n) }));
    for (const router of routers) await router.until(async () => (await phaseOn(router)) === 'failed');
    const { rollout, targets } = await routeOn(routers[1]);
    expect(targets).toMatchObject([{ version: 1, weight: 100 }]);
    expect(rollout).toMatchObject({ version: 3, message: expect.stringContaining('unusable: version 3 ') });
    const outcomes = await two.stopLoads();
    expect(failures(outcomes)).toEqual({});
    expect(new Set(outcomes.map(({ version }) => version))).toEqual(new Set(['1']));
  }, 60_000);

  it('a good one is switched to when it has passed, watched, and promoted; whoever dies, the one before goes after its time', async () => {
    two.startLoads(LOAD);
    await two.rollOut(4, (n) => ({ score: scoreOf(n + 1) }));
    for (const router of routers)
      await router.until(async () => (await liveOn(router)).join() === '4', UNDECIDED_MS + 30_000);
    expect(await routeOn(routers[0])).toMatchObject({ shadows: [1], rollout: { phase: 'progressing', version: 4 } });
    for (const router of routers) await router.until(async () => (await phaseOn(router)) === 'promoted');
    const promoted = await routeOn(routers[0]);
    expect(promoted).toMatchObject({
      shadows: [],
      previousVersion: 1,
      loadedVersions: [1, 4],
    });
    expect(promoted.keepUntilMs - promoted.changedAtMs).toBe(10_000);
    expect(failures(await two.stopLoads())).toEqual({});
    routers[0].signal('SIGKILL');
    await routers[0].exit;
    await routers[1].until(async () => (await routeOn(routers[1])).loadedVersions.join() === '4', 90_000);
    expect(await routeOn(routers[1])).toMatchObject({ previousVersion: 1, targets: [{ version: 4, weight: 100 }] });
    await routers[0].start();
    await routers[0].until(async () => (await routeOn(routers[0])).loadedVersions.join() === '4');
  }, 240_000);

  it('a rollback after its time loads the version before first, and says so', async () => {
    platform.serving.loaded.delete(1);
    const asked = routers[1].post('/v1/projects/p/rollback', { reason: 'odd', issuedBy: 'ada' });
    await routers[1].until(async () => (await phaseOn(routers[1])) === 'loading');
    expect(await routeOn(routers[1])).toMatchObject({
      ...{ targets: [{ version: 4, weight: 100 }], loadedVersions: [1, 4] },
      rollout: { version: 1, back: true, message: expect.stringContaining('it is loaded again first') },
    });
    platform.serving.loaded.add(1);
    expect(await asked).toMatchObject({
      status: 200,
      body: { route: { targets: [{ version: 1, weight: 100 }], previousVersion: 0, rollout: { phase: 'promoted' } } },
    });
    for (const router of routers) await router.until(async () => (await liveOn(router)).join() === '1');
  }, 60_000);

  it('one that turns bad after the switch is taken back, and the one before answers what it failed', async () => {
    two.startLoads(LOAD);
    let isBad = false;
    await two.rollOut(5, (n) => (isBad ? { status: GRPC_STATUS.INTERNAL } : { score: scoreOf(n + 2) }));
    for (const router of routers)
      await router.until(async () => (await liveOn(router)).join() === '5', UNDECIDED_MS + 30_000);
    isBad = true;
    for (const router of routers) await router.until(async () => (await liveOn(router)).join() === '1');
    const { rollout } = await routeOn(routers[0]);
    expect(rollout).toMatchObject({ phase: 'failed', version: 5 });
    expect(rollout.message).toMatch(/^aborted by the analysis: errors: version 5 /);
    const outcomes = await two.stopLoads();
    expect(failures(outcomes)).toEqual({});
    const told = (await Promise.all(routers.map(metricsOf))).join('\n');
    expect(told).toMatch(
      /millrace_router_fallbacks_total\{project="p",version="5",fallback="1",result="answered"[^}]*\} [1-9]/,
    );
    // Its failures are its own, whoever answered in the end.
    expect(told).toMatch(/millrace_router_requests_total\{project="p",version="5",status="INTERNAL"\} [1-9]/);
  }, 120_000);
});
