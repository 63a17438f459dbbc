// Rollouts that labels decide, on two real routers and a real Kafka: what requests were drawn for goes to serving with
// them; what monitors say on losses.v1 takes a worse version back, and moves a bandit until it ends; the owner of the
// route may die meanwhile. And by the monitor's alarms on drift.v1, which end a rollout where the project asks for it.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DRIFT_EVENT_TYPE, type DriftData, encodeDriftEvent, encodeRolloutLosses } from '@millrace/contracts';
import { systemClock } from '@millrace/domain';
import { startKafka } from '@millrace/testing';
import { inferRequest, type Load, startLoad } from './load.js';
import { Platform } from './platform.js';
import type { RouterProcess } from './router-process.js';
import { analysisOn, routeOn, shareOn } from './two-routers.js';

const IGNORED = '[errors, latency, constant, scores]';
const CANARY = `{ strategy: canary, steps: [{ weight: 30, for: 1h }], analysis: { ignore: ${IGNORED} } }`;
const DRIFTING = CANARY.replace(IGNORED, `${IGNORED}, drift: { aborts: true }`);
const BANDIT =
  `{ strategy: bandit, bandit: { start: 20, floor: 10, every: 1s, for: 1h }, ` +
  `analysis: { minRequests: 10, ignore: ${IGNORED} } }`;
/** Requests a second, at each router. */
const LOAD = 60;

interface World {
  platform: Platform;
  routers: [RouterProcess, RouterProcess];
  loads: Load[];
}

let brokers: readonly string[];
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  brokers = (await startKafka()).brokers;
}, 90_000);

afterAll(async () => {
  for (const end of ends.reverse()) await end();
}, 60_000);

async function aWorld(rollout: string): Promise<World> {
  const platform = await Platform.start(brokers, {}, rollout);
  ends.push(() => platform.stop());
  const second = await platform.newRouter({ MILLRACE_REPLICA: 'b' });
  ends.push(() => second.stop());
  const routers: World['routers'] = [platform.router, second];
  await platform.rollOut(1);
  for (const router of routers) await router.until(async () => (await routeOn(router))?.targets.length === 1);
  const loads = routers.map((router) => startLoad(router.inference(), LOAD));
  ends.push(() => Promise.all(loads.map((load) => load.stop())));
  return { platform, routers, loads };
}

/** As a monitor that holds the partition says it. */
async function labelled({ platform, routers }: World, partition: number, [n, stable, candidate]: readonly number[]) {
  const { rollout, targets } = await routeOn(routers[0]);
  const weight = targets.find((target: { version: number }) => target.version === rollout.version).weight;
  const cell = (version: number, mean: number) => ({
    version,
    weight,
    count: n as number,
    mean,
    m2: (n as number) * 0.02,
  });
  const cells = [cell(1, stable as number), cell(rollout.version, candidate as number)];
  const { fromRevision } = rollout.steps;
  const value = encodeRolloutLosses({ project: 'p', createdAtMs: 0, partition, fromRevision, cells, entities: [] });
  await platform.producer.send('losses.v1', [{ key: `p/${partition}`, value, partition }]);
}

const qualityOn = async (router: RouterProcess) =>
  (await analysisOn(router))?.criteria.find(({ criterion }: { criterion: string }) => criterion === 'quality');

describe('a canary whose labels come', () => {
  it('is taken back where they say that it is worse, and every router says with which interval', async () => {
    const world = await aWorld(CANARY);
    const { platform, routers } = world;
    await platform.rollOut(2);
    for (const router of routers) await router.until(async () => (await qualityOn(router))?.verdict === 'no_data');
    // A partition each, in words that grow.
    for (const n of [50, 200]) await labelled(world, 0, [n, 0.15, 0.16]);
    await labelled(world, 1, [100, 0.15, 0.15]);
    for (const router of routers) await router.until(async () => (await qualityOn(router))?.candidate.n === 300);
    const quality = await qualityOn(routers[1]);
    expect(quality).toMatchObject({
      verdict: 'not_yet',
      unit: 'loss',
      stable: { n: 300 },
      interval: expect.any(Object),
    });
    expect(quality.interval.upper - quality.interval.lower).toBeLessThan(1);
    expect(await shareOn(routers[0], 2)).toBe(30);
    for (let n = 400; n <= 4_000; n += 400) await labelled(world, 0, [n, 0.15, 0.25]);
    for (const router of routers) await router.until(async () => (await shareOn(router, 2)) === 0);
    const { rollout } = await routeOn(routers[1]);
    expect(rollout).toMatchObject({ phase: 'failed', version: 2 });
    expect(rollout.message).toMatch(
      /aborted by the analysis: quality: version 2 0\.\d+ of \d+ labels, version 1 0\.15 of /,
    );
  }, 120_000);

  it('says to serving which rollout a request was drawn in, and of one that the client named nothing', async () => {
    const { platform, routers } = await aWorld(CANARY);
    await platform.rollOut(3);
    const { rollout } = await routeOn(routers[0]);
    for (const router of routers) await router.until(async () => (await shareOn(router, 3)) === 30);
    const { frames } = platform.serving;
    const from = frames.length;
    await routers[0].until(async () => frames.length > from + 40);
    const drawn = frames.slice(from);
    expect(new Set(drawn.map(({ rolloutRevision, rolloutWeight }) => `${rolloutRevision}/${rolloutWeight}`))).toEqual(
      new Set([`${rollout.steps.fromRevision}/30`]),
    );
    expect(new Set(drawn.map(({ version }) => version))).toEqual(new Set([1, 3]));
    const named = { ...inferRequest('e', 'named-by-its-client'), modelVersion: '3' };
    await routers[0].inference().modelInfer(named, { deadlineMs: 20_000 });
    const frame = frames.find(({ request }) => Buffer.from(request).includes('named-by-its-client'));
    expect(frame).toMatchObject({ version: 3, rolloutRevision: 0n, rolloutWeight: 0 });
  }, 120_000);
});

describe('a canary that the monitor rings for', () => {
  it('is taken back where the alarm is the new version’s alone, by whichever router holds the route', async () => {
    const { platform, routers } = await aWorld(DRIFTING);
    const rings = async (id: string, version: number, feature = 'x') => {
      const data: DriftData = {
        ...{ project: 'p', feature, detector: 'psi', value: 0.3, threshold: 0.2, pValue: null, rows: 900 },
        ...{ window: { startMs: 0, endMs: 1 }, cohort: { version, slice: 'all' }, correlationId: '' },
      };
      const value = encodeDriftEvent({
        ...{ specversion: '1.0', type: DRIFT_EVENT_TYPE, id, source: '/millrace/monitor/p', subject: feature },
        ...{ time: new Date(systemClock.nowMs()).toISOString(), datacontenttype: 'application/json', data },
      });
      await platform.producer.send('drift.v1', [{ key: 'p', value }]);
    };
    const driftOn = async (router: RouterProcess) =>
      (await analysisOn(router))?.criteria.find(({ criterion }: { criterion: string }) => criterion === 'drift');
    await platform.rollOut(2);
    for (const router of routers) await router.until(async () => (await driftOn(router))?.verdict === 'no_data');
    // Of both: a change of the traffic.
    await rings('a', 1);
    for (const router of routers) await router.until(async () => (await driftOn(router))?.stable.k === 1, 30_000);
    await rings('b', 2);
    for (const router of routers) await router.until(async () => (await driftOn(router))?.candidate.k === 1, 30_000);
    for (const router of routers) expect((await driftOn(router)).verdict).toBe('not_yet');
    expect(await shareOn(routers[0], 2)).toBe(30);
    routers[0].signal('SIGKILL');
    await routers[0].exit;
    await rings('c', 2, 'y');
    await routers[1].until(async () => (await shareOn(routers[1], 2)) === 0, 60_000);
    const { rollout } = await routeOn(routers[1]);
    expect(rollout).toMatchObject({ phase: 'failed', version: 2 });
    expect(rollout.message).toContain('aborted by the analysis: drift: version 2 x drifts (psi 0.3, rings at 0.2');
    expect(rollout.message).toContain('y drifts');
    await routers[0].start();
  }, 180_000);
});

describe('a bandit', () => {
  it('waits for labels, follows them, survives its owner, and ends with the better version', async () => {
    const world = await aWorld(BANDIT);
    const { platform, routers } = world;
    await platform.rollOut(2);
    expect(await shareOn(routers[0], 2)).toBe(20);
    await labelled(world, 0, [20, 0.2, 0.1]);
    await routers[1].until(async () => (await qualityOn(routers[1]))?.candidate.n === 20);
    expect(await shareOn(routers[1], 2)).toBe(20);
    await labelled(world, 0, [60, 0.2, 0.19]);
    await routers[1].until(async () => (await shareOn(routers[1], 2)) > 50);
    const { rollout, reason } = await routeOn(routers[1]);
    expect(rollout.phase).toBe('progressing');
    expect(reason).toMatch(
      /^version 2 mean loss 0\.190 of 60 labels, version 1 mean loss 0\.200 of 60 labels, version 2 is /,
    );
    routers[0].signal('SIGKILL');
    await routers[0].exit;
    const value = { ...(await routeOn(routers[1])) };
    const better = async () => {
      const weight = (await shareOn(routers[1], 2)) || 20;
      const cells = [1, 2].map((version) => ({
        version,
        weight,
        count: 4_000,
        mean: version === 1 ? 0.2 : 0.15,
        m2: 80,
      }));
      const { fromRevision } = value.rollout.steps;
      const word = encodeRolloutLosses({
        project: 'p',
        createdAtMs: 0,
        partition: 1,
        fromRevision,
        cells,
        entities: [],
      });
      await platform.producer.send('losses.v1', [{ key: 'p/1', value: word, partition: 1 }]);
    };
    await better();
    await routers[1].until(async () => (await shareOn(routers[1], 2)) === 100);
    const ended = await routeOn(routers[1]);
    expect(ended.rollout).toMatchObject({ phase: 'promoted', version: 2 });
    expect(ended.reason).toContain('version 2 is better: ');
  }, 180_000);
});
