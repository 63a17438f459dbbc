// The 99th percentile of the latency of a window's answers: a bound that the operator sets, no test against a
// reference. A training beside it lengthens it as well as a slow version does. NaN for a window without answers. Cost
// O(1); the percentile itself is at most 1.6 % too high (LatencyHistogram).

import { BY_DISTANCE, type Detector } from '../detector.js';

export const p99MsDetector: Detector<'software', 'p99Ms'> = {
  name: 'p99_ms',
  title: 'Latency, 99th percentile',
  subjects: ['software'],
  options: {
    p99Ms: {
      default: 100,
      minimum: 0.001,
      maximum: 600_000,
      unit: 'ms',
      description: '99th percentile of latency in milliseconds.',
      reason:
        'what a person takes for an answer at once (Nielsen 1993); the reference machine has 12 to 23 ms at 1,000/s',
    },
  },
  threshold: 'p99Ms',
  rule: BY_DISTANCE,
  blamesVersion: false,
  formula: 'the 99th percentile of the latency of answers in the window',
  paper: '',
  measure: ({ p99Ms }) => ({ statistic: p99Ms, pValue: Number.NaN }),
};
