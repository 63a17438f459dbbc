// How far the references are that versions get from their own first rows, in words for `drift` and `status`.

interface Watched {
  version: number;
  reference: { rows: number; of: number; complete: boolean } | null;
}

/** A version whose reference is not complete. */
export interface Collecting {
  version: number;
  rows: number;
  of: number;
}

export function collectingOf(models: readonly Watched[]): Collecting[] {
  return models.flatMap(({ version, reference }) =>
    reference === null || reference.complete ? [] : [{ version, rows: reference.rows, of: reference.of }],
  );
}

const grouped = new Intl.NumberFormat('en');

/** A line each. */
export function collectingText({ version, rows, of }: Collecting): string {
  const share = `${grouped.format(rows)} of ${grouped.format(of)} rows`;
  return `version ${version}, reference: ${share}; until it is complete windows are counted, not judged`;
}
