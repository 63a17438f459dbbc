import { describe, expect, it } from '@jest/globals';
import { emptyRoute, type Route } from '@millrace/routing';
import { aModelVersion } from '@millrace/testing';
import { bodyOf, ofDrift, ofModel, ofRoute, ofTraining, seenOf } from './platform-events.js';

const target = (version: number, weight: number) => ({ version, weight, name: `v${version}` });
const rollout = (phase: Route['rollout']['phase'], version: number, message = '') => ({ phase, version, message });
let revision = 0;
const route = (over: Partial<Route>): Route => {
  revision += 1;
  return { ...emptyRoute('p'), revision, changedAtMs: revision * 1_000, ...over };
};

/** Events of a project's routes, one after another. */
function told(routes: readonly Route[]): string[] {
  let before: ReturnType<typeof seenOf> | undefined;
  return routes.flatMap((each) => {
    const events = ofRoute(before, each);
    before = seenOf(each);
    return events.map(({ event, subject }) => `${event} ${subject}`);
  });
}

const ONE = [target(1, 100)];
const TWO = [target(2, 100)];
const SPLIT = [target(1, 90), target(2, 10)];

describe('what is told of routes', () => {
  it('goes from the first version to a canary that is promoted and taken back', () => {
    const all = [
      route({ rollout: rollout('loading', 1), loadedVersions: [1] }),
      route({ targets: ONE, rollout: rollout('promoted', 1) }),
      route({ targets: ONE, rollout: rollout('loading', 2) }),
      route({ targets: SPLIT, rollout: rollout('progressing', 2), previousVersion: 1 }),
      route({ targets: TWO, rollout: rollout('promoted', 2), previousVersion: 1 }),
      route({ targets: ONE, rollout: rollout('promoted', 1), previousVersion: 0 }),
    ];
    expect(told(all)).toEqual([
      'rollout.started 1',
      'rollout.promoted 1',
      'rollout.started 2',
      'rollout.step 2',
      'rollout.promoted 2',
      'rollout.rolled_back 1',
    ]);
  });

  it('says that a rollout was aborted once, and nothing of a change that is none for others', () => {
    const failed = { targets: ONE, rollout: rollout('failed', 2, 'not ready within 60 s'), previousVersion: 1 };
    const all = [
      route({ targets: ONE, rollout: rollout('promoted', 1) }),
      route({ targets: ONE, rollout: rollout('loading', 2) }),
      route(failed),
      route({ ...failed, reason: 'another reason' }),
    ];
    expect(told(all)).toEqual(['rollout.promoted 1', 'rollout.started 2', 'rollout.aborted 2']);
    expect(ofRoute(undefined, all[2] as Route)[0]?.data.message).toContain('all traffic goes to version 1');
  });

  it('tells both checks of a switch as steps, its end when it is over, and what a check that fails takes back', () => {
    const all = [
      route({ targets: ONE, rollout: rollout('promoted', 1) }),
      route({ targets: ONE, rollout: rollout('loading', 2) }),
      route({ targets: ONE, shadows: [2], rollout: rollout('progressing', 2) }),
      route({ targets: TWO, shadows: [1], rollout: rollout('progressing', 2), previousVersion: 1 }),
      route({ targets: TWO, rollout: rollout('promoted', 2), previousVersion: 1, keepUntilMs: 9 }),
      // The version before is unloaded.
      route({ targets: TWO, rollout: rollout('promoted', 2), previousVersion: 1, loadedVersions: [2] }),
    ];
    const begun = ['rollout.promoted 1', 'rollout.started 2', 'rollout.step 2'];
    expect(told(all)).toEqual([...begun, 'rollout.step 2', 'rollout.promoted 2']);
    const before = [...all.slice(0, 3), route({ targets: ONE, rollout: rollout('failed', 2, 'errors') })];
    // No traffic had moved.
    expect(told(before)).toEqual([...begun, 'rollout.aborted 2']);
    const bad = [...all.slice(0, 4), route({ targets: ONE, rollout: rollout('failed', 2, 'errors') })];
    expect(told(bad).at(-1)).toBe('rollout.rolled_back 1');
  });

  it('tells that an experiment begins and that it ends, by whom and why, each once, and nothing of an old one', () => {
    const experiment = {
      ...{ name: 'prices', salt: 1, control: 1, share: 50, fromRevision: 2, startedBy: 'ada' },
      arms: [1, 2].map((version) => ({ version, weight: 50, slots: [], isReady: true })),
      ...{ startedAtMs: 5, endsAtMs: 9_000 },
    };
    const over = { ...experiment, end: { atMs: 7, reason: 'a rollout of version 3 began', by: 'loop', winner: 0 } };
    const live = { targets: ONE, rollout: rollout('promoted', 1) };
    const all = [
      route(live),
      route({ ...live, experiment }),
      route({ ...live, experiment, reason: 'its arms are there' }),
      route({ targets: ONE, rollout: rollout('loading', 3), experiment: over }),
      route({ targets: ONE, rollout: rollout('failed', 3, 'no file'), experiment: over }),
    ];
    expect(told(all)).toEqual([
      ...['rollout.promoted 1', 'experiment.started prices', 'rollout.started 3', 'experiment.ended prices'],
      'rollout.aborted 3',
    ]);
    const ended = ofRoute(seenOf(all[2] as Route), all[3] as Route).find(({ event }) => event === 'experiment.ended');
    expect(ended?.data).toMatchObject({
      ...{ by: 'loop', name: 'prices', message: 'experiment prices has ended by loop: a rollout of version 3 began' },
      arms: [
        { version: 1, weight: 50 },
        { version: 2, weight: 50 },
      ],
    });
    expect(told([all[4] as Route])).toEqual(['rollout.promoted 1']);
  });

  it('tells that a rollout is paused, by whom and why, that it goes on, and that another one took its place', () => {
    const steps = {
      ...{ plan: [{ weight: 10 }, { weight: 50 }], at: 0, sinceMs: 1, fromRevision: 1, salt: 1 },
      baseline: [{ version: 1, weight: 100 }],
    };
    const at = (over: Partial<Route>, more: object = {}) =>
      route({ targets: SPLIT, rollout: { ...rollout('progressing', 2), steps: { ...steps, ...more } }, ...over });
    const pause = { sinceMs: 7, reason: 'latency looks odd', by: 'bob' };
    const all = [
      at({}),
      at({}, { pause }),
      at({}, { pause }),
      at({}),
      at({ targets: [target(1, 60), target(2, 40)] }, { pause }),
      route({ targets: ONE, rollout: rollout('loading', 3) }),
      route({ targets: [target(4, 100)], rollout: rollout('promoted', 4), previousVersion: 1 }),
    ];
    expect(told(all)).toEqual([
      'rollout.step 2',
      'rollout.paused 2',
      'rollout.resumed 2',
      ...['rollout.step 2', 'rollout.paused 2'],
      ...['rollout.superseded 2', 'rollout.rolled_back 1', 'rollout.started 3'],
      ...['rollout.superseded 3', 'rollout.promoted 4'],
    ]);
    const [paused] = ofRoute(seenOf(all[0] as Route), all[1] as Route);
    expect(paused?.data).toMatchObject({
      message: 'paused: the rollout of version 2: by bob, latency looks odd; it waits for a person',
      ...{ step: 1, steps: 2, version: 2 },
    });
    const both = ofRoute(seenOf(all[3] as Route), all[4] as Route).map(({ id }) => id);
    expect(new Set(both).size).toBe(2);
  });

  it('a rollback that loads its version first was told as the start of a rollout', () => {
    const live = { targets: TWO, previousVersion: 1 };
    const back = { ...rollout('loading', 1, 'rolled back by ada: it is loaded again first'), back: true };
    const all = [
      route({ ...live, rollout: rollout('promoted', 2) }),
      route({ ...live, rollout: back }),
      route({ targets: ONE, rollout: rollout('promoted', 1) }),
    ];
    expect(told(all)).toEqual(['rollout.promoted 2', 'rollout.rolling_back 1', 'rollout.rolled_back 1']);
    const [loading] = ofRoute(seenOf(all[0] as Route), all[1] as Route);
    expect(loading?.data.message).toBe(
      'loading again, for a rollback, version 1: rolled back by ada: it is loaded again first',
    );
    const failed = route({ ...live, rollout: rollout('failed', 1, 'not ready within 60 s') });
    expect(ofRoute(seenOf(all[1] as Route), failed).map(({ data }) => data.message)).toEqual([
      'not rolled back: version 1: not ready within 60 s',
    ]);
    const promoted = route({ targets: [target(3, 100)], rollout: rollout('promoted', 3), previousVersion: 2 });
    expect(ofRoute(seenOf(all[1] as Route), promoted)[0]?.data.message).toMatch(
      /^given up: the rollback to version 1: /,
    );
  });

  it('tells a split by hand as a step of the traffic, not as a promotion', () => {
    const promoted = { rollout: rollout('promoted', 2), previousVersion: 1 };
    const all = [route({ targets: TWO, ...promoted }), route({ targets: SPLIT, ...promoted })];
    expect(told(all)).toEqual(['rollout.promoted 2', 'rollout.step 1']);
  });

  it('says the shares of a step, for a bandit moves often and each message would be the same', () => {
    const before = seenOf(route({ targets: ONE, rollout: rollout('loading', 2) }));
    const split = route({ targets: SPLIT, rollout: rollout('progressing', 2), previousVersion: 1 });
    const [step] = ofRoute(before, split);
    expect(step?.data.message).toBe('a step of the rollout of version 2: version 1 90 %, version 2 10 %');
  });

  it('knows a route that comes again, and one of a project that was applied anew', () => {
    const first = route({ targets: ONE, rollout: rollout('promoted', 1), revision: 9 });
    expect(ofRoute(seenOf(first), first)).toEqual([]);
    expect(ofRoute(seenOf(first), { ...first, revision: 8 })).toEqual([]);
    const anew = { ...first, revision: 1, changedAtMs: first.changedAtMs + 1, targets: TWO };
    expect(ofRoute(seenOf(first), anew)).toHaveLength(1);
  });
});

describe('what is told of the rest', () => {
  it('is the drift event itself, without its histogram', () => {
    const data = {
      ...{ project: 'p', feature: 'x', detector: 'psi', value: 1, threshold: 0.1, pValue: null, rows: 9 },
      ...{ window: { startMs: 1, endMs: 2 }, correlationId: 'k', cohort: { version: 1, slice: 'all' as const } },
      histogram: { bins: ['a'], reference: [1], live: [2] },
    };
    const event = { specversion: '1.0', type: 'dev.millrace.drift.detected.v1', id: 'p/1', source: 's', subject: 'x' };
    const made = ofDrift({ ...event, time: 't', datacontenttype: 'application/json', data } as never);
    expect(made).toMatchObject({ project: 'p', event: 'drift.detected', id: 'p/1', subject: 'x' });
    expect(made.data).not.toHaveProperty('histogram');
  });

  it.each([
    [{ kind: 'started', workers: 2, trainRows: 10, evaluationRows: 5, steps: 1 }, ['training.begun']],
    [{ kind: 'finished', version: 3, blessed: true, verdict: 'v', warnings: [] }, ['training.ended']],
    [{ kind: 'failed', code: 'internal', message: 'm' }, ['training.ended']],
    [{ kind: 'progress', step: 1, steps: 2, loss: 1, rowsPerSecond: 1 }, []],
  ])('of a training is %j', (event, expected) => {
    const made = ofTraining({ project: 'p', trainingId: 't', atMs: 1, correlationId: 'k', event } as never);
    expect(made.map((one) => one.event)).toEqual(expected);
  });

  it('is whether a version is blessed, with its verdict', () => {
    const model = { project: 'p', version: 4, verdict: 'worse than the baseline' };
    expect(ofModel(aModelVersion({ ...model, blessed: false }))).toMatchObject({
      ...{ event: 'version.refused', subject: '4', data: { message: 'worse than the baseline', blessed: false } },
    });
    expect(ofModel(aModelVersion({ ...model, blessed: true })).event).toBe('version.blessed');
  });
});

it('is a CloudEvent in structured mode', () => {
  const event = { project: 'p', event: 'loop.waiting' as const, id: 'i', subject: 's', data: { a: 1 } };
  expect(JSON.parse(bodyOf(event, 0))).toEqual({
    ...{ specversion: '1.0', type: 'dev.millrace.loop.waiting.v1', id: 'i', source: '/millrace/p', subject: 's' },
    ...{ time: '1970-01-01T00:00:00.000Z', datacontenttype: 'application/json', data: { a: 1 } },
  });
});
