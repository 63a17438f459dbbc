// Which dataset versions a training by hand takes when none are named.

import { counted, newestVersions, PlatformError, rowsOrdinalOf } from '@millrace/domain';
import { sameLabelRule } from '@millrace/project';
import { shownId } from '../ids.js';

type Dataset = Parameters<typeof newestVersions>[0][number] & {
  readonly id: string;
  readonly kind: string;
  /** Of an import: the file, by its name without folder, or the source of the project that it read. */
  readonly source: string;
  readonly rows: number;
  readonly eventTimeFromMs: number;
  /** Inclusive. */
  readonly eventTimeToMs: number;
  /** By which its labels were made; empty = not known. */
  readonly labelRule: string;
};

/** What of a project says which datasets are its usual ones. */
export interface ChoosingProject {
  readonly name: string;
  /**
   * It has event times: files of one name replace each other only where these overlap, so that jan/loans.csv and
   * feb/loans.csv both count. Without them the times are those of the import, and say nothing.
   */
  readonly isTimed: boolean;
  /** Of the labels, as a text; empty = none, or not known. */
  readonly labelRule: string;
}

interface UsualDatasets {
  readonly ids: readonly string[];
  /** Imports that are left out, each with the later one that stands for it. */
  readonly replaced: readonly { readonly import: Dataset; readonly by: Dataset }[];
}

/** Of what was left out, told. */
const TOLD_MAX = 5;

/**
 * Of `datasets`, newest last: every import that no later one replaces, in the order in which they came; without an
 * import all live versions. Of versions with the same rows the one with the newest labels. Labels that were made by the
 * project's rule come before those of another one, however old: what nothing stands for is among the ids, and for the
 * trainer to leave out. O(imports²) of one name.
 */
export function usualDatasets(
  { name, isTimed, labelRule }: ChoosingProject,
  datasets: readonly Dataset[],
): UsualDatasets {
  const fits = (one: Dataset) => sameLabelRule(one.labelRule, labelRule);
  const fitting = newestVersions(datasets.filter(fits));
  const hasRows = new Set(fitting.map(rowsOrdinalOf));
  const others = newestVersions(datasets.filter((one) => !fits(one))).filter((one) => !hasRows.has(rowsOrdinalOf(one)));
  const newest = [...others, ...fitting];
  const byRows = (a: Dataset, b: Dataset) => Number(fits(a)) - Number(fits(b)) || rowsOrdinalOf(a) - rowsOrdinalOf(b);
  const imports = newest.filter(({ kind }) => kind === 'import').sort(byRows);
  if (imports.length > 0) return unreplaced(imports, isTimed);
  if (newest.length > 0) return { ids: newest.map(({ id }) => id), replaced: [] };
  throw new PlatformError(
    'not_found',
    `${name} has no dataset version yet: \`millrace ingest ${name} --file FILE\` loads a file as one; a live ` +
      'version closes when the event time has passed the end of its span by the label’s delay and an allowance',
  );
}

/** From the newest on: what is itself replaced replaces nothing. */
function unreplaced(imports: readonly Dataset[], isTimed: boolean): UsualDatasets {
  const kept: Dataset[] = [];
  const replaced: { import: Dataset; by: Dataset }[] = [];
  const bySource = new Map<string, Dataset[]>();
  for (const one of imports.toReversed()) {
    const later = bySource.get(one.source) ?? [];
    const by = later.find((other) => !isTimed || overlap(one, other));
    if (by !== undefined && by.id !== one.id) {
      replaced.push({ import: one, by });
      continue;
    }
    kept.push(one);
    bySource.set(one.source, [...later, one]);
  }
  const ids = new Set(kept.reverse().map(({ id }) => id));
  return { ids: [...ids], replaced: replaced.reverse().filter(({ import: { id } }) => !ids.has(id)) };
}

const overlap = (a: Dataset, b: Dataset): boolean =>
  a.eventTimeFromMs <= b.eventTimeToMs && b.eventTimeFromMs <= a.eventTimeToMs;

/** What was left out and why, a line each. */
export function replacedText({ replaced }: UsualDatasets): string[] {
  const lines = replaced.slice(0, TOLD_MAX).map(({ import: { id, source, rows, labelRule }, by }) => {
    const name = source.replace(/^(upload|file):/, '');
    const why = sameLabelRule(labelRule, by.labelRule)
      ? `${shownId(by.id)} is a later import of that name`
      : `its labels were made by another rule (${labelRule}) than the project’s, and those of ${shownId(by.id)}, an import of that name, by it`;
    return `${shownId(id)} (${name}, ${counted(rows, 'row')}) is left out: ${why}`;
  });
  if (lines.length === 0) return [];
  const more = replaced.length - lines.length;
  return [
    ...lines,
    `${more > 0 ? `and ${more} more; ` : ''}\`--dataset ID…\` names what is to be taken, such as files of one name in several folders`,
  ];
}
