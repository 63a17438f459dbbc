// The event-time spans of a project's live stream: [k·versionEvery, (k+1)·versionEvery).

import type { RecordSchema } from '../schema/record-schema.js';

/** undefined where nothing is known: messages have no infinity. */
export const knownTime = (ms: number): number | undefined => (Number.isFinite(ms) ? ms : undefined);

export const spanMsOf = ({ project }: RecordSchema): number => project.data.versionEveryMs;

export function startOfSpan(schema: RecordSchema, eventTimeMs: number): number {
  const spanMs = spanMsOf(schema);
  return Math.floor(eventTimeMs / spanMs) * spanMs;
}
