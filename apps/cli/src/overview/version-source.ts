// What a dataset version came of, as `datasets` lists it.

import { rowsOrdinalOf } from '@millrace/domain';

interface Listed {
  readonly kind: string;
  readonly source: string;
  readonly ordinal: number;
  /** 0 or undefined = it is the first of its rows. */
  readonly rowsOf?: number;
}

/** One with newer labels of an import's rows has its file, too: alone it reads as a file that was imported twice. */
export function versionSource(version: Listed): string {
  const { kind, source, ordinal, rowsOf = 0 } = version;
  const first = rowsOrdinalOf({ ordinal, rowsOf });
  return kind === 'import' && first !== ordinal ? `${source}, late labels of #${first}` : source;
}
