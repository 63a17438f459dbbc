// The project's own bounds: each metric at least, or at most, what `evaluation.thresholds` says.

import { figure, metricIn } from '../figure.js';
import { metricNamed } from '../registry.js';
import type { Gate, GateResult } from './gate.js';

export const thresholds: Gate = (candidate) =>
  candidate.thresholds.flatMap(({ metric: name, min, max }) => {
    const value = metricIn(candidate.evaluation, metricNamed(name));
    const own = figure(candidate.evaluation, name);
    const results: GateResult[] = [];
    if (min !== undefined) {
      const met = value >= min;
      results.push({ met, sentence: `${own} is ${met ? 'at least' : 'below the required'} ${min}.` });
    }
    if (max !== undefined) {
      const met = value <= max;
      results.push({ met, sentence: `${own} is ${met ? 'at most' : 'above the allowed'} ${max}.` });
    }
    return results;
  });
