import { beforeEach, describe, expect, it } from '@jest/globals';
import { type ExperimentOutcome, emptyRoute, type Route, settleExperiment, strategyNamed } from '@millrace/routing';
import { Time } from '../../test/still-time.js';
import { ExperimentWatch } from './experiment-watch.js';

let time: Time;
let route: Route;
let outcomes: ExperimentOutcome[];
let there: Set<number>;
/** Some serving has it, and another has not. */
let partly: Set<number>;
let isBroken: boolean;
let watch: ExperimentWatch;

const slots = (from: number) => Array.from({ length: 50 }, (_, i) => from + i);
const ready = () => route.experiment?.arms.filter(({ isReady }) => isReady).map(({ version }) => version);
const isOver = () => route.experiment?.end !== undefined;

beforeEach(() => {
  time = new Time();
  [outcomes, there, partly, isBroken] = [[], new Set([3]), new Set(), false];
  route = {
    ...emptyRoute('p'),
    revision: 7,
    targets: [{ version: 3, weight: 100, name: 'blue' }],
    loadedVersions: [3, 4],
    experiment: {
      ...{ name: 'prices', salt: 1, control: 3, share: 100, startedBy: 'ada', fromRevision: 7 },
      arms: [
        { version: 3, weight: 50, slots: slots(0), isReady: true },
        { version: 4, weight: 50, slots: slots(50), isReady: false },
      ],
      ...{ startedAtMs: time.nowMs, endsAtMs: time.nowMs + 60_000 },
    },
  };
  const settle = async (_: string, outcome: ExperimentOutcome): Promise<void> => {
    if (isBroken) return;
    const decision = settleExperiment(route, outcome, strategyNamed('blue_green'), time.nowMs);
    if (decision.kind !== 'changed') return;
    outcomes.push(outcome);
    route = decision.route;
    watch.watch(route);
  };
  watch = new ExperimentWatch(
    { get: () => route, settle },
    {
      modelReady: async (_, version) => there.has(version) && !partly.has(version),
      readySomewhere: async (_, version) => there.has(version),
    },
    { clock: time.clock, sleep: time.sleep },
  );
});

describe('the watch of an experiment', () => {
  it('brings an arm in when serving has it, and ends the experiment at its time, once', async () => {
    watch.watch(route);
    watch.watch(route);
    await time.pass(10_000);
    expect([outcomes, ready()]).toEqual([[], [3]]);
    there.add(4);
    await time.pass(600);
    expect(ready()).toEqual([3, 4]);
    await time.pass(60_000 - 10_600 - 1);
    expect(isOver()).toBe(false);
    await time.pass(501);
    expect(isOver()).toBe(true);
    await time.pass(10_000);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['arms', 'over']);
  });

  it('takes an arm out that is missing for a while, not for one lost answer', async () => {
    there.add(4);
    watch.watch(route);
    await time.pass(1_000);
    there.delete(4);
    await time.pass(1_500);
    there.add(4);
    await time.pass(1_000);
    there.delete(4);
    await time.pass(1_500);
    expect(ready()).toEqual([3, 4]);
    await time.pass(1_500);
    expect(ready()).toEqual([3]);
  });

  it('waits for all servings before an arm gets anybody, and keeps it while one of them has it', async () => {
    there.add(4);
    partly.add(4);
    watch.watch(route);
    await time.pass(10_000);
    expect(ready()).toEqual([3]);
    partly.delete(4);
    await time.pass(600);
    expect(ready()).toEqual([3, 4]);
    partly.add(4);
    await time.pass(30_000);
    expect(ready()).toEqual([3, 4]);
    expect(outcomes).toHaveLength(1);
  });

  it('tries again what could not be written', async () => {
    isBroken = true;
    watch.watch(route);
    await time.pass(70_000);
    expect(isOver()).toBe(false);
    isBroken = false;
    await time.pass(600);
    expect(isOver()).toBe(true);
  });

  it('ends with the partition; who takes it over goes on from the route', async () => {
    watch.watch(route);
    watch.end('p');
    await time.pass(70_000);
    expect(outcomes).toEqual([]);
    watch.watch(route);
    await time.pass(600);
    expect(outcomes).toEqual([{ kind: 'over', revision: 7 }]);
  });
});
