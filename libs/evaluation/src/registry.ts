// Every metric, in the order in which reports list them. Adding one: docs/adding-a-metric.md.

import { PlatformError, type TaskKind } from '@millrace/domain';
import type { Metric } from './metric.js';
import { accuracy } from './metrics/accuracy.js';
import { auc } from './metrics/auc.js';
import { brier } from './metrics/brier.js';
import { calibration } from './metrics/calibration.js';
import { logLoss } from './metrics/log-loss.js';

export const METRICS: readonly Metric[] = [auc, logLoss, accuracy, brier, calibration];

export function metricsOf(task: TaskKind): readonly Metric[] {
  return METRICS.filter((metric) => metric.tasks.includes(task));
}

/** @throws PlatformError 'invalid_argument' for a name that no metric has */
export function metricNamed(name: string): Metric {
  const found = METRICS.find((metric) => metric.name === name);
  if (found === undefined)
    throw new PlatformError(
      'invalid_argument',
      `no metric "${name}"; there are ${METRICS.map((m) => m.name).join(', ')}`,
    );
  return found;
}
