// Which seeds a run may look at: choices are made on the first hundred; the second hundred is for a report, which is
// made once, so that nothing is chosen by it.

export const CHOOSING = { from: 1, to: 100 } as const;
export const REPORTING = { from: 101, to: 200 } as const;

export interface SeedsAsked {
  /** "12" or "1-20"; undefined = all that the run may look at. */
  seeds: string | undefined;
  isReport: boolean;
  /** Why a report is made again; the result says it. */
  again: string | undefined;
  /** Names of reports that there are. */
  reports: readonly string[];
}

/** @throws Error that says what to do instead */
export function seedsToRun({ seeds, isReport, again, reports }: SeedsAsked): number[] {
  const allowed = isReport ? REPORTING : CHOOSING;
  if (isReport && reports.length > 0 && again === undefined)
    throw new Error(
      `seeds ${REPORTING.from} to ${REPORTING.to} were reported in ${reports.join(', ')}, and choices since are made on ` +
        `${CHOOSING.from} to ${CHOOSING.to}. Where the simulator itself was wrong: --again "what was wrong"`,
    );
  const [first = '', second = first] = (seeds ?? `${allowed.from}-${allowed.to}`).split('-');
  const [from, to] = [Number(first), Number(second)];
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < allowed.from || to > allowed.to || from > to)
    throw new Error(
      `--seeds ${seeds}: write one of ${allowed.from} to ${allowed.to}, or two with - between` +
        `${isReport ? '' : `; ${REPORTING.from} to ${REPORTING.to} are for --report`}`,
    );
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
