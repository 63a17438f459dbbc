// What the fault suite sends: the machines of the live bench, at event times that do not depend on when a run begins,
// so that a disturbed run and an undisturbed one have the same rows, spans and windows.

import { type Reading, readingOf, projectText as sensorsProject } from '../live/sensors.js';

/** Of dataset versions and of the monitor's windows. */
export const SPAN_MS = 5_000;
export const LABEL_DELAY_MS = 2_000;
/** A sender that waits for its acknowledgements is never so late: what comes late is somebody's fault. */
export const LATENESS_MS = 5_000;

/** Event time of row 0: an hour ago, by the clock of the machine, at the beginning of a span. */
export function startOf(nowMs: number): number {
  return Math.floor((nowMs - 3_600_000) / SPAN_MS) * SPAN_MS;
}

export function projectText(name: string): string {
  const [windowS, labelDelayS, latenessS] = [SPAN_MS / 1_000, LABEL_DELAY_MS / 1_000, LATENESS_MS / 1_000];
  return sensorsProject({ windowS, labelDelayS, latenessS }, { name, judging: 'minRows: 100' });
}

export interface Input {
  readonly startMs: number;
  readonly ratePerSecond: number;
}

/** Row `row` of the input; its id says nothing of the run, so that versions of two runs can be the same. */
export function rowOf({ startMs, ratePerSecond }: Input, row: number): Reading {
  return readingOf('r', row, startMs + Math.floor((1_000 * row) / ratePerSecond));
}

export const labelKnownAtMs = ({ atMs }: Reading): number => atMs + LABEL_DELAY_MS;

/** So many rows fill whole spans. */
export function wholeSpans({ ratePerSecond }: Pick<Input, 'ratePerSecond'>, rows: number): number {
  const perSpan = (ratePerSecond * SPAN_MS) / 1_000;
  return Math.ceil(rows / perSpan) * perSpan;
}
