// Whatever stands on routes.v1 or in the file of the last known state: it is refused as a whole, or it is a route by
// which every request has its version. Nothing else comes of it.

import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { decodeRoute, encodeRoute } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { emptyRoute, type Route } from '@millrace/routing';
import fc from 'fast-check';
import { RouteTable } from '../routing/route-table.js';
import { SnapshotFile } from './snapshot.fs.js';

const SEED = 20_261_130;
const RUNS = 5_000;

/** A canary's route in its second step, with a copy and everything else that may stand in one. */
const ROUTE: Route = {
  ...emptyRoute('p'),
  revision: 7,
  targets: [
    { version: 1, weight: 80, name: 'stable' },
    { version: 2, weight: 20, name: 'canary' },
  ],
  shadows: [3],
  shadowShare: 10,
  loadedVersions: [1, 2, 3],
  previousVersion: 1,
  rollout: {
    phase: 'progressing',
    version: 2,
    message: '',
    steps: {
      ...{ plan: [{ weight: 5, forMs: 1_000 }, { weight: 20, forMs: 1_000 }, { weight: 50 }], at: 1 },
      ...{ sinceMs: 5_000, dueMs: 6_000, fromRevision: 6, salt: 77, baseline: [{ version: 1, weight: 100 }] },
      pause: { sinceMs: 5_500, reason: 'a look', by: 'ada' },
    },
  },
  changedAtMs: 5_000,
  reason: 'a canary',
  correlationId: 'c1',
  recentCommandIds: ['a', 'b'],
};

const anyBytes = fc.uint8Array({ maxLength: 300 });
/** Of a route: some bytes changed, cut, inserted or said twice. */
const mutated = fc
  .array(fc.record({ does: fc.constantFrom('set', 'cut', 'insert', 'repeat'), at: fc.nat(200), value: fc.nat(255) }), {
    minLength: 1,
    maxLength: 6,
  })
  .map((changes) => {
    let bytes = [...encodeRoute(ROUTE)];
    for (const { does, at, value } of changes) {
      const place = bytes.length === 0 ? 0 : at % bytes.length;
      if (does === 'set') bytes[place] = value;
      else if (does === 'insert') bytes.splice(place, 0, value);
      else if (does === 'cut') bytes = bytes.slice(0, place);
      else bytes = [...bytes, ...bytes.slice(place)];
    }
    return Uint8Array.from(bytes);
  });

/** What a router does with one that was read: undefined where it was refused. */
function taken(bytes: Uint8Array): Route | undefined {
  let route: Route;
  try {
    route = decodeRoute(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(PlatformError);
    expect((error as PlatformError).code).toBe('corrupt');
    return undefined;
  }
  return route;
}

function expectUsable(route: Route): void {
  const table = new RouteTable();
  expect(table.apply(route)).toBe(true);
  const versions = route.targets.map(({ version }) => version);
  for (let i = 0; i < 20; i++) {
    const choice = table.choose(route.project, `e${i}`, `r${i}`, 0);
    if (versions.length > 0) expect(versions).toContain(choice.kind === 'chosen' ? choice.live : choice.kind);
    else expect(choice.kind).toBe('not_loaded');
  }
}

async function snapshotOf(content: string | Uint8Array) {
  const errors: unknown[] = [];
  const path = join(await mkdtemp(join(tmpdir(), 'millrace-snapshot-')), 'routes.json');
  await writeFile(path, content);
  const read = await new SnapshotFile(
    path,
    () => ({ routes: [], switches: [], sticky: {} }),
    (error) => errors.push(error),
  ).read();
  return { read, errors };
}

describe('documents of routes', () => {
  it('of any bytes are refused as corrupt, or give every request a version', () => {
    let routes = 0;
    const property = fc.property(fc.oneof(anyBytes, { arbitrary: mutated, weight: 4 }), (bytes) => {
      const route = taken(bytes);
      if (route === undefined) return;
      routes += 1;
      expectUsable(route);
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS });
    // Many a mutation is still a route: the property says something of both.
    expect(routes).toBeGreaterThan(RUNS / 50);
    expect(routes).toBeLessThan(RUNS);
  });

  it.each<[string, Route['targets']]>([
    [
      'more than all',
      [
        { version: 1, weight: 80, name: 'a' },
        { version: 2, weight: 80, name: 'b' },
      ],
    ],
    ['less than all', [{ version: 1, weight: 40, name: 'a' }]],
    [
      'a version twice',
      [
        { version: 1, weight: 50, name: 'a' },
        { version: 1, weight: 50, name: 'b' },
      ],
    ],
    [
      'a name twice',
      [
        { version: 1, weight: 50, name: 'a' },
        { version: 2, weight: 50, name: 'a' },
      ],
    ],
  ])('whose shares are %s are refused, with the shares', (_, targets) => {
    expect(() => decodeRoute(encodeRoute({ ...ROUTE, targets }))).toThrow(/\[corrupt\].*shares are no whole: a 1:/);
  });

  it('of a later release lost what is not known yet when they were written again', () => {
    const later = Uint8Array.from([...encodeRoute(ROUTE), 0xa2, 0x1f, 3, 1, 2, 3, 0xa8, 0x1f, 9]);
    const { unread, ...known } = decodeRoute(later);
    expect(known).toEqual(decodeRoute(encodeRoute(ROUTE)));
    expect(unread).toBeDefined();
    expect(encodeRoute(decodeRoute(later))).toEqual(later);
  });
});

describe('the last known state on disk', () => {
  const whole = { format: 2, routes: [ROUTE], switches: [], sticky: { p: false }, matches: {}, upstreams: [] };

  it('comes back as it was written', async () => {
    const switches = [
      {
        ...{ atMs: 1, fromVersion: 0, toVersion: 1, reason: 'r', correlationId: 'c', revision: 1 },
        ...{ effectiveMs: 3.5, failed: 0 },
      },
    ];
    const matches = { p: [{ header: 'x-team', equals: 'a', version: 2 }] };
    const told = { ...whole, switches: [{ project: 'p', entries: switches }], matches };
    const { read, errors } = await snapshotOf(JSON.stringify(told));
    expect(errors).toEqual([]);
    expect(read).toEqual({ ...told, format: undefined, routes: [decodeRoute(encodeRoute(ROUTE))] });
  });

  it('a route, a switch or a rule that is none is told and left out, and the others are served from', async () => {
    const broken = {
      ...whole,
      routes: [null, 7, { project: 'q' }, { ...ROUTE, project: 'r', targets: [{ version: 1 }] }, ROUTE],
      switches: [{ project: 'p', entries: [null] }],
      sticky: { p: 'often' },
      matches: { p: [{ equals: 'x' }] },
      upstreams: [{ project: 'p', version: 1 }],
    };
    const { read, errors } = await snapshotOf(JSON.stringify(broken));
    expect(read).toMatchObject({ routes: [{ project: 'p', revision: 7 }], switches: [], sticky: {}, matches: {} });
    expect(errors.map(String)).toHaveLength(8);
    expect(String(errors[0])).toContain('route 0 of the snapshot is none');
  });

  it('of any JSON or bytes gives routes that are some, and never throws', async () => {
    const anyJson = fc.oneof(
      fc.json(),
      fc
        .record({
          routes: fc.array(fc.jsonValue()),
          switches: fc.jsonValue(),
          sticky: fc.jsonValue(),
          matches: fc.jsonValue(),
        })
        .map((parts) => JSON.stringify({ format: 2, ...parts })),
      fc
        .tuple(fc.constantFrom(...Object.keys(ROUTE)), fc.jsonValue())
        .map(([key, value]) => JSON.stringify({ ...whole, routes: [{ ...ROUTE, [key]: value }] })),
      fc.nat(600).map((length) => JSON.stringify(whole).slice(0, length)),
    );
    const property = fc.asyncProperty(fc.oneof(anyJson, anyBytes), async (content) => {
      const { read, errors } = await snapshotOf(content);
      if (read === null) expect(errors).not.toEqual([]);
      for (const route of read?.routes ?? []) expectUsable(route);
    });
    await fc.assert(property, { seed: SEED, numRuns: 400 });
  });
});
