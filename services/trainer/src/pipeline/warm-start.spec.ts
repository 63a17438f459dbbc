import { describe, expect, it } from '@jest/globals';
import { type FeaturePlan, type FittedPlan, fitPlan } from '@millrace/features';
import { buildNetwork, type NetworkSpec } from '@millrace/models';
import { continuedPlan, reasonToStartCold } from './warm-start.js';

const LOGISTIC: NetworkSpec = { kind: 'logistic', hidden: [], activation: 'relu' };
const PRICES: FeaturePlan = {
  inputs: [
    { name: 'price', type: 'number' },
    { name: 'load', type: 'number' },
  ],
  features: [
    { kind: 'numeric', input: 'price', scaling: 'standard', missing: 'mean', clamp: true },
    { kind: 'numeric', input: 'load', scaling: 'min_max', missing: 'mean', clamp: true },
  ],
};
const loads = [1, 2, 3, 4, 5, 6];
const fitted = (price: readonly number[]) => fitPlan(PRICES, { price, load: loads }).plan;
const parentOf = (plan: FittedPlan) => ({ plan, network: buildNetwork(plan, LOGISTIC) });
const cold = (before: readonly number[], now: readonly number[]) =>
  reasonToStartCold(parentOf(fitted(before)), fitted(now), LOGISTIC, { price: now, load: loads });

describe('a warm start', () => {
  const before = [10, 11, 12, 13, 14, 15];

  it('holds through ordinary drift', () => {
    expect(cold(before, before)).toBeUndefined();
    expect(
      cold(
        before,
        before.map((x) => 1.6 * x + 2),
      ),
    ).toBeUndefined();
  });

  it.each([
    ['a unit that changed', before.map((x) => 1_000 * x)],
    ['values far away', before.map((x) => x + 200)],
  ])('gives way to %s', (_what, now) => {
    expect(cold(before, now)).toBe('its scale of feature "price" (1.71 around 12.5) does not fit these rows');
  });

  it('goes on where a feature stands still for once', () => {
    expect(
      cold(
        before,
        before.map(() => 12),
      ),
    ).toBeUndefined();
    expect(
      cold(
        before,
        before.map((x) => 12 + x / 1_000),
      ),
    ).toBeUndefined();
    const parent = fitted(before);
    expect(continuedPlan(parent, fitted(before.map(() => 12)))).toEqual(parent);
  });

  it('gives way where a feature that was constant moves', () => {
    expect(
      cold(
        before.map(() => 12),
        before,
      ),
    ).toBe('feature "price" was the same in all its rows and is not any more');
  });

  it('does not inherit a scale of release 0.1 that was fitted to rounding', () => {
    const plan = fitted(before);
    const [price, load] = plan.steps;
    const broken = { ...plan, steps: [{ ...price, offset: 0.003467, scale: 2.8e15 }, load] } as FittedPlan;
    for (const now of [before, before.map(() => 0.003467)])
      expect(reasonToStartCold(parentOf(broken), plan, LOGISTIC, { price: now, load: loads })).toMatch(
        /^its scale of feature "price" \(3.57e-16 around 0.00347\) does not fit/,
      );
  });

  it('gives way where the network has changed', () => {
    const plan = fitted(before);
    const deep: NetworkSpec = { kind: 'mlp', hidden: [4], activation: 'relu' };
    expect(reasonToStartCold(parentOf(plan), plan, deep, { price: before, load: loads })).toMatch(
      /have changed since$/,
    );
  });

  it('keeps the numbers of the parent, and clamps to what either has seen', () => {
    const [parent, now] = [fitted(before), fitted([8, 9, 10, 11, 12, 13])];
    expect(continuedPlan(parent, now)).toEqual({
      ...parent,
      steps: [{ ...parent.steps[0], clamp: { min: 8, max: 15 } }, parent.steps[1]],
    });
    // A parent of release 0.1 has no range; a project that does not want one gets none.
    const unclamped = (plan: FittedPlan): FittedPlan => ({
      ...plan,
      steps: plan.steps.map((step) => {
        const { clamp: _, ...rest } = step as Extract<typeof step, { kind: 'numeric' }>;
        return rest;
      }),
    });
    expect(continuedPlan(unclamped(parent), now).steps[0]).toEqual({
      ...parent.steps[0],
      clamp: { min: 8, max: 13 },
    });
    expect(continuedPlan(parent, unclamped(now))).toEqual(unclamped(parent));
  });
});
