import { describe, expect, it } from '@jest/globals';
import { logSample } from './log-sample.js';

const ids = Array.from({ length: 20_000 }, (_, i) => `request-${i}`);

describe('logSample', () => {
  it('takes all, none, or close to its share, always the same ids', () => {
    expect(ids.every(logSample(1))).toBe(true);
    expect(ids.some(logSample(0))).toBe(false);
    const tenth = ids.filter(logSample(0.1));
    // Five standard deviations of a binomial choice.
    expect(Math.abs(tenth.length - 2_000)).toBeLessThan(5 * Math.sqrt(20_000 * 0.1 * 0.9));
    expect(ids.filter(logSample(0.1))).toEqual(tenth);
  });

  it('keeps what it took when the share grows', () => {
    const tenth = new Set(ids.filter(logSample(0.1)));
    const half = new Set(ids.filter(logSample(0.5)));
    expect([...tenth].every((id) => half.has(id))).toBe(true);
  });
});
