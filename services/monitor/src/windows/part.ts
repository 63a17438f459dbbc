// What the judge of a project asks of one partition's part of it, wherever that is kept: in this process, or in another
// one, which reports it.

import type { Cohort } from '@millrace/domain';
import type { WatchedInput } from '@millrace/features';
import type { QualityBucketState, QualityHistory } from '../quality/quality-history.js';
import type { PartCounters } from './counters.js';
import type { FirstRows } from './first-rows.js';
import type { OverLabelsState } from './over-labels.js';
import type { Logs, Stream } from './positions.js';
import type { CohortProfile } from './profile.js';

/** How far event time has come in a stream. */
export interface Heard {
  maxEventMs: number;
  /** Processing time. */
  atMs: number;
}

export interface CohortRows {
  readonly cohort: Cohort;
  rows: number;
}

/** One partition's share of a window. */
export interface Share {
  readonly startMs: number;
  readonly predictions: number;
  /** Joined ones. */
  readonly labels: number;
  /** False: what is known here is older than these counts. */
  readonly isCurrent: boolean;
  /** Processing time of a label that joined late; undefined: none did. */
  readonly lateLabelAtMs: number | undefined;
  /** Of an open one, ALL first. */
  list(): CohortProfile[];
  /** ALL first. */
  rows(): CohortRows[];
}

/** Where a window ends in a partition: what comes at this offset and after is late. */
export interface Cut {
  partition: number;
  offset: number;
  /** Of the partition, that the offset is of; absent: 0. */
  log?: number;
  /** Rows of it that were judged. */
  rows: number;
  /** Labels of it at the first judgement of quality; null before. */
  labels: number | null;
  /** Offset of the first label that the last judgement of quality did not know, and how many it knew; absent before. */
  labelsTo?: { offset: number; log: number; labels: number };
}

/** Where a window was over in a partition: what comes at these offsets and after is of no window. */
export interface End {
  partition: number;
  predictions: number;
  labels: number;
  logs: Logs;
}

export interface Part {
  readonly partition: number;
  /** Offset of the next prediction that is not in it; undefined: that which is applied next. */
  readonly readTo: number | undefined;
  /** The same of labels. */
  readonly labelsTo: number | undefined;
  /** Windows that end by then are over in its newest checkpoint; -Infinity: not known. */
  readonly savedThroughMs: number;
  readonly counters: PartCounters;
  /** Start of the newest window whose rows wait for labels no more, because there were too many; -Infinity: none. */
  readonly givenUpThroughMs: number;
  readonly firstRows: {
    /** How far the partition was read, as answer time; 0: not at all. */
    readonly readToMs: number;
    versions(): Iterable<number>;
    of(version: number): { inputs: readonly WatchedInput[]; rows: FirstRows } | undefined;
    forget(version: number): void;
  };
  /** Labels of windows that are over, by start: they are in no count of quality. */
  overLabels(): OverLabelsState;
  heardOf(stream: Stream): Heard | undefined;
  open(): Iterable<Pick<Share, 'startMs'>>;
  share(startMs: number): Share | undefined;
  quality(): Iterable<QualityHistory>;
  /** Labels of the window that wait here for a row; those of another process are not seen. */
  waitingLabels(startMs: number): [id: string, label: number][];
  holds(id: string, eventMs: number): boolean;
  join(id: string, value: number, eventMs: number, nowMs: number): void;
  handOver(startMs: number, id: string): void;
  close(startMs: number, cut: Cut | undefined): void;
  /** Windows that end by then are closed, of which there is no share here, too; of them those are over. */
  closedThrough(endMs: number, overMs: number): void;
  /**
   * The window is over, and was closed at the cut, its quality judged of so many labels. Where the partition is not
   * read so far again, because its number was taken over, what comes before the end counts as it did.
   */
  over(startMs: number, cut: Cut | undefined, labels: number | undefined, end: End): void;
  /** Quality was judged by so many labels: those that join after them are late. */
  judged(startMs: number, labels: number): void;
  /** The window is over: its labels are waited for no more. Gives what was counted of quality. */
  retire(startMs: number): QualityBucketState[];
}
