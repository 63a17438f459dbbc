// Rollouts judged by two real routers on a real Kafka, before one serving whose versions err, give NaN, are slow, give
// everybody the same score or moved ones: each is at 0 % within 10 s of its first analysis interval, on every router;
// a healthy one is promoted, though its scores lie as far from the other's as its evaluation said.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GRPC_STATUS } from '@millrace/routing';
import type { RouterProcess } from './router-process.js';
import type { Behaviour } from './stand-in-serving.js';
import { analysisOn, routeOn, scoreOf, shareOn, TwoRouters } from './two-routers.js';

const ROLLOUT = '{ strategy: canary, steps: [{ weight: 20, for: 1s }, { weight: 50, for: 1s }] }';
/** Requests a second, at each router. */
const LOAD = 120;
const INTERVAL_MS = 1_000;
const WITHIN_MS = 10_000;

/** The platform announces those before it without an evaluation against another. */
const RETRAINED = 10;

let two: TwoRouters;
let routers: TwoRouters['routers'];

beforeAll(async () => {
  two = await TwoRouters.start(ROLLOUT);
  routers = two.routers;
  await two.serveFirst();
  two.startLoads(LOAD);
}, 90_000);

afterAll(() => two?.stop(), 60_000);

async function rollOut(version: number, behaviour: (n: number) => Behaviour): Promise<void> {
  await two.rollOut(version, behaviour);
  expect(await shareOn(routers[0], version)).toBe(20);
}

describe('rollouts that are judged', () => {
  it.each<[string, number, (n: number) => Behaviour]>([
    ['errors', 2, (n) => (n % 3 === 0 ? { score: scoreOf(n) } : { status: GRPC_STATUS.INTERNAL })],
    ['unusable', 3, (n) => ({ score: n % 2 === 0 ? Number.NaN : scoreOf(n) })],
    ['latency', 4, (n) => ({ score: scoreOf(n), delayMs: 250 })],
    ['constant', 5, () => ({ score: 0.5 })],
    ['scores', 6, (n) => ({ score: scoreOf(n) + 0.4 })],
  ])(
    'a version that is bad by %s is at 0 %% within 10 s',
    async (criterion, version, behaviour) => {
      await rollOut(version, behaviour);
      for (const router of routers)
        await router.until(async () => (await shareOn(router, version)) === 0, INTERVAL_MS + WITHIN_MS);
      const { rollout, targets, reason } = await routeOn(routers[1]);
      expect(targets).toMatchObject([{ version: 1, weight: 100 }]);
      expect(rollout).toMatchObject({ phase: 'failed', version });
      expect(rollout.message).toContain(`aborted by the analysis: `);
      expect(reason).toContain(`${criterion}: version ${version} `);
      const ended = async (router: RouterProcess) => {
        const { candidate, isUnderWay } = (await analysisOn(router)) ?? {};
        return candidate === version && isUnderWay === false;
      };
      for (const router of routers) await router.until(() => ended(router));
      // The one that does not own the route may not have looked yet.
      const analyses = await Promise.all(routers.map(analysisOn));
      const [failed] = analyses.filter(({ verdict }) => verdict === 'fail');
      expect(failed).toMatchObject({ stable: 1, routers: expect.any(Number) });
      expect(reason).toContain(failed.reason);
      expect(routers.map(({ output }) => output).join('')).toContain('analysis of a rollout');
    },
    120_000,
  );

  it('a version whose scores lie as far apart as its evaluation said passes at each step and is promoted, judged by both routers', async () => {
    const championScores = { rows: 10_000, below: 0, above: 0.4 };
    await two.platform.announce({ version: RETRAINED, championVersion: 1, championScores });
    await rollOut(RETRAINED, (n) => ({ score: scoreOf(n + 1) + 0.4 }));
    await routers[0].until(async () => {
      const { candidate, routers: heard } = await analysisOn(routers[0]);
      return candidate === RETRAINED && heard === 2;
    });
    const early = await analysisOn(routers[0]);
    expect(early).toMatchObject({ isUnderWay: true, stable: 1, candidate: RETRAINED });
    expect(early.criteria.map(({ criterion }: { criterion: string }) => criterion)).toEqual([
      'errors',
      'latency',
      'unusable',
      'constant',
      'scores',
      'quality',
    ]);
    const scores = early.criteria.find(({ criterion }: { criterion: string }) => criterion === 'scores');
    expect(scores).toMatchObject({ allowed: { rows: 10_000, seen: { below: 0, above: 0.4 } } });
    expect(scores.note).toContain('on 10000 rows');
    const { body: metrics } = await routers[1].get('/metrics', routers[1].metricsPort);
    expect(metrics).toContain('millrace_router_analysis_verdict{project="p",version="10"');
    expect(metrics).toContain('millrace_router_analysis_evidence{project="p",version="10",criterion="errors"');
    for (const router of routers) await router.until(async () => (await shareOn(router, RETRAINED)) === 100, 150_000);
    expect((await routeOn(routers[0])).rollout).toMatchObject({ phase: 'promoted', version: RETRAINED });
  }, 240_000);

  it('an owner that dies: the other has judged the rollout, too, and takes the bad version back', async () => {
    await rollOut(8, () => ({ score: 0.5 }));
    routers[0].signal('SIGKILL');
    await routers[0].exit;
    await routers[1].until(async () => (await shareOn(routers[1], 8)) === 0, 60_000);
    expect((await routeOn(routers[1])).rollout).toMatchObject({ phase: 'failed', version: 8 });
    await routers[0].start();
  }, 90_000);
});
