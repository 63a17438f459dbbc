// A closed window's row as it came out of a saved file, made whole: JSON has null where a number does not exist. Done
// once, at restoring; nobody else knows of it.

import type { WindowMetrics } from '@millrace/contracts';
import type { Evaluation } from '@millrace/evaluation';

export function revivedRow(row: WindowMetrics): WindowMetrics {
  return {
    ...row,
    tests: row.tests.map(withNumbers),
    quality: row.quality === undefined ? undefined : revivedQuality(row.quality),
    software: row.software === undefined ? undefined : withNumbers(row.software),
  };
}

function revivedQuality(saved: Evaluation): Evaluation {
  return { ...withNumbers(saved), metrics: withNumbers(saved.metrics) };
}

function withNumbers<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).map(([key, x]) => [key, x === null ? Number.NaN : x])) as T;
}
