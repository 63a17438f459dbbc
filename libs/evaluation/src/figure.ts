// A metric of an evaluation as people are shown it: "AUC 0.6690".

import type { Metric } from './metric.js';
import { metricNamed } from './registry.js';

/** Digits of a metric in a sentence or a table. */
const DIGITS = 4;
/** Float32 scores do not tell more of a metric; what differs by less is told whole. */
const DIGITS_MAX = 9;

export function shown(value: number): string {
  return value.toFixed(DIGITS);
}

/** Two figures of one metric, with as many digits as tell them apart: "0.42301 against 0.42304", "both 0.4230". */
export function shownAgainst(value: number, other: number): string {
  if (value === other) return `both ${shown(value)}`;
  for (let digits = DIGITS; digits < DIGITS_MAX; digits++) {
    const [one, two] = [value.toFixed(digits), other.toFixed(digits)];
    if (one !== two) return `${one} against ${two}`;
  }
  return `${value} against ${other}`;
}

/** Of a figure: two engines' float32 scores of one model differ by less, and many rows would show it. */
const ROUNDING = 1e-5;

/** Of one model, as far as float32 scores tell. */
export function areAlike(value: number, other: number): boolean {
  return Math.abs(value - other) <= ROUNDING * Math.max(Math.abs(value), Math.abs(other));
}

/** A difference with its sign, as in "+0.0120"; what four digits do not show, with two that count. */
export function signed(value: number): string {
  const size = Math.abs(value);
  const isSmall = size > 0 && size < 10 ** (1 - DIGITS);
  return `${value < 0 ? '−' : '+'}${isSmall ? size.toPrecision(2) : shown(size)}`;
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
