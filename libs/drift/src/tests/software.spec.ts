import { expect, it } from '@jest/globals';
import { errorShareDetector } from './error-share.js';
import { p99MsDetector } from './p99-ms.js';

it('compares failures and latency with the bounds of the operator, by no p-value', () => {
  const sample = { subject: 'software', errorShare: 0.02, p99Ms: 140 } as const;
  expect(errorShareDetector.measure(sample, { errorShare: 0.01 })).toEqual({ statistic: 0.02, pValue: Number.NaN });
  expect(p99MsDetector.measure(sample, { p99Ms: 100 })).toEqual({ statistic: 140, pValue: Number.NaN });
});
