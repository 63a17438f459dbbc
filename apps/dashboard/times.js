// Labels of times: as exact as the window's length asks for, as short as the span allows. Event time is UTC, processing
// time is the reader's zone.

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
export const DAY_MS = 1_440 * MINUTE_MS;
/** A span beyond it needs the year. */
const SPAN_WITHOUT_YEAR_MS = 300 * DAY_MS;

const format = (options, timeZone) => new Intl.DateTimeFormat('en-GB', { ...options, timeZone });
const dayOf = { day: 'numeric', month: 'short' };
const minuteOf = { hour: '2-digit', minute: '2-digit' };
const secondOf = { ...minuteOf, second: '2-digit' };

const day = format(dayOf, 'UTC');
const dayYear = format({ ...dayOf, year: 'numeric' }, 'UTC');
const month = format({ month: 'short', year: 'numeric' }, 'UTC');
const minute = format(minuteOf, 'UTC');
const second = format(secondOf, 'UTC');
const wallDay = format(dayOf);
const wall = format(secondOf);

/** Processing time in the reader's zone. */
export const wallTime = (ms) => wall.format(ms);

/** The same with its day, where that is not today's: `nowMs` says which day that is. */
export const wallMoment = (ms, nowMs) =>
  wallDay.format(ms) === wallDay.format(nowMs) ? wall.format(ms) : `${wallDay.format(ms)} ${wall.format(ms)}`;

export const eventTime = (ms) => (ms == null ? '–' : `${dayYear.format(ms)} ${clockOf(ms)} UTC`);

/** A moment that is waited for: the data's own time stands still while no data comes, and may be behind the clock's. */
export const whenDataComesTo = (ms) => `at the earliest when the data’s own time has come to ${eventTime(ms)}`;

/** Seconds only where there are some. */
const clockOf = (ms) => (ms % MINUTE_MS === 0 ? minute : second).format(ms);

/**
 * A label for points of event time that lie `stepMs` apart (windows, ticks of an axis) within `spanMs`: minutes for
 * windows of minutes, days for windows of days.
 * @returns {(ms: number) => string}
 */
export function timeLabel(stepMs, spanMs) {
  if (spanMs > SPAN_WITHOUT_YEAR_MS) return (ms) => (stepMs >= 28 * DAY_MS ? month : dayYear).format(ms);
  if (stepMs >= DAY_MS) return (ms) => day.format(ms);
  const clock = stepMs % MINUTE_MS === 0 ? minute : second;
  return spanMs > DAY_MS ? (ms) => `${day.format(ms)} ${clock.format(ms)}` : (ms) => clock.format(ms);
}

/** A span of event time: days for whole days, else its clock times, with the second day where it passes midnight. */
export function span(fromMs, toMs) {
  if (fromMs % DAY_MS === 0 && toMs % DAY_MS === 0) {
    return toMs - fromMs === DAY_MS ? day.format(fromMs) : `${day.format(fromMs)} – ${day.format(toMs - 1)}`;
  }
  const until = day.format(fromMs) === day.format(toMs - 1) ? clockOf(toMs) : ` ${day.format(toMs)} ${clockOf(toMs)}`;
  return `${day.format(fromMs)} ${clockOf(fromMs)}–${until}`;
}
