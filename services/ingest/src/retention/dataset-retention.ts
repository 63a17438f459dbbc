// Which dataset versions of a project its retention lets go of.
//
//   kept by number   of the newest `keep` sets of rows the version with the newest labels: live ones by the end of
//                    their span, as the loop ranks them, however late labels came; as many imports in their order
//   kept by age      what closed within the last `forMs`
//   needed           what a hold, a model in service, a blessed model or an open training names, whatever the rules say
//
// By the rule of libs/domain for everything that is kept.

import type { DatasetVersion } from '@millrace/contracts';
import { fatesOf, newestVersions, type RetentionRules, rowsOrdinalOf } from '@millrace/domain';

export interface DatasetFate {
  readonly version: DatasetVersion;
  /** Why it stays; null = it goes. */
  readonly keptBy: string | null;
}

/** `needed`: by id, or of all of them, what needs it. @param versions oldest first */
export function datasetFates(
  versions: readonly DatasetVersion[],
  retention: RetentionRules | undefined,
  needed: { readonly byId: ReadonlyMap<string, string>; readonly all: string | null },
  nowMs: number,
): DatasetFate[] {
  const inPlace = new Set(newestRows(versions, retention?.keep ?? 0));
  const fates = fatesOf(versions, retention, {
    neededBy: ({ id }) => needed.all ?? needed.byId.get(id) ?? null,
    isInPlace: (version) => inPlace.has(version),
    ageMs: ({ closedAtMs }) => nowMs - closedAtMs,
  });
  return fates.map(({ item, keptBy }) => ({ version: item, keptBy }));
}

/** Of the live ones and of the imports so many each. */
function newestRows(versions: readonly DatasetVersion[], keep: number): DatasetVersion[] {
  if (keep === 0) return [];
  const inPlace = newestVersions(versions);
  const live = inPlace.filter(({ kind }) => kind === 'live');
  const imports = inPlace.filter(({ kind }) => kind !== 'live');
  live.sort((a, b) => a.windowEndMs - b.windowEndMs || a.ordinal - b.ordinal);
  imports.sort((a, b) => rowsOrdinalOf(a) - rowsOrdinalOf(b));
  return [...live.slice(-keep), ...imports.slice(-keep)];
}
