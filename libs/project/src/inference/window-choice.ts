// The span of a monitoring window and of a live dataset version, from how dense the file's rows are in event time.

import { parseDuration } from '../duration.js';

const SPANS = ['15m', '1h', '3h', '6h', '12h', '1d', '3d', '7d', '14d', '30d', '90d'] as const;
/**
 * Twice what a window needs to be tested (monitoring.minRows): half of all windows have fewer rows than the average.
 */
const ROWS_WANTED = 1_000;

/** The shortest span that holds ROWS_WANTED rows on average; the longest there is where none does. */
export function windowFor(rows: number, spanMs: number): { text: string; perSpan: number } {
  const perMs = rows / Math.max(1, spanMs);
  const sized = SPANS.map((text) => ({ text, perSpan: Math.min(rows, perMs * (parseDuration(text) as number)) }));
  return (
    sized.find(({ perSpan }) => perSpan >= Math.min(ROWS_WANTED, rows)) ?? (sized.at(-1) as (typeof sized)[number])
  );
}
