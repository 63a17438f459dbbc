// Times as texts: how one is read wherever data, labels or the command line bring it, and how one is shown. Always
// UTC, so that the same text means the same moment on every machine.

const ISO_TIME = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/**
 * Milliseconds since the epoch of a number or an ISO 8601 text; a text without zone is UTC. NaN when it is neither, or
 * names a day that does not exist.
 */
export function timeOf(raw: unknown): number {
  if (typeof raw === 'number') return Number.isSafeInteger(raw) ? raw : Number.NaN;
  if (typeof raw !== 'string') return Number.NaN;
  const match = ISO_TIME.exec(raw);
  if (match === null) return Number.NaN;
  // V8 takes 2001-02-30 for 2 March; every month has 28 days.
  const dayOfMonth = Number(raw.slice(8, 10));
  if (dayOfMonth > 28 && new Date(Date.parse(raw.slice(0, 10))).getUTCDate() !== dayOfMonth) return Number.NaN;
  const text = raw.replace(' ', 'T');
  return Date.parse(match[1] === undefined && text.length > 10 ? `${text}Z` : text);
}

/** "2026-11-28T21:45:02Z": to the second, whatever the width of a window; '-' where the number is no time. */
export function timeText(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? '-' : `${time.toISOString().slice(0, -5)}Z`;
}
