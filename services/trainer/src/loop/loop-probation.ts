// A version that the loop put into service stays on probation against the one before it. The question is never whether
// it is worse than it was (the world may have become harder for everybody) but whether the other one is better now:
// both are asked for the same rows, dataset version by dataset version, and what they differ by is added up. The
// interval of the sum is a confidence sequence, so that looking after each dataset version changes nothing: a version
// that is as good as the one before it is taken back in at most ALPHA of all probations. Pure.
//
//   begun ──a dataset version closes──▶ comparing ──compared──▶ better: it stays │ worse: it is taken back
//     ▲                                     │                         │
//     └────────────── neither ◀─────────────┴─────── `untilMs` ───────┴──▶ it stays, and what could have been seen
//
// Rows count that come after all that the version learned from and was chosen by: on those it would look better than it
// is. Of one that a person put into service that person is told, and decides.

import { metricNamed, shown } from '@millrace/evaluation';
import type { ProbationSpec } from '@millrace/project';
import { type Moments2, studentBounds } from '@millrace/statistics';
import type { KnownDataset } from './known-datasets.js';

export interface Probation {
  readonly version: number;
  readonly against: number;
  readonly correlationId: string;
  /** A person put it into service: that person is told, and decides. */
  readonly byHand: boolean;
  /** Processing time. */
  readonly sinceMs: number;
  /** Processing time from which it stays, where nothing has been decided. */
  readonly untilMs: number;
  /** Event time: dataset versions that begin before it say nothing, or have been compared. */
  readonly fromMs: number;
  /** The dataset version that is being compared; '' = none. */
  readonly comparing: string;
  /** Event time of its end: another one with its rows, and later labels, may stand in its place by then. */
  readonly comparingEndMs: number;
  /** Why the last comparison could not be had; '' = it could. */
  readonly fault: string;
  /** Processing time before which none is compared: the last try failed for now. */
  readonly againAtMs: number;
  readonly seen: Seen;
}

/** What the comparisons so far add up to. */
export interface Seen {
  readonly comparisons: number;
  readonly rows: number;
  /** Means over the rows of the deciding metric; null = there are none. */
  readonly version: number | null;
  readonly against: number | null;
  /** By how much the version is better, a number a block of rows. */
  readonly blocks: Moments2;
}

export interface ComparedRows {
  readonly rows: number;
  readonly version: number;
  readonly against: number;
  readonly blocks: Seen['blocks'];
}

/** Of all probations of versions that are no worse, at most this share ends with the version taken back. */
const ALPHA = 0.01;
/**
 * The interval is tightest around so many blocks: some five dataset versions of five hundred rows. By `npm run
 * bench:loop` 60 and 300 are hardly worse; the bounds of mean-bounds.ts are, which wait for a hundred blocks.
 */
const TUNED_FOR = 100;
export interface ProbationFacts {
  version: number;
  against: number;
  correlationId: string;
  byHand: boolean;
  /** Event time of the end of all that it may have learned from. */
  taughtThroughMs: number;
}

/** null where there is none: nobody was before it, or the project wants none. */
export function begunProbation(
  { version, against, correlationId, byHand, taughtThroughMs }: ProbationFacts,
  { forMs }: ProbationSpec,
  nowMs: number,
): Probation | null {
  if (against === 0 || forMs === 0) return null;
  return {
    ...{ version, against, correlationId, byHand, sinceMs: nowMs, untilMs: nowMs + forMs, fromMs: taughtThroughMs },
    ...{ comparing: '', comparingEndMs: 0, againAtMs: 0, fault: '' },
    seen: { comparisons: 0, rows: 0, version: null, against: null, blocks: { count: 0, mean: 0, m2: 0 } },
  };
}

/** The next dataset version to compare on, oldest first; undefined: none is there, or one is being compared. */
export function nextToCompare(
  { comparing, againAtMs, fromMs }: Probation,
  datasets: readonly KnownDataset[],
  nowMs: number,
): KnownDataset | undefined {
  // A clock that was ahead does not hold it up.
  const waitsMs = againAtMs - nowMs;
  if (comparing !== '' || (waitsMs > 0 && waitsMs <= AGAIN_MS)) return undefined;
  return datasets.find(({ windowStartMs, labelledRows }) => windowStartMs >= fromMs && labelledRows > 0);
}

export function comparing(probation: Probation, { id, windowEndMs }: KnownDataset): Probation {
  return { ...probation, comparing: id, comparingEndMs: windowEndMs };
}

/** The dataset version that was compared is never looked at again, nor what is older. */
export function compared(probation: Probation, rows: ComparedRows): Probation {
  return { ...passed(probation, ''), seen: added(probation.seen, rows) };
}

/** It is not looked at again; `fault`: why it was not compared. */
export function passed(probation: Probation, fault: string): Probation {
  const { fromMs, comparingEndMs } = probation;
  return { ...probation, comparing: '', fromMs: Math.max(fromMs, comparingEndMs), fault };
}

/** It could not be read for now, or another one with its rows stands in its place. */
export function postponed(probation: Probation, againAtMs: number, fault: string): Probation {
  return { ...probation, comparing: '', againAtMs, fault };
}

/** Before a comparison that failed for now is tried again. */
export const AGAIN_MS = 60_000;

function added(seen: Seen, { rows, version, against, blocks }: ComparedRows): Seen {
  const total = seen.rows + rows;
  // An AUC of one class only says nothing of the mean.
  const mean = (before: number | null, now: number) =>
    before === null ? now : rows === 0 || Number.isNaN(now) ? before : before + ((now - before) * rows) / total;
  const numbered = (value: number) => (Number.isNaN(value) ? null : value);
  return {
    comparisons: seen.comparisons + 1,
    rows: total,
    version: numbered(mean(seen.version, version)),
    against: numbered(mean(seen.against, against)),
    blocks: merged(seen.blocks, blocks),
  };
}

/** Chan, Golub and LeVeque, as libs/statistics' moments; those carry an infinity that JSON has no word for. */
function merged(a: Seen['blocks'], b: Seen['blocks']): Seen['blocks'] {
  if (b.count === 0) return a;
  const count = a.count + b.count;
  const d = b.mean - a.mean;
  return { count, mean: a.mean + (d * b.count) / count, m2: a.m2 + b.m2 + (d * d * a.count * b.count) / count };
}

export interface Standing {
  /** By how much the version is better than the other one. */
  readonly difference: number;
  /** Infinite both, where too few blocks are known to say anything. */
  readonly lower: number;
  readonly upper: number;
}

export function standing({ seen: { blocks } }: Pick<Probation, 'seen'>): Standing {
  return { difference: blocks.mean, ...studentBounds(blocks, { alpha: ALPHA, tunedFor: TUNED_FOR }) };
}

export type Judgement = { kind: 'open' } | { kind: 'stays' | 'worse'; message: string };

/** `metric`: the project's deciding one. */
export function judged(probation: Probation, metric: string, nowMs: number): Judgement {
  const { version, against } = probation;
  const { lower, upper } = standing(probation);
  if (lower > 0) return { kind: 'stays', message: `version ${version} stays: ${probationText(probation, metric)}` };
  if (upper < 0)
    return { kind: 'worse', message: `version ${against} is better now: ${probationText(probation, metric)}` };
  if (nowMs < probation.untilMs) return { kind: 'open' };
  return {
    kind: 'stays',
    message: `version ${version} stays at the end of its probation: ${probationText(probation, metric)}`,
  };
}

/** The figures, and what would have been seen where no difference is. */
export function probationText(probation: Probation, metric: string): string {
  const { version, against, seen } = probation;
  if (seen.rows === 0 || seen.version === null || seen.against === null)
    return `it was not compared with version ${against}, for ${probation.fault === '' ? 'no labelled row has come since' : probation.fault}`;
  const { title } = metricNamed(metric);
  const { difference, lower, upper } = standing(probation);
  const figures =
    `${title} ${shown(seen.version)} of version ${version}, ${shown(seen.against)} of version ${against} ` +
    `on the same ${seen.rows} rows`;
  if (!Number.isFinite(upper - lower)) return `${figures}, which do not tell yet`;
  const interval = `better by ${signed(difference)}, ${(1 - ALPHA) * 100} % of ${signed(lower)} to ${signed(upper)}`;
  if (lower > 0 || upper < 0) return `${figures} (${interval})`;
  return `no difference is seen: ${figures} (${interval}); one of about ${shown((upper - lower) / 2)} would be`;
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${shown(Math.abs(value))}`;
