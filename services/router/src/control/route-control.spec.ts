import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Command, isDatasetAction, type ModelVersion } from '@millrace/contracts';
import { PlatformError, systemClock } from '@millrace/domain';
import { DEFAULT_STRATEGY, type RolloutStrategy, type RouteAction } from '@millrace/routing';
import { eventually } from '@millrace/testing';
import { SwitchLog } from '../outcomes/switch-log.js';
import { RouteTable } from '../routing/route-table.js';
import { KnownVersions, type VersionKnowledge } from './known-versions.js';
import { RouteControl, refuseNameless } from './route-control.js';
import { RouteOwner } from './route-owner.js';

const facts = { project: 'p', issuedBy: 'test', reason: 'why', correlationId: '', expectedRevision: 0 };

let table: RouteTable;
let switches: SwitchLog;
let owner: RouteOwner;
let control: RouteControl;
let commands: Command[];
let written: (number | 'removed')[];
let readyVersions: Set<number>;
let broken: boolean;
/** Writes that the broken log refused. */
let refused: number;
/** Questions whether a version is loaded. */
let asked: number;
let serial: number;
let strategy: RolloutStrategy;
/** Versions that may not stand beside the others. */
const foreign = new Set<number>();
const mixed = (_project: string, version: number) =>
  foreign.has(version) ? `version ${version} is elsewhere` : undefined;
let known: KnownVersions;
/** What models.v1 brings when it is read to its end. */
let modelsUpToNow: () => Promise<void>;
/** Of project p; undefined: it is deleted. */
let createdAtMs: number | undefined;
/** Projects that this router has heard of. */
const heard = new Set<string>();

beforeEach(() => {
  table = new RouteTable();
  switches = new SwitchLog(() => 0);
  commands = [];
  written = [];
  readyVersions = new Set([1, 2]);
  broken = false;
  refused = 0;
  asked = 0;
  serial = 0;
  strategy = DEFAULT_STRATEGY;
  foreign.clear();
  known = new KnownVersions(() => createdAtMs ?? 0);
  for (const version of [1, 2, 3, 9]) known.announced(announced(version));
  modelsUpToNow = async () => undefined;
  createdAtMs = 0;
  heard.clear();
  heard.add('p');
  const versions: VersionKnowledge = {
    fault: (command, route) => known.fault(command, route),
    isGone: (project, version) => known.isGone(project, version),
    upToNow: () => modelsUpToNow(),
  };
  owner = new RouteOwner(
    table,
    switches,
    {
      write: async (route) => {
        if (broken) {
          refused++;
          throw new Error('no broker');
        }
        written.push(route.revision);
      },
      remove: async () => {
        if (broken) throw new Error('no broker');
        written.push('removed');
      },
    },
    {
      modelReady: async (_, version) => {
        asked++;
        return readyVersions.has(version);
      },
      readySomewhere: async (_, version) => readyVersions.has(version),
    },
    {
      clock: systemClock,
      loadTimeoutMs: 2_000,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms / 10)),
      failures: () => 0,
      createdAtMs: () => createdAtMs,
      strategyOf: () => strategy,
      mixed,
      versions,
      onSettled: (project, version, route, made) => control.onSettled(project, version, route, made),
      onError: () => undefined,
    },
  );
  control = new RouteControl(
    table,
    {
      publish: async (command) => {
        commands.push(command);
        const { action } = command;
        if (action.kind === 'startTraining' || isDatasetAction(action)) throw new Error('not of the router');
        control.onResult(command.id, await owner.apply({ ...command, action }));
      },
    },
    {
      clock: systemClock,
      commandId: () => `c${++serial}`,
      commandTimeoutMs: 5_000,
      loadTimeoutMs: 2_000,
      knownProject: (project) => heard.has(project),
      strategyOf: () => strategy,
      mixed,
      versions,
      onRefused: () => undefined,
    },
  );
});

/** Long after every project of these tests, but for one. */
const MADE_MS = 9e12;

/** Of project p. `verdict`: of one that was judged and is not blessed. */
function announced(version: number, verdict?: string): Parameters<KnownVersions['announced']>[0] {
  const evaluation = { rows: 1 } as ModelVersion['evaluation'];
  return {
    project: 'p',
    version,
    blessed: verdict === undefined,
    verdict: verdict ?? '',
    evaluation,
    createdAtMs: MADE_MS,
    championVersion: 0,
    championScores: undefined,
  };
}

const submit = (action: RouteAction) => control.submit(facts, action);

/** Ends with the test's own time. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((wake) => setImmediate(wake));
}

describe('a replica that has not heard of a change yet', () => {
  it('reads before it refuses: what is asked after an answer of another replica is not refused by what was before', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    const route = table.get('p');
    if (route === undefined) throw new Error('no route');
    // Another replica has rolled out version 2, and this one has not heard of it.
    modelsUpToNow = async () => {
      const targets = [{ version: 2, weight: 100, name: 'green' }];
      table.apply({ ...route, revision: route.revision + 1, targets, loadedVersions: [1, 2], previousVersion: 1 });
    };
    expect((await submit({ kind: 'rollback' })).route.targets).toMatchObject([{ version: 1, weight: 100 }]);
    modelsUpToNow = async () => {
      throw new Error('no broker');
    };
    await expect(submit({ kind: 'rollback' })).rejects.toMatchObject({ facts: { reason: 'nothing_to_roll_back' } });
  });
});

describe('a project that was applied a moment ago', () => {
  it('is heard of before it is said not to be there, by who is asked and by the owner', async () => {
    heard.clear();
    createdAtMs = undefined;
    let reads = 0;
    modelsUpToNow = async () => {
      reads += 1;
      if (reads === 1) heard.add('p');
      else createdAtMs = 0;
    };
    expect((await submit({ kind: 'startRollout', version: 1 })).route.targets).toMatchObject([{ version: 1 }]);
    expect(reads).toBeGreaterThanOrEqual(2);
  });
});

describe('commands through the single writer', () => {
  it('rollout, rollback and undo each answer with the switch they made', async () => {
    const first = await submit({ kind: 'startRollout', version: 1 });
    expect(first).toMatchObject({ switch: { fromVersion: 0, toVersion: 1 }, route: { revision: 2 } });
    await submit({ kind: 'startRollout', version: 2 });
    const back = await submit({ kind: 'rollback' });
    expect(back.switch).toMatchObject({ fromVersion: 2, toVersion: 1, failed: 0 });
    const undone = await submit({ kind: 'promote', version: 2 });
    expect(undone.switch).toMatchObject({ fromVersion: 1, toVersion: 2 });
    expect(written).toEqual([1, 2, 3, 4, 5, 6]);
    expect(switches.list('p')).toHaveLength(4);
    expect(commands.every((command) => command.correlationId === command.id)).toBe(true);
  });

  it('refuses a version of another origin than those on the route, whoever commands it', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    foreign.add(2);
    await expect(submit({ kind: 'startRollout', version: 2 })).rejects.toMatchObject({
      code: 'conflict',
      reason: 'version 2 is elsewhere',
      facts: { reason: 'other_origin' },
    });
    const issued = { id: 'loop-1', project: 'p', issuedAtMs: 0, expectedRevision: 0, correlationId: '', reason: '' };
    const result = await owner.apply({ ...issued, action: { kind: 'promote', version: 2 } });
    expect(result).toMatchObject({ kind: 'rejected', reason: 'other_origin' });
    expect(table.get('p')?.targets).toMatchObject([{ version: 1 }]);
  });

  it('refuses a rollout of a version that retention has deleted, not a promotion of what is loaded', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    await submit({ kind: 'startRollout', version: 2 });
    known.gone('p', 1);
    known.gone('p', 3);
    const refused = { code: 'conflict', facts: { reason: 'version_deleted' } };
    await expect(submit({ kind: 'startRollout', version: 3 })).rejects.toMatchObject(refused);
    expect((await submit({ kind: 'promote', version: 1 })).route.targets).toMatchObject([{ version: 1 }]);
  });

  it('refuses a version that there is not at once, with those that there are, and waits for none', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    const before = commands.length;
    await expect(submit({ kind: 'startRollout', version: 7 })).rejects.toMatchObject({
      code: 'not_found',
      reason: 'p has no version 7; there are 9, 3, 2, 1',
      facts: { reason: 'unknown_version' },
    });
    expect(commands).toHaveLength(before);
    const [{ id: _, ...issued }] = commands as [Command];
    const action = { kind: 'startRollout' as const, version: 7 };
    expect(await owner.apply({ ...issued, id: 'x', action })).toMatchObject({ reason: 'unknown_version' });
    expect(table.get('p')?.rollout).toMatchObject({ phase: 'promoted', version: 1 });
    // Announced a moment ago.
    readyVersions.add(7);
    modelsUpToNow = async () => known.announced(announced(7));
    expect((await submit(action)).route.targets).toMatchObject([{ version: 7 }]);
  });

  it('takes no version of a deleted project of the name for one of the project', async () => {
    createdAtMs = 100;
    known.announced({ ...announced(3), createdAtMs: 99 });
    for (const version of [1, 2, 9]) known.announced({ ...announced(version), createdAtMs: version === 9 ? 100 : 50 });
    await expect(submit({ kind: 'startRollout', version: 3 })).rejects.toThrow('p has no version 3; there are 9');
  });

  it('says so where nobody can tell whether there is such a version', async () => {
    modelsUpToNow = () => Promise.reject(new PlatformError('unavailable', 'Kafka is slow'));
    await expect(submit({ kind: 'startRollout', version: 7 })).rejects.toMatchObject({ reason: 'Kafka is slow' });
    expect(commands).toEqual([]);
  });

  it('rolls out a version that is not blessed only where somebody says so, whose name stays with the route', async () => {
    const verdict = 'version 2 is not blessed: log loss .7 is no better than the trivial baseline';
    known.announced(announced(2, verdict));
    const action = { kind: 'startRollout' as const, version: 2 };
    await expect(submit(action)).rejects.toMatchObject({
      code: 'conflict',
      reason: `${verdict}; to roll it out all the same takes force, and who asks for it`,
      facts: { reason: 'not_blessed' },
    });
    const issued = { id: 'x', project: 'p', issuedAtMs: 0, expectedRevision: 0, correlationId: '', reason: '' };
    expect(await owner.apply({ ...issued, action })).toMatchObject({ kind: 'rejected', reason: 'not_blessed' });
    expect(table.get('p')).toBeUndefined();
    const { route } = await control.submit({ ...facts, issuedBy: 'ada' }, { ...action, force: true });
    expect(route).toMatchObject({ targets: [{ version: 2, weight: 100 }], reason: 'why; forced by ada' });
  });

  it('was given traffic again by a promote or weights that named nobody, once somebody had forced it', async () => {
    const verdict = 'version 2 is not blessed: worse than version 1';
    known.announced(announced(2, verdict));
    await submit({ kind: 'startRollout', version: 1 });
    const asAda = (action: RouteAction) => control.submit({ ...facts, issuedBy: 'ada' }, action);
    await asAda({ kind: 'startRollout', version: 2, force: true });
    await submit({ kind: 'promote', version: 1 });
    // It is the one to go back to; after a rollback it is not.
    await submit({ kind: 'promote', version: 2 });
    expect((await submit({ kind: 'rollback' })).route).toMatchObject({
      targets: [{ version: 1 }],
      loadedVersions: [1, 2],
    });
    const again = `${verdict}; it has no traffic, and to give it some takes "millrace rollout start p 2 --force --by NAME"`;
    const split = [1, 2].map((version) => ({ version, weight: 50 }));
    for (const action of [
      { kind: 'promote' as const, version: 2 },
      { kind: 'setWeights' as const, weights: split },
    ]) {
      await expect(submit(action)).rejects.toMatchObject({ reason: again, facts: { reason: 'not_blessed' } });
      const issued = { id: 'x', project: 'p', issuedAtMs: 0, expectedRevision: 0, correlationId: '', reason: '' };
      expect(await owner.apply({ ...issued, action })).toMatchObject({ kind: 'rejected', reason: 'not_blessed' });
    }
    await asAda({ kind: 'startRollout', version: 2, force: true });
    expect((await submit({ kind: 'setWeights', weights: split })).route.targets).toMatchObject(split);
  });

  it('takes no force without a name', () => {
    const action = { kind: 'startRollout' as const, version: 2, force: true };
    expect(() => refuseNameless(action, ' ')).toThrow('force takes issuedBy');
    expect(() => refuseNameless(action, 'ada')).not.toThrow();
    expect(() => refuseNameless({ ...action, force: false }, '')).not.toThrow();
  });

  it('asks for no name where nobody judged the version', async () => {
    known.announced({ ...announced(2), blessed: false, evaluation: undefined });
    expect((await submit({ kind: 'startRollout', version: 2 })).route.targets).toMatchObject([{ version: 2 }]);
  });

  it('moves no traffic to a version of which it is told that it is gone while it is loaded', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    modelsUpToNow = async () => known.gone('p', 2);
    await expect(submit({ kind: 'startRollout', version: 2 })).rejects.toThrow('was deleted');
    expect(table.get('p')).toMatchObject({ targets: [{ version: 1 }], rollout: { phase: 'failed', version: 2 } });
  });

  it('moves no traffic before it knows what was deleted, and gives up in time where it cannot', async () => {
    let looks = 0;
    modelsUpToNow = async () => {
      if (++looks < 3) throw new Error('no broker');
    };
    await submit({ kind: 'startRollout', version: 1 });
    expect(looks).toBe(3);
    modelsUpToNow = () => new Promise(() => undefined);
    await expect(submit({ kind: 'startRollout', version: 2 })).rejects.toThrow('not ready within');
  });

  it('drops the route of a project that is removed, once, also while a version is being loaded', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    const loading = submit({ kind: 'startRollout', version: 9 });
    await eventually('the load is written', async () => (written.length === 3 ? true : null), 1_000);
    broken = true;
    await expect(owner.drop('p')).rejects.toThrow('no broker');
    expect(table.get('p')).toMatchObject({ revision: 3 });
    broken = false;
    await owner.drop('p');
    await owner.drop('p');
    expect(written).toEqual([1, 2, 3, 'removed']);
    expect([table.get('p'), switches.list('p')]).toEqual([undefined, []]);
    control.onRemoved('p');
    await expect(loading).rejects.toMatchObject({ code: 'not_found' });
    expect(await submit({ kind: 'startRollout', version: 2 })).toMatchObject({ route: { revision: 2 } });
  });

  it('does not bring the route back by a command that was on its way when its project was deleted', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    createdAtMs = undefined;
    await owner.drop('p');
    await expect(submit({ kind: 'startRollout', version: 2 })).rejects.toMatchObject({ code: 'not_found' });
    const [, late] = commands as [Command, Command];
    // Applied anew since.
    createdAtMs = late.issuedAtMs + 1;
    const action = { kind: 'startRollout' as const, version: 2 };
    expect(await owner.apply({ ...late, action })).toMatchObject({ kind: 'rejected', reason: 'unknown_project' });
    expect(table.get('p')).toBeUndefined();
    createdAtMs = late.issuedAtMs;
    expect(await owner.apply({ ...late, action })).toMatchObject({ kind: 'applied' });
  });

  it('moves the traffic as the strategy of the project says, and answers when it has moved', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    strategy = {
      ...DEFAULT_STRATEGY,
      whenReady: (_live, version) => ({
        weights: [
          { version: 1, weight: 90 },
          { version, weight: 10 },
        ],
        shadows: [],
      }),
    };
    const { route, switch: made } = await submit({ kind: 'startRollout', version: 2 });
    expect(route).toMatchObject({
      targets: [
        { version: 1, weight: 90, name: 'blue' },
        { version: 2, weight: 10, name: 'green' },
      ],
      rollout: { phase: 'progressing', version: 2 },
    });
    expect(made).toMatchObject({ fromVersion: 1, toVersion: 1 });
    await submit({ kind: 'promote', version: 2 });
    expect(table.get('p')).toMatchObject({ targets: [{ version: 2, weight: 100 }], rollout: { phase: 'promoted' } });
  });

  it('sends copies to the version that a strategy keeps in the shadow, with traffic as it was', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    strategy = {
      ...DEFAULT_STRATEGY,
      whenReady: (_live, version) => ({ weights: [{ version: 1, weight: 100 }], shadows: [version] }),
    };
    const { route, switch: made } = await submit({ kind: 'startRollout', version: 2 });
    expect(route).toMatchObject({ targets: [{ version: 1, weight: 100 }], shadows: [2], loadedVersions: [1, 2] });
    expect(made).toBeNull();
    expect((await submit({ kind: 'setShadows', versions: [], share: 10 })).route.shadows).toEqual([]);
  });

  it('says that a version did not load, with live traffic untouched', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    const late = submit({ kind: 'startRollout', version: 3 });
    await expect(late).rejects.toMatchObject({
      code: 'unavailable',
      reason: expect.stringContaining('not ready within'),
    });
    expect(table.get('p')).toMatchObject({ targets: [{ version: 1, weight: 100 }], rollout: { phase: 'failed' } });
  });

  it('refuses a correlation id that no message could carry, by gRPC too: it would stay with the route', async () => {
    const long = { ...facts, correlationId: 'x'.repeat(1_025) };
    const said = 'correlationId has 1025 characters, at most 1024';
    await expect(control.submit(long, { kind: 'rollback' })).rejects.toThrow(said);
    expect(commands).toEqual([]);
  });

  it('refuses what cannot be before it reaches the log', async () => {
    await expect(submit({ kind: 'rollback' })).rejects.toMatchObject({ code: 'conflict' });
    const unknown = control.submit({ ...facts, project: 'q' }, { kind: 'rollback' });
    await expect(unknown).rejects.toMatchObject({ code: 'not_found' });
    expect(commands).toEqual([]);
  });

  it('changes nothing in force when the log cannot be written, and goes on with a load when it is back', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    broken = true;
    await expect(submit({ kind: 'startRollout', version: 2 })).rejects.toMatchObject({ code: 'unavailable' });
    expect(table.get('p')?.revision).toBe(2);
    broken = false;
    readyVersions.delete(2);
    const rollout = submit({ kind: 'startRollout', version: 2 });
    const before = asked;
    await until(() => asked > before);
    const refusedBefore = refused;
    broken = true;
    readyVersions.add(2);
    await until(() => refused > refusedBefore);
    expect(table.get('p')?.rollout.phase).toBe('loading');
    broken = false;
    expect((await rollout).route.targets[0]?.version).toBe(2);
  });

  it('a rollback during a load ends the load for good', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    await submit({ kind: 'startRollout', version: 2 });
    const rollout = submit({ kind: 'startRollout', version: 3 });
    const caught = rollout.catch((error: unknown) => error);
    await until(() => table.get('p')?.rollout.phase === 'loading');
    await submit({ kind: 'rollback' });
    readyVersions.add(3);
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(table.get('p')?.targets[0]?.version).toBe(1);
    expect(await caught).toMatchObject({ code: 'conflict', reason: expect.stringContaining('superseded') });
  });

  it('goes on with a load that a predecessor began', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    const route = table.routeOrEmpty('p');
    table.apply({
      ...route,
      revision: 3,
      loadedVersions: [1, 2],
      rollout: { phase: 'loading', version: 2, message: '' },
    });
    owner.resume(table.routeOrEmpty('p'));
    await until(() => table.get('p')?.targets[0]?.version === 2);
    expect(table.get('p')?.rollout.phase).not.toBe('loading');
  });

  it('tells a caller here what another router has made of its command, and of its command only', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    const away = new RouteControl(
      table,
      { publish: async (command) => void commands.push(command) },
      {
        ...{ clock: systemClock, commandId: () => 'mine', commandTimeoutMs: 2_000, loadTimeoutMs: 2_000 },
        ...{ knownProject: () => true, strategyOf: () => strategy, mixed },
        versions: { fault: () => undefined, isGone: () => false, upToNow: async () => undefined },
        onRefused: () => undefined,
      },
    );
    const asked = away.submit(facts, { kind: 'startRollout', version: 2 });
    await until(() => commands.at(-1)?.id === 'mine');
    const before = table.routeOrEmpty('p');
    // An earlier try of the version failed; the command is not applied yet.
    away.onRoute({ ...before, rollout: { phase: 'failed', version: 2, message: 'earlier' } });
    const ids = [...before.recentCommandIds, 'mine'];
    away.onRoute({ ...before, recentCommandIds: ids, rollout: { phase: 'loading', version: 2, message: '' } });
    away.onRoute({ ...before, recentCommandIds: ids, rollout: { phase: 'promoted', version: 2, message: '' } });
    expect((await asked).route.rollout).toMatchObject({ phase: 'promoted', version: 2 });
  });
});

describe('an experiment', () => {
  const begin = (versions: readonly number[], over: object = {}): RouteAction => ({
    ...{ kind: 'startExperiment', name: 'prices', control: 0, share: 100, forMs: 1_000, force: false },
    arms: versions.map((version) => ({ version, weight: 100 / versions.length })),
    ...over,
  });
  const arms = () => table.get('p')?.experiment?.arms.map(({ isReady }) => isReady);

  it('begins at once, brings its arms in as serving has them, and ends by itself', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    const { route } = await submit(begin([1, 3]));
    expect(route).toMatchObject({ loadedVersions: [1, 3], experiment: { startedBy: 'test', control: 1 } });
    expect(arms()).toEqual([true, false]);
    readyVersions.add(3);
    await until(() => arms()?.[1] === true);
    await until(() => table.get('p')?.experiment?.end !== undefined);
    expect(table.get('p')).toMatchObject({
      targets: [{ version: 1, weight: 100 }],
      experiment: { end: { reason: 'its time is over', by: '' } },
      reason: "experiment 'prices' has ended: its time is over",
    });
    // Start, the arm, the end: each is a change of live traffic that is on record.
    expect(switches.list('p').map(({ revision }) => revision)).toEqual([2, 3, 4, 5]);
  });

  it('goes on at whoever takes the partition over, from the route alone', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    await submit(begin([1, 2]));
    await until(() => arms()?.[1] === true);
    owner.release('p');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(table.get('p')?.experiment?.end).toBeUndefined();
    owner.resume(table.routeOrEmpty('p'));
    await until(() => table.get('p')?.experiment?.end !== undefined);
  });

  it('of versions that nobody announced, that are not blessed or that are elsewhere is refused', async () => {
    await submit({ kind: 'startRollout', version: 1 });
    await expect(submit(begin([1, 7]))).rejects.toMatchObject({
      code: 'not_found',
      reason: expect.stringContaining('p has no version 7; there are'),
    });
    known.announced(announced(2, 'worse than version 1'));
    await expect(submit(begin([1, 2]))).rejects.toMatchObject({
      code: 'conflict',
      reason: expect.stringContaining('worse than version 1; to roll it out all the same takes force'),
    });
    expect(() => refuseNameless(begin([1, 2], { force: true }), '')).toThrow('force takes issuedBy');
    const { route } = await submit(begin([1, 2], { force: true }));
    expect(route.reason).toBe('why; forced by test');
    await submit({ kind: 'endExperiment', name: '', winner: 0 });
    foreign.add(3);
    await expect(submit(begin([1, 3]))).rejects.toMatchObject({ reason: 'version 3 is elsewhere' });
  });
});
