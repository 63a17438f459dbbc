// All metrics of a task on labelled rows, or on counts that a stream has added up: one evaluation either way.

import type { TaskKind } from '@millrace/domain';
import { intervalOf } from './comparisons/bootstrap.js';
import { type ByChance, byChance } from './comparisons/by-chance.js';
import type { Evaluation, EventTimeSpan } from './evaluation.js';
import { exactly, type Interval, type MergedForms, type Metric } from './metric.js';
import { auc } from './metrics/auc.js';
import { metricsOf } from './registry.js';
import type { ScoreQuality } from './score-quality.js';
import { rowsOf, type ScoredRows } from './scored-rows.js';

const UNKNOWN_SPAN: EventTimeSpan = { eventTimeFromMs: 0, eventTimeToMs: 0 };
const CONFIDENCE = 0.95;

function byName<V>(metrics: readonly Metric[], of: (metric: Metric) => V): Record<string, V> {
  return Object.fromEntries(metrics.map((metric) => [metric.name, of(metric)]));
}

export function evaluate(task: TaskKind, scored: ScoredRows, span: EventTimeSpan = UNKNOWN_SPAN): Evaluation {
  const rows = rowsOf(scored);
  let positives = 0;
  let scores = 0;
  for (let i = 0; i < rows; i++) {
    if (scored.labels[i] === 1) positives++;
    scores += scored.scores[i] as number;
  }
  return {
    rows,
    metrics: byName(metricsOf(task), (metric) => exactly(metric, scored)),
    positiveShare: positives / rows,
    meanScore: scores / rows,
    ...span,
  };
}

/** 95 % interval of each metric of the task. */
export function intervalsOf(task: TaskKind, scored: ScoredRows): Record<string, Interval> {
  return byName(metricsOf(task), (metric) => intervalOf(metric, scored, CONFIDENCE));
}

/** What the scores' order is worth; undefined for a task whose scores put nothing in order. */
export function chanceOf(task: TaskKind, scored: ScoredRows): ByChance | undefined {
  return auc.tasks.includes(task) ? byChance(scored) : undefined;
}

/** From the mergeable counts of a binary task; metrics without a mergeable form are left out. */
export function evaluateMerged(quality: ScoreQuality, span: EventTimeSpan = UNKNOWN_SPAN): Evaluation {
  const mergeable = metricsOf('binary').filter((metric) => metric.merged.binary !== undefined);
  return {
    rows: quality.rows,
    metrics: byName(mergeable, (metric) => (metric.merged.binary as MergedForms['binary'])(quality).value),
    positiveShare: quality.mean(quality.positives),
    meanScore: quality.mean(quality.probabilitySum),
    ...span,
  };
}
