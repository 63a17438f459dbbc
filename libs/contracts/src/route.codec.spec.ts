import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { emptyRoute } from '@millrace/routing';
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
