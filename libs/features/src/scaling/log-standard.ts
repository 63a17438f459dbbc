// Standard scaling of sign(x) ln(1 + |x|): defined for every finite x, and the usual log for counts and distances.

import { moments, type Scaling, scaleOf } from './scaling.js';

function signedLog(x: number): number {
  return x < 0 ? -Math.log1p(-x) : Math.log1p(x);
}

export const logStandard: Scaling = {
  name: 'log_standard',
  description: 'mean 0 and deviation 1 of sign(x) ln(1 + |x|)',
  map: signedLog,
  fit(values) {
    const { mean, deviation } = moments(values.map(signedLog));
    return { offset: mean, scale: scaleOf(deviation) };
  },
};
