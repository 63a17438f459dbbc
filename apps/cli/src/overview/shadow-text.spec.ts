import { describe, expect, it } from '@jest/globals';
import { describeShadows } from './shadow-text.js';

const latency = { requests: 0, p50Ms: null, p99Ms: null };
const version = {
  project: 'p',
  version: 2,
  requests: 120,
  failures: 3,
  byStatus: {},
  latency: { sinceStart: latency, lastMinute: latency },
};
const pair = { project: 'p', live: 1, shadow: 2, requests: 117, uncompared: 0, disagreeing: 5, notFinite: 0 };
const traffic = {
  dropped: { busy: 0, in_flight: 4, bytes: 1 },
  versions: [version],
  pairs: [{ ...pair, rows: 117, disagreement: 5 / 117, meanDifference: 0.01234567 }],
};

describe('copies to shadows in words', () => {
  it('says how many there were, how many failed, how far the answers lie apart, and what was not sent', () => {
    expect(describeShadows({ shadows: [2] }, traffic)).toEqual([
      'shadow 2: 120 copies, 3 failed',
      '  beside version 1: 117 rows, 4.27 % decided differently, mean difference 0.0123',
      '5 copies were not sent: too much to do',
    ]);
  });

  it('says nothing without shadows, and that there is no answer yet', () => {
    expect(describeShadows({ shadows: [] }, traffic)).toEqual([]);
    const none = { dropped: { busy: 0, in_flight: 0, bytes: 0 }, versions: [], pairs: [] };
    expect(describeShadows({ shadows: [3] }, none)).toEqual(['shadow 3: no copy answered yet']);
  });

  it('leaves out what cannot be said', () => {
    const unlike = { ...traffic, pairs: [{ ...pair, rows: 0, disagreement: null, meanDifference: null }] };
    expect(describeShadows({ shadows: [2] }, unlike)[1]).toBe('  beside version 1: 0 rows');
  });
});
