import { create, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { emptyRoute, isOfLaterRelease } from '@millrace/routing';
import { RouteSchema } from './gen/millrace/route/v1/route_pb.js';
import { decodeRoute, encodeRoute } from './route.codec.js';

const bytes = (target: { version?: number; weight?: number; name?: string }) =>
  toBinary(RouteSchema, create(RouteSchema, { project: 'p', revision: 1n, targets: [target] }));

describe('codec of routes', () => {
  it.each([
    ['no version', { weight: 100, name: 'blue' }, 'without version'],
    ['no name', { version: 1, weight: 100 }, 'without name'],
    ['a name that is none', { version: 1, weight: 100, name: 'Blue Moon' }, 'target name "Blue Moon"'],
    ['a weight above 100', { version: 1, weight: 101, name: 'blue' }, 'outside 0..100'],
    ['a weight below 0', { version: 1, weight: -1, name: 'blue' }, 'outside 0..100'],
  ])('a target with %s is corrupt', (_, target, words) => {
    expect(() => decodeRoute(bytes(target))).toThrow(new RegExp(`\\[corrupt\\].*${words}`));
  });

  it('takes any name that may travel, and a route without a rollout for idle', () => {
    const route = decodeRoute(bytes({ version: 3, weight: 100, name: 'canary' }));
    const targets = [{ version: 3, weight: 100, name: 'canary' }];
    expect(route).toEqual({ ...emptyRoute('p'), revision: 1, targets });
  });

  it('carries shadows and their share, and refuses those that cannot be', () => {
    const route = { ...emptyRoute('p'), revision: 1, shadows: [2, 5], shadowShare: 25 };
    expect(decodeRoute(encodeRoute(route))).toEqual(route);
    expect(() => decodeRoute(encodeRoute({ ...route, shadowShare: 101 }))).toThrow(/corrupt.*2 shadows of 101 %/);
    expect(() => decodeRoute(encodeRoute({ ...route, shadowShare: 0 }))).toThrow('2 shadows of 0 %');
    expect(() => decodeRoute(encodeRoute({ ...route, shadows: [2, 3, 4] }))).toThrow('3 shadows');
  });

  it.each([
    ['a step beyond the plan', { at: 1 }, 'at step 1 of 1'],
    ['no plan', { plan: [] }, 'at step 0 of 0'],
    ['more steps than there may be', { plan: Array.from({ length: 21 }, () => ({ weight: 5 })) }, 'with 21 steps'],
    ['a weight above 100', { plan: [{ weight: 101 }] }, 'weight 101 of a step is outside'],
    ['shares that do not add up', { baseline: [{ version: 1, weight: 99 }] }, 'add up to 99, not 100'],
    ['no salt', { salt: 0 }, 'without salt'],
    ['a step of nothing', { plan: [{ weight: 0 }] }, 'neither weight nor copies'],
    ['copies of more than all requests', { plan: [{ weight: 0, copies: 101 }] }, '101 % copies'],
    ['copies of no request', { plan: [{ weight: 100, copies: 0 }] }, '0 % copies'],
  ])('a rollout in steps with %s is corrupt', (_, part, words) => {
    const steps = { plan: [{ weight: 5 }], at: 0, salt: 7, baseline: [{ version: 1, weight: 100 }], ...part };
    const rollout = { phase: 'progressing', version: 2, steps };
    const inSteps = toBinary(RouteSchema, create(RouteSchema, { project: 'p', revision: 1n, rollout }));
    expect(() => decodeRoute(inSteps)).toThrow(new RegExp(`\\[corrupt\\].*${words}`));
  });

  describe('of a later release', () => {
    /** Field 99, a number. */
    const UNKNOWN = [{ no: 99, wireType: 0, data: Uint8Array.of(7) }];
    const steps = {
      ...{ plan: [{ weight: 5 }], at: 0, salt: 7, fromRevision: 1n, baseline: [{ version: 1, weight: 100 }] },
      ...{ pause: { reason: 'a look' }, bandit: { floor: 5, everyMs: 9n, confidence: 0.9 } },
    };
    const slots = (from: number) => Array.from({ length: 50 }, (_, i) => from + i);
    const whole = () =>
      create(RouteSchema, {
        ...{ project: 'p', revision: 5n, targets: [{ version: 1, weight: 100, name: 'blue' }] },
        rollout: { phase: 'progressing', version: 2, steps },
        experiment: {
          ...{ name: 'e', salt: 1, control: 1, share: 100, fromRevision: 2n, end: { reason: 'its time is over' } },
          arms: [0, 50].map((from) => ({ version: 1 + from, weight: 50, slots: slots(from) })),
        },
      });
    type Whole = ReturnType<typeof whole>;
    type Part = Pick<Message, '$unknown'> | undefined;
    const parts: [string, (route: Whole) => Part][] = [
      ['the route', (route) => route],
      ['a target', (route) => route.targets[0]],
      ['the rollout', (route) => route.rollout],
      ['its steps', (route) => route.rollout?.steps],
      ['a planned step', (route) => route.rollout?.steps?.plan[0]],
      ['the shares before', (route) => route.rollout?.steps?.baseline[0]],
      ['a pause', (route) => route.rollout?.steps?.pause],
      ['the bandit', (route) => route.rollout?.steps?.bandit],
      ['the experiment', (route) => route.experiment],
      ['an arm', (route) => route.experiment?.arms[1]],
      ['its end', (route) => route.experiment?.end],
    ];

    it.each(parts)('lost what an older router does not know when that wrote it again: in %s', (_, part) => {
      const newer = whole();
      (part(newer) as NonNullable<Part>).$unknown = UNKNOWN;
      const read = decodeRoute(toBinary(RouteSchema, newer));
      expect([isOfLaterRelease(read), isOfLaterRelease(decodeRoute(toBinary(RouteSchema, whole())))]).toEqual([
        true,
        false,
      ]);
      const written = fromBinary(RouteSchema, encodeRoute({ ...read, reason: 'changed' }));
      expect(part(written)?.$unknown).toEqual(UNKNOWN);
      // As the copy on disk has it.
      const copied = fromBinary(RouteSchema, encodeRoute(JSON.parse(JSON.stringify(read))));
      expect(part(copied)?.$unknown).toEqual(UNKNOWN);
    });

    it.each<[string, (route: Whole) => void]>([
      ['a phase', (route) => Object.assign(route.rollout ?? {}, { phase: 'warming_up' })],
      [
        'a step of nothing that is known',
        (route) => {
          Object.assign(route.rollout?.steps?.plan[0] ?? {}, { weight: 0, $unknown: UNKNOWN });
        },
      ],
    ])('that cannot be read, for %s, is told from garbage', (_, change) => {
      const newer = whole();
      change(newer);
      const bytes = toBinary(RouteSchema, newer);
      expect(() => decodeRoute(bytes)).toThrow(
        expect.objectContaining({ code: 'corrupt', facts: expect.objectContaining({ laterRevision: 5 }) }),
      );
      expect(() => decodeRoute(bytes.slice(0, -1))).toThrow(
        expect.objectContaining({ facts: expect.not.objectContaining({ laterRevision: 5 }) }),
      );
    });
  });

  const arm = (version: number, from: number, to: number, weight = to - from) => {
    return { version, weight, slots: Array.from({ length: to - from }, (_, i) => from + i), isReady: true };
  };
  const experiment = { name: 'prices', salt: 7, control: 3, share: 50, fromRevision: 1n };
  it.each([
    ['one arm', { arms: [arm(3, 0, 100)] }, 'experiment of 1 arms'],
    ['a control that is none of them', { control: 9 }, 'control arm 9 is none'],
    ['a slot that nobody owns', { arms: [arm(3, 0, 50), arm(4, 50, 99)] }, 'own each of 100 slots'],
    ['a slot of two arms', { arms: [arm(3, 0, 51), arm(4, 50, 100)] }, 'own each of 100 slots'],
    ['other weights than slots', { arms: [arm(3, 0, 50), arm(4, 50, 100, 40)] }, 'own each of 100 slots'],
    ['arms that do not ascend', { arms: [arm(4, 0, 50), arm(3, 50, 100)] }, 'do not ascend'],
    ['a name that is none', { name: 'Prices!' }, 'experiment name "Prices!"'],
    ['more than all traffic', { share: 101 }, '101 % of the traffic'],
    ['no salt', { salt: 0 }, 'without salt'],
  ])('an experiment with %s is corrupt', (_, part, words) => {
    const init = { ...experiment, arms: [arm(3, 0, 50), arm(4, 50, 100)], ...part };
    const bytes = toBinary(RouteSchema, create(RouteSchema, { project: 'p', revision: 1n, experiment: init }));
    expect(() => decodeRoute(bytes)).toThrow(new RegExp(`\\[corrupt\\].*${words}`));
  });
});
