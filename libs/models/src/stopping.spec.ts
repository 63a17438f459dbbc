import { describe, expect, it } from '@jest/globals';
import { isClearlyBetter, lookAt, startStopping } from './stopping.js';

describe('stopping', () => {
  const rule = { patience: 2, finalRateShare: 0.1 };

  it('lowers the rate where nothing gets better, down to its last, and stops', () => {
    const state = startStopping(1);
    const steps = [0.9, 0.95, 0.89, 0.9, 0.9, 0.88, 0.9, 0.89, 0.9, 0.9].map((loss) => lookAt(state, rule, loss));
    expect(steps).toEqual([
      ...['better', 'wait', 'better', 'wait', 'lower', 'better', 'wait', 'lower', 'wait', 'stop'],
    ]);
    expect(state).toMatchObject({ best: 0.88, rateShare: expect.closeTo(0.1, 6) });
  });

  it('goes on from its state as JSON', () => {
    const [one, two] = [startStopping(Number.POSITIVE_INFINITY), startStopping(Number.POSITIVE_INFINITY)];
    const copied = JSON.parse(JSON.stringify(two));
    for (const loss of [3, 4, 2, 5, 6, Number.NaN]) expect(lookAt(copied, rule, loss)).toBe(lookAt(one, rule, loss));
    expect(copied).toEqual(one);
  });

  it('calls better what chance does not explain', () => {
    const before = Float64Array.from({ length: 100 }, (_, i) => 0.5 + 0.1 * (i % 2));
    expect(isClearlyBetter(before, before)).toBe(false);
    expect(
      isClearlyBetter(
        before,
        before.map((loss) => loss - 0.01),
      ),
    ).toBe(true);
    expect(
      isClearlyBetter(
        before,
        before.map((loss, i) => loss + (i % 2 === 0 ? 0.5 : -0.5)),
      ),
    ).toBe(false);
    expect(isClearlyBetter([1], [0])).toBe(false);
  });
});
