// What `millrace new` and `millrace apply --infer` know of a file after reading it.

import type { TableProfile } from '@millrace/project';

export interface ReadTable {
  readonly profile: TableProfile;
  /** The first rows as they stand in the file. */
  readonly records: readonly Readonly<Record<string, unknown>>[];
  readonly warnings: readonly string[];
  /** Of a CSV file. */
  readonly delimiter?: string;
  /** False where the file has more rows than were read. */
  readonly isAll: boolean;
}
