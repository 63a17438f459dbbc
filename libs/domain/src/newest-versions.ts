// Which dataset versions of a list hold each row once. A span of the live stream and an import have one version, and
// one more with the same rows each time that labels came later; the last one stands for all of them. O(versions).

interface RowsVersion {
  readonly ordinal: number;
  /** Of one with newer labels: the ordinal of the version that first had its rows; 0 = it has rows of its own. */
  readonly rowsOf: number;
}

/** The ordinal of the version that first had these rows. */
export const rowsOrdinalOf = ({ rowsOf, ordinal }: RowsVersion): number => rowsOf || ordinal;

export function newestVersions<V extends RowsVersion>(versions: readonly V[]): V[] {
  const newest = new Map<number, number>();
  for (const version of versions) {
    const rows = rowsOrdinalOf(version);
    newest.set(rows, Math.max(newest.get(rows) ?? 0, version.ordinal));
  }
  return versions.filter((version) => newest.get(rowsOrdinalOf(version)) === version.ordinal);
}
