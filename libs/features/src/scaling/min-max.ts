// (x - min) / (max - min) of the training values; live values may lie outside [0, 1].

import { rangeOf, type Scaling, scaleOf } from './scaling.js';

export const minMax: Scaling = {
  name: 'min_max',
  description: '0 at the smallest and 1 at the largest value of training',
  fit(values) {
    if (values.length === 0) return { offset: 0, scale: 1 };
    const { min, max } = rangeOf(values);
    return { offset: min, scale: scaleOf(max - min) };
  },
};
