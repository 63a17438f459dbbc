// What is finished and only ever appended to the history file: closed windows, and the quality of retired ones. A
// record may stand there twice after a crash; the later one of the same kind, project and start holds.

import type { QualityBucketState } from '../quality/quality-history.js';
import type { ClosedWindow } from './closed-window.js';

interface RecordOf<K extends string> {
  kind: K;
  project: string;
  /** Of the project; not said by release 0.1.0. */
  createdAtMs?: number;
}

/** With all its judgements so far; the newest record of a window has them. */
export interface WindowRecord extends RecordOf<'window'>, ClosedWindow {}

export interface QualityRecord extends RecordOf<'quality'> {
  startMs: number;
  buckets: QualityBucketState[];
}

export type HistoryRecord = WindowRecord | QualityRecord;

/** The last record of each kind, project and start, in the order of first appearance. */
export function lastOfEach(records: readonly HistoryRecord[]): HistoryRecord[] {
  const latest = new Map<string, HistoryRecord>();
  for (const record of records) latest.set(`${record.kind}/${record.startMs}/${record.project}`, record);
  return [...latest.values()];
}
