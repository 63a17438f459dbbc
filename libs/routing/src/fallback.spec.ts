import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GRPC_STATUS, isFailure, mayFallBack } from './failure.js';
import { fallbackVersion } from './fallback.js';
import { emptyRoute, type Route, readyVersions } from './route.js';

const target = (version: number, weight: number) => ({ version, weight, name: `v${version}` });
const two: Route = { ...emptyRoute('p'), targets: [target(2, 100)], loadedVersions: [1, 2], previousVersion: 1 };
const canary: Route = {
  ...two,
  targets: [target(2, 80), target(3, 20)],
  loadedVersions: [1, 2, 3],
  previousVersion: 2,
  rollout: {
    ...{ phase: 'progressing', version: 3, message: '' },
    steps: {
      ...{ plan: [{ weight: 20 }], at: 0, sinceMs: 0, fromRevision: 1, salt: 1 },
      baseline: [{ version: 2, weight: 100 }],
    },
  },
};

describe('the version that answers for one that has failed', () => {
  it.each<[string, Route, number, number]>([
    ['is the one before', two, 2, 1],
    ['is nobody where that one is unloaded', { ...two, loadedVersions: [2] }, 2, 0],
    ['is nobody where there was none', { ...two, previousVersion: 0 }, 2, 0],
    ['of a rollout’s is who has the traffic beside it', canary, 3, 2],
    ['of who has the traffic is not the one that a rollout brings in', canary, 2, 0],
    ['of one that was taken back a moment ago is who has the traffic now', { ...two, previousVersion: 0 }, 3, 2],
  ])('%s', (_, route, failed, fallback) => {
    expect(fallbackVersion(route, failed)).toBe(fallback);
  });

  it('is loaded, and never the one that has failed', () => {
    const version = fc.integer({ min: 0, max: 4 });
    const routes = fc.record({ loaded: fc.uniqueArray(version), previous: version, live: version, failed: version });
    fc.assert(
      fc.property(routes, ({ loaded, previous, live, failed }) => {
        const route = { ...two, loadedVersions: loaded, previousVersion: previous, targets: [target(live, 100)] };
        const found = fallbackVersion(route, failed);
        expect(found === 0 || (found !== failed && readyVersions(route).includes(found))).toBe(true);
      }),
      { seed: 1 },
    );
  });

  it('is asked after the platform’s faults, where time is left and one more request does no harm', () => {
    const asked = Object.entries(GRPC_STATUS).flatMap(([name, status]) => (mayFallBack(status) ? name : []));
    expect(asked).toEqual(['UNKNOWN', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS']);
    expect(Object.values(GRPC_STATUS).every((status) => !mayFallBack(status) || isFailure(status))).toBe(true);
  });
});
