// Splits labelled rows into training and evaluation: in event-time order by a point in time or the newest share, or,
// where the project has no event time, by a hash of the record's id.
//
// By hash: a row evaluates when hash32("evaluation/" + record id, seed) < share · 2^32. The seed is the project's, not
// the training's: whatever is trained later, a record stays on its side, so that no version is judged on rows that an
// earlier one learned from. Salted, because imports choose rows by the same hash of ids that may be the same texts.

import { hash32, PlatformError, type TrainingRequest, timeText } from '@millrace/domain';
import type { Project } from '@millrace/project';
import { type LabelledRows, pickRows, rowRange } from './load.js';

export type SplitRule =
  | {
      by: 'event time';
      /** 0 = by share. */
      evaluateFromMs: number;
      evaluationShare: number;
    }
  | { by: 'record id'; evaluationShare: number; seed: number };

export function splitRule(
  project: Project,
  { evaluateFromMs, evaluationShare }: Pick<TrainingRequest, 'evaluateFromMs' | 'evaluationShare'>,
): SplitRule {
  return project.data.eventTime === undefined
    ? { by: 'record id', evaluationShare, seed: project.training.seed }
    : { by: 'event time', evaluateFromMs, evaluationShare };
}

/** What rows must be loaded with, so that they can be split by this rule. */
export function hashSeedOf(rule: SplitRule): number | null {
  return rule.by === 'record id' ? rule.seed : null;
}

/** What `LabelledRows.idHashes` holds of a record. */
export function idHash(recordId: string, seed: number): number {
  return hash32(`evaluation/${recordId}`, seed);
}

/** `train` and `later` are in the order of `rows`. */
export function splitRows(rows: LabelledRows, rule: SplitRule): { train: LabelledRows; later: LabelledRows } {
  if (rule.by === 'record id') return splitByHash(rows, rule.evaluationShare);
  const at = splitIndex(rows.eventTimeMs, rule);
  return { train: rowRange(rows, 0, at), later: rowRange(rows, at, rows.rows) };
}

function splitByHash(rows: LabelledRows, share: number): { train: LabelledRows; later: LabelledRows } {
  const { idHashes } = rows;
  if (idHashes === null) throw new PlatformError('internal', 'the rows were read without the hashes of their ids');
  const bound = share * 2 ** 32;
  const sides: [train: number[], later: number[]] = [[], []];
  for (let row = 0; row < rows.rows; row++) sides[Number((idHashes[row] as number) < bound) as 0 | 1].push(row);
  const [train, later] = sides;
  checkSides(rows.rows, train.length, () => `a hash of the record ids chooses a share of ${share} of them to evaluate`);
  return { train: pickRows(rows, train), later: pickRows(rows, later) };
}

/** Place of the first row at the time or after it; the times ascend. */
export function placeOf(times: ArrayLike<number>, atMs: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] as number) < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Index of the first evaluation row; `eventTimeMs` ascends. Rows of one moment stay together, so that nothing is
 * evaluated that happened at the time of something trained on.
 */
export function splitIndex(
  eventTimeMs: ArrayLike<number>,
  rule: { evaluateFromMs: number; evaluationShare: number },
): number {
  const rows = eventTimeMs.length;
  let at: number;
  if (rule.evaluateFromMs > 0) {
    at = placeOf(eventTimeMs, rule.evaluateFromMs);
  } else {
    at = Math.floor(rows * (1 - rule.evaluationShare));
    while (at > 0 && eventTimeMs[at] === eventTimeMs[at - 1]) at--;
  }
  checkSides(rows, at, () => timesText(eventTimeMs, rule));
  return at;
}

/** What parts them, and what there is to part: a moment outside their range, or rows of one moment. */
function timesText(
  eventTimeMs: ArrayLike<number>,
  { evaluateFromMs, evaluationShare }: { evaluateFromMs: number; evaluationShare: number },
): string {
  const [first, last] = [eventTimeMs[0] as number, eventTimeMs[eventTimeMs.length - 1] as number].map(timeText);
  const times = `their event times are ${first} to ${last}`;
  return evaluateFromMs > 0
    ? `rows from ${timeText(evaluateFromMs)} on evaluate (--evaluate-from, or evaluation.from of the project file), ` +
        `and ${times}: name a moment between them`
    : `the newest share of ${evaluationShare} evaluates, rows of one moment stay together, and ${times}`;
}

function checkSides(rows: number, train: number, why: () => string): void {
  if (train > 0 && train < rows) return;
  const reason = rows === 0 ? 'there are none' : why();
  const sides = `of ${rows} rows ${train} would train and ${rows - train} evaluate`;
  throw new PlatformError('invalid_argument', `${sides}: ${reason}`, { facts: { rows, train } });
}
