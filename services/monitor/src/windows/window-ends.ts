// Whether a partition is read past what a window was judged by, and where a window is over in the partitions. A part
// that another process takes over begins at its checkpoint, before that. Pure.

import type { JudgedWindow } from './judged-window.js';
import type { Cut, End, Part } from './part.js';
import type { Backlog, Stream } from './positions.js';

/** Offset of the next message that is not in the part. */
function readTo(part: Part, stream: Stream, backlog: Backlog): number {
  return (stream === 'labels' ? part.labelsTo : part.readTo) ?? backlog.next(stream, part.partition);
}

/** The partition is read past the window's rows: those that are missing are gone from the topic. */
export function isPastCut(cut: Cut | undefined, part: Part, backlog: Backlog): boolean {
  const { offset = Number.POSITIVE_INFINITY, log = 0 } = cut ?? {};
  // Of a log that was deleted nothing is read again.
  return log < backlog.log('predictions', part.partition) || readTo(part, 'predictions', backlog) >= offset;
}

/**
 * Every partition is read past what the window was judged by, also one that is read again: the window must not be over
 * before that. A part that has counted as much does not tell how far its partition is read while nothing comes of the
 * project.
 */
export function isPastJudged(window: JudgedWindow, parts: readonly Part[], backlog: Backlog): boolean {
  return parts.every((part) => {
    const cut = window.cutOf(part.partition);
    if (cut === undefined) return true;
    const { predictions = 0, labels = 0 } = part.share(window.startMs) ?? {};
    const { offset, log } = labelsTo(part, backlog);
    const judged = cut.labelsTo ?? { offset: 0, log: 0, labels: 0 };
    const isLabelled = labels >= judged.labels || judged.log < log || offset >= judged.offset;
    return isLabelled && (predictions >= cut.rows || isPastCut(cut, part, backlog));
  });
}

/** How far the labels of a part are read. */
export function labelsTo(part: Part, backlog: Backlog): { offset: number; log: number } {
  return { offset: readTo(part, 'labels', backlog), log: backlog.log('labels', part.partition) };
}

/** Of the parts that have some of the window. */
export function endsOf({ startMs }: JudgedWindow, parts: readonly Part[], backlog: Backlog): End[] {
  return parts.flatMap((part) => {
    const { partition } = part;
    if (part.share(startMs) === undefined) return [];
    const labels = labelsTo(part, backlog);
    const logs = { predictions: backlog.log('predictions', partition), labels: labels.log };
    return { partition, predictions: readTo(part, 'predictions', backlog), labels: labels.offset, logs };
  });
}
