// The version in service and the one before it on the same rows of one dataset version: what a probation
// (loop/loop-probation.ts) adds up. Live traffic is not touched: both are asked here for what they would have answered.

import { blockDifferences, metricIn, metricNamed } from '@millrace/evaluation';
import type { Project } from '@millrace/project';
import type { Moments2 } from '@millrace/statistics';
import type { BacktestPorts } from './backtest.js';
import { comparedVersion } from './champion.js';
import { evaluateRows, type Opponent } from './evaluate.js';
import { type LabelledRows, loadRows, pickRows, type RowSource, rowRange } from './load.js';

export interface ComparisonRequest {
  version: number;
  against: number;
  datasetVersion: string;
  /** Of the rows, by the hash of their ids, in (0, 1]. */
  share: number;
}

export interface Comparison {
  /** Labelled ones that both have scored, at most the newest ROWS_MAX of the dataset version. */
  rows: number;
  /** Of the project's deciding metric. */
  version: number;
  against: number;
  /** By how much `version` is better, a number a block of rows (libs/evaluation, comparisons/blocks.ts). */
  blocks: Moments2;
}

export interface ComparisonPorts {
  rows: RowSource;
  models: BacktestPorts['models'];
  /** Between pieces of work that hold the event loop. */
  turn(): Promise<void>;
}

/** Other rows are chosen for each dataset version, the same ones for a repeated comparison. */
const HASH_SEED = 0x70726f62;
const HASHES = 2 ** 32;

/** The newest; a difference of 0.01 in log loss is told apart by some thousands. */
const ROWS_MAX = 50_000;

export type Opponents = readonly [version: Opponent, against: Opponent];

/** @throws PlatformError without retry where the two cannot be compared, on whatever rows */
export async function openOpponents(
  project: Project,
  { version, against }: Pick<ComparisonRequest, 'version' | 'against'>,
  models: ComparisonPorts['models'],
): Promise<Opponents> {
  return [await comparedVersion(project, version, models), await comparedVersion(project, against, models)];
}

/** @throws PlatformError without retry where these rows cannot be read or scored */
export async function compareOnRows(
  project: Project,
  request: Pick<ComparisonRequest, 'datasetVersion' | 'share'>,
  [first, second]: Opponents,
  { rows: source, turn }: Pick<ComparisonPorts, 'rows' | 'turn'>,
): Promise<Comparison> {
  const taken = { inputs: first.inputs, compared: second.inputs };
  const seed = request.share < 1 ? HASH_SEED : null;
  const read = await loadRows(source, project, [request.datasetVersion], taken, seed);
  const chosen = sampled(read, request.share);
  const rows = rowRange(chosen, Math.max(0, chosen.rows - ROWS_MAX), chosen.rows);
  await turn();
  const own = await first.score(rows);
  await turn();
  const other = await second.score(rows);
  await turn();
  const metric = metricNamed(project.scope.metric);
  const { blocks } = blockDifferences(metric, { labels: rows.labels, first: own, second: other });
  return {
    rows: rows.rows,
    version: metricIn(evaluateRows(project, rows, own), metric),
    against: metricIn(evaluateRows(project, rows, other), metric),
    blocks,
  };
}

function sampled(rows: LabelledRows, share: number): LabelledRows {
  const { idHashes } = rows;
  if (idHashes === null) return rows;
  const places: number[] = [];
  idHashes.forEach((hash, row) => {
    if (hash < share * HASHES) places.push(row);
  });
  return pickRows(rows, places);
}
