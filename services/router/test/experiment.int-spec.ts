// An A/B/n experiment with two real routers and requests under way: both send the same entity to the same arm, nobody
// fails, a change of weights moves only the difference, an arm that serving loses goes to the control, and it ends at
// its time though its owner was killed.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { failures, inferRequest, type Load, startLoad } from './load.js';
import type { Platform } from './platform.js';
import type { RouterProcess } from './router-process.js';
import { routeOn, TwoRouters } from './two-routers.js';

const ENTITIES = 1_000;
/** A busy machine must not fail the test's own questions. */
const AT_ONCE = 100;
const DEADLINE_MS = 20_000;
const PATH = '/v1/projects/p/experiment';

let two: TwoRouters;
let platform: Platform;
let routers: TwoRouters['routers'];
/** Of the test that runs, which may fail before it has ended it. */
let load: Load | undefined;

beforeAll(async () => {
  two = await TwoRouters.start();
  ({ platform, routers } = two);
  await two.rollOut(3);
}, 120_000);

afterEach(() => load?.stop());

afterAll(() => two?.stop(), 30_000);

const statusOn = async (router: RouterProcess) => (await router.get(PATH)).body.experiment;
const arms = (weights: Record<number, number>) =>
  Object.entries(weights).map(([version, weight]) => ({ version: Number(version), weight }));
const start = (router: RouterProcess, weights: Record<number, number>, over: object = {}) =>
  router.post(PATH, { name: 'prices', arms: arms(weights), forMs: 3_600_000, ...over });

const CLI = new URL('../../../dist/apps/cli/src/main.js', import.meta.url).pathname;

/** As a person types it, against the first router. */
async function millrace(...args: string[]): Promise<string> {
  const env = { PATH: '/usr/bin:/bin', MILLRACE_ROUTER_CONTROL_PORT: String(routers[0].controlPort) };
  return (await promisify(execFile)(process.execPath, [CLI, ...args], { env })).stdout;
}

async function bothShow(revision: number): Promise<void> {
  for (const router of routers) await router.until(async () => (await routeOn(router)).revision >= revision);
}

async function ready(versions: number[]): Promise<void> {
  const shown = async (router: RouterProcess) =>
    (await statusOn(router)).arms.flatMap((arm: { isReady: boolean; version: number }) =>
      arm.isReady ? arm.version : [],
    );
  for (const router of routers)
    await router.until(async () => JSON.stringify(await shown(router)) === JSON.stringify(versions));
}

/** Versions by entity, as one router answers them. */
async function answers(router: RouterProcess, entities = ENTITIES): Promise<string[]> {
  const client = router.inference();
  const got: string[] = [];
  for (let from = 0; from < entities; from += AT_ONCE) {
    const asked = Array.from({ length: AT_ONCE }, (_, i) =>
      client.modelInfer(inferRequest(`entity-${from + i}`), { deadlineMs: DEADLINE_MS }),
    );
    got.push(...(await Promise.all(asked)).map(({ modelVersion }) => modelVersion));
  }
  return got;
}

function expectShare(got: readonly string[], version: number, percent: number): void {
  const p = percent / 100;
  const count = got.filter((one) => one === String(version)).length;
  expect(Math.abs(count - p * ENTITIES)).toBeLessThan(4 * Math.sqrt(ENTITIES * p * (1 - p)));
}

describe('an experiment, with requests under way', () => {
  it('two routers agree on every entity; weights move only the difference; a lost arm goes to the control', async () => {
    load = startLoad(routers[1].inference(), 100);
    for (const version of [4, 5]) platform.serving.loaded.delete(version);
    const begun = await start(routers[0], { 3: 50, 4: 30, 5: 20 }, { issuedBy: 'ada' });
    expect(begun).toMatchObject({ status: 200, body: { route: { targets: [{ version: 3, weight: 100 }] } } });
    await bothShow(begun.body.route.revision);
    // Nothing is loaded yet: all goes to the control, and it is told.
    expect(new Set(await answers(routers[0]))).toEqual(new Set(['3']));
    expect(await statusOn(routers[1])).toMatchObject({
      waitsFor: 'serving to load versions 4, 5: their shares go to version 3 until then',
    });
    for (const version of [4, 5]) platform.serving.loaded.add(version);
    await ready([3, 4, 5]);
    const first = await answers(routers[0]);
    expect(await answers(routers[1])).toEqual(first);
    for (const [version, share] of [
      [3, 50],
      [4, 30],
      [5, 20],
    ] as const)
      expectShare(first, version, share);

    const weighed = await routers[1].post(`${PATH}/weights`, { weights: arms({ 3: 50, 4: 10, 5: 40 }) });
    expect(weighed).toMatchObject({ status: 200 });
    await bothShow(weighed.body.route.revision);
    const second = await answers(routers[1]);
    expect(await answers(routers[0])).toEqual(second);
    const moves = new Set(second.flatMap((version, i) => (version === first[i] ? [] : `${first[i]} to ${version}`)));
    expect(moves).toEqual(new Set(['4 to 5']));
    expectShare(second, 5, 40);

    expect(failures(await load.stop())).toEqual({});
    platform.serving.loaded.delete(5);
    await ready([3, 4]);
    const third = await answers(routers[0]);
    expect(third).toEqual(second.map((version) => (version === '5' ? '3' : version)));
    const metrics = (await routers[0].get('/metrics', routers[0].metricsPort)).body;
    expect(metrics).toContain('millrace_router_experiment_arm_ready{project="p",experiment="prices",version="5"} 0');
    expect(metrics).toContain(
      'millrace_router_experiment_share_percent{project="p",experiment="prices",version="5"} 40',
    );
    expect(metrics).toContain('millrace_router_share_percent{project="p",version="3"} 90');
    expect(metrics).toMatch(/millrace_router_experiment_answers_total\{.*version="4",outcome="ok"\} [1-9]/);
    expect(metrics).toMatch(/millrace_router_experiment_verdict\{.*version="4".*\} (0|1|-1)/);
    platform.serving.loaded.add(5);
    await ready([3, 4, 5]);

    // What the flag says is what requests get.
    const flag = await routers[1].post('/ofrep/v1/evaluate/flags/p', { context: { targetingKey: 'entity-0' } });
    expect(flag.body).toMatchObject({ value: Number(second[0]), reason: 'SPLIT', metadata: { experiment: 'prices' } });
    await routers[0].until(async () => {
      const { routers: seen, arms: told } = await statusOn(routers[0]);
      return seen === 2 && told.every(({ answered }: { answered: number }) => answered > 100);
    });
    const told = await routers[1].routes().getExperiment({ project: 'p' });
    expect(told.experiment).toMatchObject({ name: 'prices', control: 3, startedBy: 'ada' });
    expect(told.arms.map(({ variant, verdict }) => [variant, verdict !== ''])).toEqual([
      ['control', false],
      ['v4', true],
      ['v5', true],
    ]);
    expect(told.arms.slice(0, 2)).toMatchObject([{ failed: 0n }, { failed: 0n }]);
    expect(told.arms.every(({ answered }) => answered > 100n)).toBe(true);
  }, 120_000);

  it('is refused beside another and while a rollout is under way, and a rollout ends it', async () => {
    expect(await start(routers[1], { 3: 50, 4: 50 })).toMatchObject({
      status: 409,
      body: { error: { message: "experiment 'prices' is running: end it first" } },
    });
    expect(await routers[0].post(`${PATH}/end`, { name: 'colours' })).toMatchObject({
      ...{ status: 409, body: { error: { facts: { reason: 'other_experiment' } } } },
    });
    const loads = routers[0].post('/v1/projects/p/rollouts', { version: 6, reason: 'a new one' });
    await routers[1].until(async () => (await routeOn(routers[1])).rollout.phase === 'loading');
    expect(await statusOn(routers[1])).toMatchObject({ end: { reason: 'a rollout of version 6 began' } });
    expect(await start(routers[1], { 3: 50, 4: 50 })).toMatchObject({
      ...{
        status: 409,
        body: { error: { message: 'the rollout of version 6 is loading: promote or abort it first' } },
      },
    });
    expect(await routers[1].post('/v1/projects/p/rollout/abort', {})).toMatchObject({ status: 200 });
    expect((await loads).status).toBeGreaterThanOrEqual(400);
    expect(new Set(await answers(routers[0]))).toEqual(new Set(['3']));
    expect(await start(routers[0], { 3: 50, 77: 50 })).toMatchObject({
      ...{ status: 404, body: { error: { message: expect.stringContaining('p has no version 77; there are') } } },
    });
    await platform.announce({ version: 10, blessed: false, verdict: 'worse than version 3' });
    const unblessed = await start(routers[0], { 3: 50, 10: 50 });
    expect(unblessed).toMatchObject({ status: 409, body: { error: { facts: { reason: 'not_blessed' } } } });
    expect(await start(routers[0], { 3: 50, 10: 50 }, { force: true })).toMatchObject({ status: 400 });
    const forced = await start(routers[0], { 3: 50, 10: 50 }, { force: true, issuedBy: 'ada', reason: 'I know' });
    expect(forced).toMatchObject({ status: 200, body: { route: { reason: 'I know; forced by ada' } } });
    const ended = await routers[1].routes().endExperiment({ project: 'p', reason: 'enough', issuedBy: 'bob' });
    expect(ended.route?.experiment?.end).toMatchObject({ reason: 'enough', by: 'bob', winner: 0 });
  }, 60_000);

  it('by the command line: start, status, weights, and an end with a winner', async () => {
    const began = await millrace(
      ...['experiment', 'start', 'p', '--arm', '3=50', '--arm', '4=50', '--for', '7d', '--name', 'colours'],
      ...['--share', '40', '--by', 'ada'],
    );
    expect(began).toMatch(/^experiment colours of 40 % of the traffic: begun \S+ by ada; it ends /);
    await ready([3, 4]);
    expect(await millrace('experiment', 'weights', 'p', '--arm', '3=20', '--arm', '4=80')).toMatch(/^v4 +4 +80 % /m);
    expect(JSON.parse(await millrace('experiment', 'status', 'p', '--json'))).toMatchObject({
      experiment: { name: 'colours', share: 40, arms: [{ variant: 'control', weight: 20 }, { weight: 80 }] },
    });
    const status = await millrace('rollout', 'status', 'p');
    expect(status).toContain('an experiment runs beside it');
    expect(status).toMatch(/^experiment colours of 40 % of the traffic: begun /m);
    expect(status).toMatch(/^v4 +4 +80 % /m);
    expect(JSON.parse(await millrace('rollout', 'status', 'p', '--json'))).toMatchObject({
      runningExperiment: { name: 'colours', share: 40, arms: [{ variant: 'control', weight: 20 }, { weight: 80 }] },
    });
    await expect(millrace('experiment', 'weights', 'p', '--arm', '3=20')).rejects.toMatchObject({
      stderr: expect.stringContaining('each of its arms, 3, 4, has a whole weight of 0 to 100'),
    });
    await expect(
      millrace('experiment', 'start', 'p', '--arm', '3=50', '--arm', '3=50', '--for', '7d', '--name', 'x'),
    ).rejects.toMatchObject({ stderr: expect.stringContaining('Version 3 is named twice') });
    await expect(
      millrace('experiment', 'start', 'p', '--arm', '3=50', '--arm', '4=50', '--for', '91d', '--name', 'x'),
    ).rejects.toMatchObject({ stderr: expect.stringContaining('from 1s to 90d') });
    const won = await millrace('experiment', 'end', 'p', '--winner', '4', '--reason', 'more sales', '--by', 'ada');
    expect(won).toMatch(/ended \S+ by ada: more sales; version 4 has won$/m);
    await expect(millrace('experiment', 'end', 'p')).rejects.toMatchObject({
      stderr: expect.stringContaining('`millrace experiment status p`'),
    });
    const { revision } = await routeOn(routers[0]);
    await bothShow(revision);
    for (const router of routers) expect(new Set(await answers(router))).toEqual(new Set(['4']));
  }, 60_000);

  it('ends at its time though the owner was killed, and costs no request of the other router', async () => {
    const wrote = (router: RouterProcess, of: number) =>
      router.output.split('\n').some((line) => line.includes('route changed') && line.includes(`"revision":${of},`));
    const began = await start(routers[0], { 4: 50, 3: 50 }, { name: 'short', forMs: 20_000 });
    const { revision } = began.body.route;
    await bothShow(revision);
    await routers[0].until(() => routers.some((router) => wrote(router, revision)));
    const owner = routers.findIndex((router) => wrote(router, revision));
    const [dying, other] = (owner === 0 ? routers : [routers[1], routers[0]]) as [RouterProcess, RouterProcess];
    // Few, for its time runs.
    const before = await answers(other, AT_ONCE);
    expect(new Set(before)).toEqual(new Set(['3', '4']));
    dying.signal('SIGKILL');
    await dying.exit;
    load = startLoad(other.inference(), 50);
    await other.until(async () => (await statusOn(other)).end !== undefined, 120_000);
    const ended = await statusOn(other);
    expect(ended.end).toMatchObject({ reason: 'its time is over', by: '', winner: 0 });
    expect(ended.end.atMs).toBeGreaterThanOrEqual(ended.endsAtMs);
    expect((await routeOn(other)).revision).toBe(revision + 1);
    expect(new Set(await answers(other))).toEqual(new Set(['4']));
    expect(failures(await load.stop())).toEqual({});
    await dying.start();
    await bothShow(revision + 1);
    expect(await statusOn(dying)).toMatchObject({ name: 'short', end: { reason: 'its time is over' } });
  }, 180_000);
});
