// Two versions on the same recorded rows: what each would have scored, by every metric of the project's task, and the
// difference with its interval. Live traffic is not touched. Rows that one of them may have learned from are left out
// where event times tell, unless they are asked for: it would look better than it is.

import { PlatformError } from '@millrace/domain';
import {
  aboutText,
  differenceOf,
  evaluateSlices,
  type Metric,
  metricIn,
  metricNamed,
  metricsOf,
  onRows,
  seen,
  shown,
  signed,
  whyUnseen,
} from '@millrace/evaluation';
import type { Project } from '@millrace/project';
import { comparedVersion } from './champion.js';
import { fittingVersions, versionsText } from './fitting-versions.js';
import { type LabelledRows, loadRows, type RowSource, rowRange } from './load.js';
import type { EarlierModels } from './plan.js';
import { hashSeedOf, placeOf, type SplitRule, splitRows, splitRule } from './split.js';

/** The newest; a difference of 0.01 in log loss is told apart by some thousands. */
const ROWS_MAX = 50_000;
const CONFIDENCE = 0.95;
export interface BacktestRequest {
  version: number;
  against: number;
  datasetVersions: readonly string[];
  /** Event times [fromMs, toMs); undefined: from the first row that neither has learned from, and to the newest. */
  fromMs?: number | undefined;
  toMs?: number | undefined;
}

export interface Learned {
  /** How its rows were split; undefined: nothing tells which rows it has learned from. */
  splitOf(version: number): Promise<SplitRule | undefined>;
  /** Event time from which on it has learned from no row, where it was split by time; undefined: nothing tells. */
  unseenFromMs(version: number): number | undefined;
}

export interface BacktestPorts {
  rows: RowSource;
  models: Pick<EarlierModels, 'opponent'>;
  learned: Learned;
  /** Between pieces of work that hold the event loop. */
  turn(): Promise<void>;
}

export interface BacktestMetric {
  name: string;
  version: number;
  against: number;
  /** `version` less `against`. */
  difference: number;
  lower: number;
  upper: number;
  /** Whose rows they are, by which the interval is; absent where the project has no entities. */
  entities?: number;
  /** The share of the rows that one entity has which the interval is about; absent where it is about all. */
  aboutOne?: number;
}

export interface BacktestSlice {
  column: string;
  value: string;
  rows: number;
  /** By the deciding metric. */
  version: number;
  against: number;
}

export interface Backtest {
  project: string;
  version: number;
  against: number;
  rows: number;
  /** Older ones that were left out, of which ROWS_MAX are enough. */
  olderRows: number;
  /** Event times of the rows; null where the project has none. */
  fromMs: number | null;
  toMs: number | null;
  confidence: number;
  deciding: string;
  metrics: BacktestMetric[];
  slices: BacktestSlice[];
  verdict: string;
  warnings: readonly string[];
}

/** @throws PlatformError invalid_argument where the two cannot be compared, or no row is left */
export async function runBacktest(project: Project, request: BacktestRequest, ports: BacktestPorts): Promise<Backtest> {
  const { version, against } = request;
  if (version === against)
    throw new PlatformError('invalid_argument', `version ${version} is compared with itself: name another one`);
  const { models } = ports;
  const [first, second] = [
    await comparedVersion(project, version, models),
    await comparedVersion(project, against, models),
  ];
  const known = ports.rows.versions(project.name, request.datasetVersions);
  const fitting = fittingVersions(project, known, true);
  const rule = splitRule(project, { evaluateFromMs: 0, evaluationShare: project.evaluation.share });
  const taken = { inputs: first.inputs, compared: second.inputs };
  const read = await loadRows(ports.rows, project, fitting.ids, taken, hashSeedOf(rule));
  if (read.rows === 0)
    throw new PlatformError(
      'invalid_argument',
      `none of the rows of ${versionsText(known)} has a label: send what became of them (\`millrace labels add ${project.name} --file FILE\`)`,
    );
  const warnings = [...fitting.warnings, ...read.warnings];
  const isTimed = project.data.eventTime !== undefined;
  const chosen = isTimed
    ? inTime(read, request, ports.learned, warnings)
    : await unseenById(read, rule, request, ports.learned, warnings);
  const olderRows = Math.max(0, chosen.rows - ROWS_MAX);
  const rows = rowRange(chosen, olderRows, chosen.rows);
  await ports.turn();
  const [own, other] = [await first.score(rows), await second.score(rows)];
  const metrics: BacktestMetric[] = [];
  for (const metric of metricsOf(project.scope.task)) {
    await ports.turn();
    metrics.push(compared(metric, rows, own, other));
  }
  const deciding = metricNamed(project.scope.metric);
  await ports.turn();
  const figures = metrics.find(({ name }) => name === deciding.name) as BacktestMetric;
  return {
    ...{ project: project.name, version, against, rows: rows.rows, olderRows },
    fromMs: isTimed ? (rows.eventTimeMs[0] ?? null) : null,
    toMs: isTimed ? (rows.eventTimeMs[rows.rows - 1] ?? null) : null,
    ...{ confidence: CONFIDENCE, deciding: deciding.name, metrics },
    slices: slicesOf(project, deciding, rows, own, other),
    verdict: verdictOf(deciding, figures, request, rows.rows),
    warnings,
  };
}

/** Rows of the time asked for; what a version may have learned from is left out, or told where it was asked for. */
function inTime(
  rows: LabelledRows,
  { version, against, fromMs, toMs }: BacktestRequest,
  learned: Learned,
  warnings: string[],
): LabelledRows {
  const unseen = [version, against].map((one) => [one, learned.unseenFromMs(one)] as const);
  const known = unseen.flatMap(([, fromOf]) => fromOf ?? []);
  const unseenFromMs = Math.max(Number.NEGATIVE_INFINITY, ...known);
  const from = fromMs ?? unseenFromMs;
  const [start, end] = [placeOf(rows.eventTimeMs, from), placeOf(rows.eventTimeMs, toMs ?? Number.POSITIVE_INFINITY)];
  if (start >= end) throw noRows(rows, from, toMs, fromMs === undefined);
  for (const [one, fromOf] of unseen) {
    const first = rows.eventTimeMs[start] as number;
    if (fromOf === undefined) warnings.push(nothingTells(one));
    else if (first < fromOf)
      warnings.push(
        `Rows before ${new Date(fromOf).toISOString()} may be such as version ${one} has learned from: it looks better than it is.`,
      );
  }
  return rowRange(rows, start, end);
}

/** Rows that evaluate by their ids, by the project's rule and that of each version. */
async function unseenById(
  rows: LabelledRows,
  rule: SplitRule,
  { version, against, fromMs, toMs }: BacktestRequest,
  learned: Learned,
  warnings: string[],
): Promise<LabelledRows> {
  if (fromMs !== undefined || toMs !== undefined)
    throw new PlatformError('invalid_argument', 'the project has no event time: leave from and to out');
  let evaluationShare = rule.evaluationShare;
  for (const one of [version, against]) {
    const split = await learned.splitOf(one);
    const isSame = split?.by === 'record id' && rule.by === 'record id' && split.seed === rule.seed;
    if (isSame) evaluationShare = Math.min(evaluationShare, split.evaluationShare);
    else warnings.push(nothingTells(one));
  }
  return splitRows(rows, { ...rule, evaluationShare }).later;
}

const nothingTells = (version: number): string =>
  `Nothing tells which rows version ${version} has learned from: it may look better than it is.`;

function noRows({ rows, eventTimeMs }: LabelledRows, fromMs: number, toMs: number | undefined, isUnseen: boolean) {
  const text = (ms: number) => new Date(ms).toISOString();
  const span = rows === 0 ? '' : `, they are of ${text(eventTimeMs[0] ?? 0)} to ${text(eventTimeMs[rows - 1] ?? 0)}`;
  const from = Number.isFinite(fromMs) ? ` from ${text(fromMs)} on` : '';
  const to = toMs === undefined ? '' : ` before ${text(toMs)}`;
  const why = isUnseen ? ' that neither version has learned from; with `from` others are taken, too' : '';
  return new PlatformError('invalid_argument', `of ${rows} labelled rows none is${from}${to}${why}${span}`);
}

function compared(
  metric: Metric,
  { labels, entityHashes: entities }: LabelledRows,
  own: Float32Array,
  other: Float32Array,
): BacktestMetric {
  const {
    value,
    other: against,
    ...interval
  } = differenceOf(metric, { labels, first: own, second: other, entities }, CONFIDENCE);
  return { name: metric.name, version: value, against, ...interval };
}

function slicesOf(
  project: Project,
  deciding: Metric,
  rows: LabelledRows,
  own: Float32Array,
  other: Float32Array,
): BacktestSlice[] {
  const { task } = project.scope;
  const of = (scores: Float32Array) => evaluateSlices(task, { ...rows, scores }, project.evaluation.slices);
  const others = of(other);
  return of(own).map(({ column, value, evaluation }, at) => ({
    ...{ column, value, rows: evaluation.rows },
    version: metricIn(evaluation, deciding),
    against: metricIn(others[at]?.evaluation, deciding),
  }));
}

/** What was seen, and else what would have been. */
function verdictOf(
  metric: Metric,
  { version: own, against: other, difference, lower, upper, entities, aboutOne }: BacktestMetric,
  { version, against }: BacktestRequest,
  rows: number,
): string {
  const figures = `${metric.title} ${shown(own)} against ${shown(other)} on ${onRows(rows, { entities })}`;
  const interval = `difference ${signed(difference)}, 95 % of ${signed(lower)} to ${signed(upper)}${aboutText(aboutOne)}`;
  const found = seen(metric, { value: own, other, difference, lower, upper });
  if (found === undefined) return `nothing can be said: ${figures}: ${whyUnseen({ value: own, other, entities })}`;
  if (found === 'none')
    return `no difference is seen: ${figures}, ${interval}; one of about ${shown((upper - lower) / 2)} would be`;
  return `version ${found === 'better' ? version : against} is the better one: ${figures}, ${interval}`;
}
