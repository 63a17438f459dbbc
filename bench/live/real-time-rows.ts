// The rows of the live bench that run in real time, as long as they say; and slices of this bench and of the intake's
// that every run of the tests affords.

import { driftLatency, type LiveRun, steady, steadyAndShifted } from './real-time.js';
import type { LiveRow } from './row.js';
import { SEED } from './sensors.js';
import { serviceSlices } from './service-slices.js';

const MINUTE = { windowS: 60, latenessS: 5, ratePerSecond: 1_000, timed: true };
/** Labels are late by several spans, as in long-delay. */
const SLICE = { windowS: 3, latenessS: 2, labelDelayS: 12, ratePerSecond: 150, timed: false };

function row(name: string, says: string, run: LiveRun, measure: typeof steady): LiveRow {
  return { name, says, seed: SEED, measure: (bench) => measure(bench, run, says) };
}

/** Minutes each: run by name. */
export const REAL_TIME: readonly LiveRow[] = [
  row('steady', '15 min, labels 3 min late', { ...MINUTE, labelDelayS: 180, seconds: 900 }, steady),
  row('long-delay', '25 min, labels 10 min late', { ...MINUTE, labelDelayS: 600, seconds: 1_500 }, steady),
  row('drift', 'windows of 1 min', { ...MINUTE, labelDelayS: 180, seconds: 0 }, driftLatency),
];

export const SLICES: readonly LiveRow[] = [
  row('slice-live', 'windows of 3 s, labels 12 s late', { ...SLICE, seconds: 12 }, steadyAndShifted),
  serviceSlices,
];
