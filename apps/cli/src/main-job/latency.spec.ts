import { describe, expect, it } from '@jest/globals';
import { Latencies } from './latency.js';

describe('Latencies', () => {
  it('gives nearest-rank quantiles', () => {
    const latencies = new Latencies();
    for (let i = 2_000; i >= 1; i--) latencies.add(i);
    expect(latencies.summary()).toEqual({ count: 2_000, p50: 1_000, p90: 1_800, p99: 1_980, p999: 1_998, max: 2_000 });
  });

  it('is zero when empty', () => {
    expect(new Latencies().summary()).toMatchObject({ count: 0, p50: 0, p99: 0, max: 0 });
  });
});
