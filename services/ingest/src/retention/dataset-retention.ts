// Which dataset versions of a project its retention lets go of.
//
//   kept by number   of the newest `keep` sets of rows the version with the newest labels: live ones by the end of
//                    their span, as the loop ranks them, however late labels came; as many imports in their order
//   kept by age      what closed within the last `forMs`
//   needed           what a hold, a model in service, a blessed model or an open training names, whatever the rules say
//
// The newest version stays always, so that versions go on counting. O(versions).

import type { DatasetVersion } from '@millrace/contracts';
import { newestVersions, rowsOrdinalOf } from '@millrace/domain';
import type { DatasetRetention } from '@millrace/project';

export interface DatasetFate {
  readonly version: DatasetVersion;
  /** Why it stays; null = it goes. */
  readonly keptBy: string | null;
}

/** `needed`: by id, or of all of them, what needs it. @param versions oldest first */
export function datasetFates(
  versions: readonly DatasetVersion[],
  retention: DatasetRetention | undefined,
  needed: { readonly byId: ReadonlyMap<string, string>; readonly all: string | null },
  nowMs: number,
): DatasetFate[] {
  const inPlace = new Set(newestRows(versions, retention?.keep ?? 0));
  const newest = versions.at(-1);
  return versions.map((version) => {
    const age = nowMs - version.closedAtMs;
    if (retention === undefined) return { version, keptBy: 'no retention is declared' };
    if (needed.all !== null) return { version, keptBy: needed.all };
    const need = needed.byId.get(version.id);
    if (need !== undefined) return { version, keptBy: need };
    if (inPlace.has(version)) return { version, keptBy: `one of the newest ${retention.keep}` };
    if (age < retention.forMs) return { version, keptBy: 'not as old as they are kept' };
    return { version, keptBy: version === newest ? 'the newest one' : null };
  });
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
