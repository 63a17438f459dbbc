// A metric of an evaluation as people are shown it: "AUC 0.6690".

import type { Metric } from './metric.js';
import { metricNamed } from './registry.js';

/** Digits of a metric in a sentence or a table. */
const DIGITS = 4;

export function shown(value: number): string {
  return value.toFixed(DIGITS);
}

/** What an evaluation says, also as it came over HTTP: JSON has null for NaN. */
interface Figures {
  metrics: Readonly<Record<string, number | null>>;
}

/** The metric's value, NaN where the evaluation does not have it. */
export function metricIn(evaluation: Figures | undefined, metric: Metric): number {
  return evaluation?.metrics[metric.name] ?? Number.NaN;
}

export function figure(evaluation: Figures | undefined, name: string): string {
  const metric = metricNamed(name);
  return `${metric.title} ${shown(metricIn(evaluation, metric))}`;
}
