// The event-time spans of a project's live stream: [k·versionEvery, (k+1)·versionEvery).

import { Watermark } from '@millrace/domain';
import type { RecordSchema } from '../schema/record-schema.js';

/** undefined where nothing is known: messages have no infinity. */
export const knownTime = (ms: number): number | undefined => (Number.isFinite(ms) ? ms : undefined);

/** Without event time rows stand in the order in which they came, and their times say nothing of them. */
export const isTimed = (schema: RecordSchema): boolean => schema.eventTimeIndex >= 0;

export const spanMsOf = ({ project }: RecordSchema): number => project.data.versionEveryMs;

export function startOfSpan(schema: RecordSchema, eventTimeMs: number): number {
  const spanMs = spanMsOf(schema);
  return Math.floor(eventTimeMs / spanMs) * spanMs;
}

/** How far the stream of a project has come: held by partitions that something comes in, of records and of labels. */
export function ownerWatermark(idleMs: number): Watermark<'records' | 'labels'> {
  return new Watermark({ idleMs: { records: idleMs, labels: idleMs }, silence: 'busy time', allSilent: 'hold' });
}
