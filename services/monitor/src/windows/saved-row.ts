// A closed window's row as it came out of a saved file, made whole: JSON has null where a number does not exist, and releases
// up to 0.1 kept the figures of quality beside its rows instead of by name. Done once, at restoring; nobody else knows of it.

import type { WindowMetrics } from '@millrace/contracts';
import type { Evaluation } from '@millrace/evaluation';

interface EarlierQuality {
  rows: number;
  auc: number;
  logLoss: number;
  accuracy: number;
  positiveShare: number;
  meanProbability: number;
}

export function revivedRow(row: WindowMetrics): WindowMetrics {
  return {
    ...row,
    tests: row.tests.map(withNumbers),
    quality: row.quality === undefined ? undefined : revivedQuality(row.quality, row),
    software: row.software === undefined ? undefined : withNumbers(row.software),
  };
}

function revivedQuality(saved: Evaluation | EarlierQuality, row: WindowMetrics): Evaluation {
  if ('metrics' in saved) return { ...withNumbers(saved), metrics: withNumbers(saved.metrics) };
  const { rows, auc, logLoss, accuracy, positiveShare, meanProbability } = withNumbers(saved);
  return {
    rows,
    metrics: { auc, log_loss: logLoss, accuracy },
    positiveShare,
    meanScore: meanProbability,
    eventTimeFromMs: row.windowStartMs,
    eventTimeToMs: row.windowEndMs,
  };
}

function withNumbers<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).map(([key, x]) => [key, x === null ? Number.NaN : x])) as T;
}
