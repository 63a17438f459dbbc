// What is finished and kept on the board for as long as it is listed: closed windows, with every judgement of them, and
// the quality of those that are over.

import type { QualityBucketState } from '../quality/quality-history.js';
import type { ClosedWindow } from './closed-window.js';

interface RecordOf<K extends string> {
  kind: K;
  project: string;
  /** Of the project: another one of this name does not take it over. */
  createdAtMs: number;
}

/** With all its judgements so far; the newest record of a window has them. */
export interface WindowRecord extends RecordOf<'window'>, ClosedWindow {}

export interface QualityRecord extends RecordOf<'quality'> {
  startMs: number;
  buckets: QualityBucketState[];
}

export type HistoryRecord = WindowRecord | QualityRecord;
