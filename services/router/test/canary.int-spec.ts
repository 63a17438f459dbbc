// A rollout in steps with two real routers and requests under way: nobody fails, the shares are those of the step, who
// has met the new version stays with it, an abort takes it back, and the other router goes on where the owner died.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { failures, inferRequest, type Load, startLoad } from './load.js';
import type { Platform } from './platform.js';
import type { RouterProcess } from './router-process.js';
import { routeOn, shareOn, TwoRouters } from './two-routers.js';

/** The first step and the last stand still, so that a slow machine finds them. */
const STEPS =
  '[{ weight: 5, until: promoted }, { weight: 20, for: 3s }, { weight: 50, for: 3s }, { weight: 80, until: promoted }]';
/** The stand-in's answer is its version: an analysis that acted would take each of them back. */
const ROLLOUT = `{ strategy: canary, steps: ${STEPS}, analysis: { dryRun: true } }`;
const ENTITIES = 1_500;
/** A busy machine must not fail the test's own questions. */
const AT_ONCE = 100;
const DEADLINE_MS = 20_000;

let two: TwoRouters;
let platform: Platform;
let routers: TwoRouters['routers'];
/** Of the test that runs, which may fail before it has ended it. */
let load: Load;

beforeAll(async () => {
  two = await TwoRouters.start(ROLLOUT);
  ({ platform, routers } = two);
  await two.rollOut(1);
  await atShare(1, 100);
  for (const version of [2, 3]) platform.serving.loaded.add(version);
}, 120_000);

afterEach(() => load.stop());

afterAll(() => two?.stop(), 30_000);

const move = async (router: RouterProcess, action: string, body: object = {}) =>
  router.post(`/v1/projects/p/rollout/${action}`, body);

const CLI = new URL('../../../dist/apps/cli/src/main.js', import.meta.url).pathname;

/** As a person types it, against the first router. */
async function millrace(...args: string[]): Promise<string> {
  const env = { PATH: '/usr/bin:/bin', MILLRACE_ROUTER_CONTROL_PORT: String(routers[0].controlPort) };
  return (await promisify(execFile)(process.execPath, [CLI, ...args], { env })).stdout;
}

/** Both show that the version has this share. */
async function atShare(version: number, weight: number): Promise<void> {
  for (const router of routers) await router.until(async () => (await shareOn(router, version)) === weight, 60_000);
}

/** Entities that the version answers, as one router does it. */
async function met(router: RouterProcess, version: number): Promise<Set<string>> {
  const client = router.inference();
  const names = Array.from({ length: ENTITIES }, (_, i) => `entity-${i}`);
  const mine = new Set<string>();
  while (names.length > 0) {
    const some = names.splice(0, AT_ONCE);
    const asked = some.map((name) => client.modelInfer(inferRequest(name), { deadlineMs: DEADLINE_MS }));
    for (const [i, { modelVersion }] of (await Promise.all(asked)).entries())
      if (modelVersion === String(version)) mine.add(some[i] as string);
  }
  return mine;
}

function expectShare(count: number, percent: number): void {
  const p = percent / 100;
  expect(Math.abs(count - p * ENTITIES)).toBeLessThan(3 * Math.sqrt(ENTITIES * p * (1 - p)));
}

const isIn = (small: Set<string>, large: Set<string>) => [...small].every((name) => large.has(name));

describe('a rollout in steps, with requests under way', () => {
  it('gives each step its share, keeps who has met the version, and costs no request', async () => {
    load = startLoad(routers[1].inference(), 150);
    const begun = await routers[0].post('/v1/projects/p/rollouts', { version: 2, reason: 'a canary' });
    expect(begun).toMatchObject({ status: 200, body: { route: { rollout: { phase: 'progressing', version: 2 } } } });
    await atShare(2, 5);
    expect(await move(routers[1], 'pause', { issuedBy: 'ada', reason: 'a look' })).toMatchObject({ status: 200 });
    await routers[0].until(async () => (await routeOn(routers[0])).rollout.steps.pause?.by === 'ada');
    const first = await met(routers[0], 2);
    expectShare(first.size, 5);
    expect(await met(routers[1], 2)).toEqual(first);
    const metrics = (await routers[0].get('/metrics', routers[0].metricsPort)).body;
    expect(metrics).toContain('millrace_router_share_percent{project="p",version="2"} 5');
    expect(metrics).toContain('millrace_router_rollout_step{project="p",version="2"} 1');
    expect(await move(routers[0], 'skip')).toMatchObject({
      status: 409,
      body: { error: { facts: { reason: 'paused' } } },
    });
    expect(await move(routers[0], 'resume')).toMatchObject({ status: 200 });
    expect(await move(routers[1], 'skip')).toMatchObject({
      status: 200,
      body: { route: { targets: [{}, { weight: 20 }] } },
    });
    // Whichever of the steps by time it finds: each has who the one before had.
    const second = await met(routers[0], 2);
    await atShare(2, 80);
    const third = await met(routers[1], 2);
    expectShare(third.size, 80);
    expect([isIn(first, second), isIn(second, third)]).toEqual([true, true]);
    expect(second.size).toBeGreaterThan(first.size);
    expect(await move(routers[0], 'skip', { version: 7 })).toMatchObject({
      status: 409,
      body: { error: { facts: { reason: 'other_rollout' } } },
    });
    const last = await move(routers[0], 'skip', { version: 2 });
    expect(last).toMatchObject({ status: 200, body: { route: { rollout: { phase: 'promoted', version: 2 } } } });
    await atShare(2, 100);
    const outcomes = await load.stop();
    expect(failures(outcomes)).toEqual({});
    expect(outcomes.length).toBeGreaterThan(1_000);
  }, 120_000);

  it('an abort brings it to nothing at once, says why, and costs no request', async () => {
    load = startLoad(routers[0].inference(), 150);
    await expect(millrace('rollout', 'shadow', 'p', '3')).rejects.toMatchObject({
      stderr: expect.stringContaining('version 3 is not loaded, 1, 2 are: `millrace rollout start p 3` loads it'),
    });
    await expect(millrace('rollout', 'start', 'p', '3', '--force')).rejects.toMatchObject({
      stderr: expect.stringContaining('--force takes --by'),
    });
    // Blessed: a name alone was refused.
    expect(await millrace('rollout', 'start', 'p', '3', '--by', 'ada')).toContain('rollout progressing');
    await atShare(3, 5);
    const before = await met(routers[0], 3);
    expectShare(before.size, 5);
    expect(await millrace('rollout', 'pause', 'p', '--reason', 'odd scores', '--by', 'bob')).toContain(
      'waits for a person to resume it: paused by bob, odd scores',
    );
    expect(JSON.parse(await millrace('rollout', 'status', 'p', '--json'))).toMatchObject({
      progress: { version: 3, step: 1, steps: 4, weight: 5, nextWeight: 20, nextMs: null },
    });
    expect(await millrace('rollout', 'resume', 'p')).toContain('version 3: step 1 of 4 (5 %) since');
    await expect(millrace('rollout', 'resume', 'p')).rejects.toMatchObject({
      stderr: expect.stringContaining('the rollout is not paused; `millrace rollout status p`'),
    });
    const answer = await routers[1]
      .routes()
      .abortRollout({ project: 'p', version: 3, reason: 'scores of one value', issuedBy: 'ada' });
    expect(answer.route?.rollout).toMatchObject({
      phase: 'failed',
      message: 'aborted by ada: scores of one value',
    });
    await atShare(3, 0);
    for (const router of routers) expect((await met(router, 3)).size).toBe(0);
    expect(await routeOn(routers[0])).toMatchObject({
      targets: [{ version: 2, weight: 100 }],
      loadedVersions: [1, 2, 3],
    });
    expect((await routers[0].get('/metrics', routers[0].metricsPort)).body).toContain(
      'millrace_router_share_percent{project="p",version="3"} 0',
    );
    expect(await move(routers[0], 'abort')).toMatchObject({
      status: 409,
      body: { error: { facts: { reason: 'no_rollout' } } },
    });
    expect(failures(await load.stop())).toEqual({});
  }, 60_000);

  it('the owner is killed in the middle of a step: the other router goes on with it', async () => {
    /** Who wrote the route of this revision says so in its log. */
    const wrote = (router: RouterProcess, of: number) =>
      router.output.split('\n').some((line) => line.includes('route changed') && line.includes(`"revision":${of},`));
    const begun = await routers[0].post('/v1/projects/p/rollouts', { version: 3, reason: 'once more' });
    const { revision } = begun.body.route;
    await atShare(3, 5);
    const first = await met(routers[0], 3);
    await routers[0].until(() => routers.some((router) => wrote(router, revision)));
    const owner = routers.findIndex((router) => wrote(router, revision));
    const [dying, other] = (owner === 0 ? routers : [routers[1], routers[0]]) as [RouterProcess, RouterProcess];
    expect(await move(other, 'skip')).toMatchObject({ status: 200 });
    dying.signal('SIGKILL');
    await dying.exit;
    load = startLoad(other.inference(), 100);
    await other.until(async () => (await shareOn(other, 3)) === 80, 90_000);
    // One write a step, whoever made it; the last one is the other's.
    expect(await routeOn(other)).toMatchObject({
      revision: revision + 3,
      rollout: { phase: 'progressing', version: 3, steps: { at: 3 } },
    });
    await other.until(() => wrote(other, revision + 3));
    expect(isIn(first, await met(other, 3))).toBe(true);
    await dying.start();
    await atShare(3, 80);
    expect(await millrace('rollout', 'abort', 'p', '--reason', 'enough', '--by', 'bob')).toContain(
      'version 2 (green) 100 %; rollout failed: aborted by bob: enough',
    );
    await atShare(3, 0);
    expect(failures(await load.stop())).toEqual({});
  }, 180_000);
});
