// (x - mean) / deviation.

import { moments, type Scaling, scaleOf } from './scaling.js';

export const standard: Scaling = {
  name: 'standard',
  description: 'mean 0 and deviation 1',
  fit(values) {
    const { mean, deviation } = moments(values);
    return { offset: mean, scale: scaleOf(deviation) };
  },
};
