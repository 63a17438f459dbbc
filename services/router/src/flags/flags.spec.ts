import { describe, expect, it } from '@jest/globals';
import { type Experiment, emptyRoute, type Route } from '@millrace/routing';
import { RouteTable } from '../routing/route-table.js';
import { contextOf, Flags } from './flags.js';

const route = (over: Partial<Route>): Route => ({ ...emptyRoute('p'), revision: 7, ...over });
const target = (version: number, weight: number) => ({ version, weight, name: `v${version}` });
const SPLIT = route({ targets: [target(1, 60), target(2, 40)], loadedVersions: [1, 2] });

function flagsOf(known: Route, sticky = true): { flags: Flags; table: RouteTable } {
  const table = new RouteTable();
  table.apply(known);
  table.setSticky('p', sticky);
  return { table, flags: new Flags(table, (project) => project === 'p' || project === 'new') };
}

const of = (entity: string, requestId = '') => ({ entity, requestId });

describe('a project as a flag', () => {
  it('is the version, with its target and the revision, and says why', () => {
    const { flags } = flagsOf(route({ targets: [target(3, 100)], loadedVersions: [3] }));
    expect(flags.evaluate('p', of('anna'))).toEqual({
      key: 'p',
      value: 3,
      variant: 'v3',
      reason: 'STATIC',
      metadata: { revision: 7, sticky: true, weight: 100 },
    });
  });

  it('is for each of 200 entities the version that the table gives their requests', () => {
    const { flags, table } = flagsOf(SPLIT);
    const told = Array.from({ length: 200 }, (_, i) => flags.evaluate('p', of(`e${i}`)));
    const routed = Array.from({ length: 200 }, (_, i) => table.choose('p', `e${i}`, `r${i}`, 0));
    expect(told.map((one) => one?.value)).toEqual(routed.map((one) => one.kind === 'chosen' && one.live));
    expect(new Set(told.map((one) => one?.reason))).toEqual(new Set(['SPLIT']));
    expect(new Set(told.map((one) => one?.variant))).toEqual(new Set(['v1', 'v2']));
  });

  it('has no value where each request is drawn by itself, but for a request that is named', () => {
    const { flags, table } = flagsOf(SPLIT, false);
    const unknown = flags.evaluate('p', of('anna'));
    expect(unknown).toMatchObject({ reason: 'UNKNOWN', metadata: { sticky: false, split: '1=60%, 2=40%' } });
    expect(unknown).not.toHaveProperty('value');
    const ids = Array.from({ length: 50 }, (_, i) => `r${i}`);
    const told = ids.map((id) => flags.evaluate('p', of('anna', id))?.value);
    expect(told).toEqual(ids.map((id) => table.choose('p', 'anna', id, 0)).map((one) => 'live' in one && one.live));
    expect(new Set(told)).toEqual(new Set([1, 2]));
  });

  it('is off without a version in service, and none where there is no such project', () => {
    const { flags } = flagsOf(route({ targets: [] }));
    expect(flags.evaluate('p', of('anna'))).toEqual({
      key: 'p',
      reason: 'DISABLED',
      metadata: { revision: 7, sticky: true },
    });
    expect(flags.evaluate('new', of('anna'))).toEqual({ key: 'new', reason: 'DISABLED', metadata: { revision: 0 } });
    expect(flags.evaluate('nobody', of('anna'))).toBeUndefined();
    expect(flags.evaluateAll(of('anna')).map(({ key }) => key)).toEqual(['p']);
  });
});

const slots = (from: number) => Array.from({ length: 50 }, (_, i) => from + i);
const arm = (version: number, from: number, isReady = true) => {
  return { version, weight: 50, slots: slots(from), isReady };
};
const EXPERIMENT: Experiment = {
  ...{ name: 'prices', salt: 1, control: 1, share: 50, startedBy: 'ada', fromRevision: 7, startedAtMs: 1, endsAtMs: 2 },
  arms: [arm(1, 0), arm(3, 50)],
};

describe('a project with a running experiment', () => {
  const experimenting = (over: Partial<Experiment> = {}) =>
    route({ ...SPLIT, loadedVersions: [1, 2, 3], experiment: { ...EXPERIMENT, ...over } });

  it('names experiment and arm, and is for each entity the version that its requests get', () => {
    const { flags, table } = flagsOf(experimenting(), false);
    const told = Array.from({ length: 200 }, (_, i) => flags.evaluate('p', of(`e${i}`)));
    const routed = Array.from({ length: 200 }, (_, i) => table.choose('p', `e${i}`, `r${i}`, 0));
    const inPart = told.filter((one) => one?.metadata.experiment !== undefined);
    expect(inPart.length).toBeGreaterThan(60);
    expect(new Set(inPart.map((one) => `${one?.variant}: ${one?.value}`))).toEqual(new Set(['control: 1', 'v3: 3']));
    for (const [i, one] of told.entries()) {
      if (one?.value === undefined) continue;
      expect(routed[i]).toMatchObject({ live: one.value });
      expect(one).toMatchObject({ reason: 'SPLIT', metadata: { weight: 25, sticky: false, experiment: 'prices' } });
    }
    // Who takes no part is drawn by each request, as before.
    expect(told.filter((one) => one?.reason === 'UNKNOWN').length).toBe(200 - inPart.length);
  });

  it('says so where the control arm stands in for one that is not there, and of a request why it went there', () => {
    const { flags, table } = flagsOf(experimenting({ share: 100, arms: [arm(1, 0), arm(3, 50, false)] }));
    const told = Array.from({ length: 50 }, (_, i) => flags.evaluate('p', of(`e${i}`)));
    expect(new Set(told.map((one) => one?.value))).toEqual(new Set([1]));
    expect(new Set(told.map((one) => one?.metadata.insteadOf))).toEqual(new Set([undefined, 'v3']));
    expect(table.routed('p', 1, 'e1', 'r')).toEqual({
      ...{
        project: 'p',
        revision: 7,
        version: 1,
        variant: 'control',
        experiment: 'prices',
        reason: 'split',
        key: 'e1',
      },
    });
  });

  it('is as before when it has ended', () => {
    const end = { atMs: 3, reason: 'enough', by: 'ada', winner: 0 };
    const { flags, table } = flagsOf(experimenting({ share: 100, end }));
    for (let i = 0; i < 50; i++) {
      const told = flags.evaluate('p', of(`e${i}`));
      expect(['v1', 'v2']).toContain(told?.variant);
      expect(told?.metadata).not.toHaveProperty('experiment');
      expect(table.routed('p', told?.value ?? 0, `e${i}`, 'r')).toMatchObject({ experiment: '' });
    }
  });
});

describe('the context of a question', () => {
  it.each([
    [undefined, 'PARSE_ERROR'],
    [[], 'PARSE_ERROR'],
    [{}, 'TARGETING_KEY_MISSING'],
    [{ context: {} }, 'TARGETING_KEY_MISSING'],
    [{ context: { targetingKey: '' } }, 'TARGETING_KEY_MISSING'],
    [{ context: 'anna' }, 'INVALID_CONTEXT'],
    [{ context: { targetingKey: 7 } }, 'INVALID_CONTEXT'],
    [{ context: { targetingKey: 'a'.repeat(257) } }, 'INVALID_CONTEXT'],
    [{ context: { targetingKey: 'a', requestId: 7 } }, 'INVALID_CONTEXT'],
  ])('%j is refused as %s', (body, errorCode) => {
    expect(contextOf(body)).toMatchObject({ kind: 'fault', fault: { errorCode } });
  });

  it('is read past what else it says of the user', () => {
    const read = contextOf({ context: { targetingKey: 'anna', requestId: 'r', plan: 'free', nested: { a: [1] } } });
    expect(read).toEqual({ kind: 'ok', context: { entity: 'anna', requestId: 'r' } });
  });
});
