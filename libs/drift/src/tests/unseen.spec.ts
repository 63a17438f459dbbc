import { expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { categoricalSample } from '../../test/counts.js';
import { unseenDetector } from './unseen.js';

const measured = (reference: readonly (string | null)[], window: readonly (string | null)[]) =>
  unseenDetector.measure(categoricalSample(reference, window), { unseenShare: 0.02 });
const times = (count: number, value: string) => Array.from({ length: count }, () => value);

it('is the share of values that the reference does not name', () => {
  const reference = [...times(5_000, 'a'), ...times(5_000, 'b')];
  const result = measured(reference, [...times(480, 'a'), ...times(20, 'new'), null])!;
  expect(result.statistic).toBe(20 / 500);
  expect(result.pValue).toBeLessThan(1e-12);
  expect(measured(reference, times(500, 'b'))).toEqual({ statistic: 0, pValue: 1 });
});

it('says nothing of a window without any value', () => {
  expect(measured(['a'], [null, null])).toBeNull();
  expect(measured(['a'], [])).toBeNull();
  expect(measured([], ['a'])?.statistic).toBe(1);
});

it('does not take new values of an open vocabulary for drift', () => {
  // Names with a long tail: about a twentieth of the values of an unchanged window was never seen.
  const rng = seededRng(3);
  const names = (count: number) => Array.from({ length: count }, () => `n${Math.floor(900 * rng.next() ** 4)}`);
  const rare = (count: number) => Array.from({ length: count }, () => `r${rng.below(1e9)}`);
  const stream = (count: number) => [...names(count - count / 20), ...rare(count / 20)];
  const reference = stream(2_000);
  let rang = 0;
  for (let i = 0; i < 100; i++) {
    const { statistic, pValue } = measured(reference, stream(600))!;
    expect(statistic).toBeGreaterThan(0.02);
    if (pValue < 0.001) rang += 1;
  }
  expect(rang).toBe(0);
  const twice = [...names(540), ...rare(120)];
  expect(measured(reference, twice)!.pValue).toBeLessThan(0.001);
});
