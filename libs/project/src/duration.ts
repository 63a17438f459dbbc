// Durations and dates as the project file writes them: "90s", "15m", "3h", "3d", "2w"; "2001-02-15" or an ISO time in
// UTC.

import { timeOf } from '@millrace/domain';

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

export const DURATION_PATTERN = '^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d|w)$';
export const DATE_PATTERN = '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,3})?)?Z)?$';

/** A hundred years: beyond it a span ends after what a date can say. */
export const DURATION_DAYS_MAX = 36_500;

const DURATION = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)$/;
const DATE = new RegExp(DATE_PATTERN);

/** Whether a text that is a duration is longer than any that has a meaning. */
export const isTooLong = (text: string): boolean =>
  (parseDuration(text) ?? 0) > DURATION_DAYS_MAX * (UNIT_MS.d as number);

/** Milliseconds, or null when the text is no duration. */
export function parseDuration(text: string): number | null {
  const match = DURATION.exec(text);
  if (match === null) return null;
  return Math.round(Number(match[1]) * (UNIT_MS[match[2] as string] as number));
}

/** Milliseconds since the epoch, or null when the text is no date or names a day that does not exist. */
export function parseDate(text: string): number | null {
  if (!DATE.test(text)) return null;
  const ms = timeOf(text);
  return Number.isNaN(ms) ? null : ms;
}
