import { describe, expect, it } from '@jest/globals';
import { emptyRoute, type Route } from '@millrace/routing';
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
