// The event-time spans of a project's live stream: [k·versionEvery, (k+1)·versionEvery).

import type { RecordSchema } from '../schema/record-schema.js';

export const spanMsOf = ({ project }: RecordSchema): number => project.data.versionEveryMs;

export function startOfSpan(schema: RecordSchema, eventTimeMs: number): number {
  const spanMs = spanMsOf(schema);
  return Math.floor(eventTimeMs / spanMs) * spanMs;
}
