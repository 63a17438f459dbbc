// Windows as a monitor lists them, in a form in which those of two runs of the same rows are equal.

export interface JudgedWindow {
  startMs: number;
  cohorts: { software: unknown; tests: { feature: string }[] }[];
}

export interface ComparableWindow {
  startMs: number;
  cohorts: unknown[];
}

/** Sums in another order of arrival differ in the last bits. */
const rounded = (_key: string, value: unknown) =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(9)) : value;

/** Without what is counted by the clock (software, when it closed) and how often quality was judged. */
export function comparable(windows: readonly JudgedWindow[]): ComparableWindow[] {
  const counted = windows
    .map(({ startMs, cohorts }) => ({
      startMs,
      cohorts: cohorts.map(({ software: _byTheClock, tests, ...rest }) => ({
        ...rest,
        tests: tests.filter(({ feature }) => feature !== '@software'),
      })),
    }))
    .sort((a, b) => a.startMs - b.startMs);
  return JSON.parse(JSON.stringify(counted, rounded)) as ComparableWindow[];
}
