// The log on which a process that holds a partition number tells what it has done: progress.v1 and datasets.v1, both in
// one transaction.

import type { DatasetVersion } from '@millrace/contracts';
import type { ProgressEntry } from './progress-entry.js';

export interface ProgressLog {
  /**
   * Writes all or nothing; then it is in the view. @throws PlatformError 'conflict' once another process holds the
   * number, 'unavailable' where it is not known whether it was written
   */
  write(
    partition: number,
    entries: readonly ProgressEntry[],
    versions: readonly DatasetVersion[],
    /** Versions that are deleted. */
    gone?: readonly DatasetVersion[],
  ): Promise<void>;
}
