// progress.v1 and datasets.v1 on Kafka: what the holder of a partition number tells, in one transaction with a producer
// that fences its predecessor; and what every process reads of it.

import { type DatasetVersion, decodeProgress, encodeDatasetVersion, encodeProgress } from '@millrace/contracts';
import { PlatformError, type RequestIds } from '@millrace/domain';
import { type FencedWriters, inParts, type OnEntry } from '@millrace/kafka';
import { type ProgressEntry, progressKey } from './progress-entry.js';
import type { ProgressFollower } from './progress-follower.js';
import type { ProgressLog } from './progress-log.js';
import { manifestPathOf } from './version-files.fs.js';

/** Header: which transaction an entry is of. */
const TRANSACTION = 'transaction';
/** Half of what the topic takes. */
const SENT_BYTES_MAX = 524_288;

/** What of the artifact store a version's manifest needs. */
export interface ManifestStore {
  put(relativePath: string, bytes: Uint8Array): Promise<unknown>;
}

const keyOf = ({ project, id }: DatasetVersion): string => `${project}/${id}`;

export class KafkaProgressLog implements ProgressLog {
  constructor(
    private readonly writers: FencedWriters,
    private readonly store: ManifestStore,
    private readonly follower: ProgressFollower,
    private readonly ids: RequestIds,
    /** The number is held by another process, or may be: it must be taken over again before anything is written. */
    private readonly lost: (partition: number, error: PlatformError) => void,
  ) {}

  async write(
    partition: number,
    entries: readonly ProgressEntry[],
    versions: readonly DatasetVersion[],
    gone: readonly DatasetVersion[] = [],
  ): Promise<void> {
    // The one that the caller decided with: another one may be here when the manifests are written.
    const writer = this.writers.of(partition);
    for (const version of versions) {
      const manifest = new TextEncoder().encode(`${JSON.stringify(version, null, 2)}\n`);
      await this.store.put(manifestPathOf(version), manifest);
    }
    const id = this.ids.next();
    const headers = { [TRANSACTION]: id };
    // Before the transaction: what cannot be encoded is no fault of the broker, and nobody has taken the number over.
    const messages = entries.map((entry) =>
      entry.kind === 'gone'
        ? { key: entry.key, value: null, partition, headers }
        : { key: progressKey(entry), value: encodeProgress(entry), partition, headers },
    );
    const manifests = [
      ...versions.map((version) => ({ key: keyOf(version), value: encodeDatasetVersion(version) })),
      ...gone.map((version) => ({ key: keyOf(version), value: null })),
    ];
    const writing = writer.transaction(async (transaction) => {
      for (const part of inParts(messages, SENT_BYTES_MAX)) await transaction.send('progress.v1', part);
      for (const part of inParts(manifests, SENT_BYTES_MAX)) await transaction.send('datasets.v1', part);
    });
    try {
      await writing;
      this.follower.committed(partition, id, entries);
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (!writer.isUsable) this.lost(partition, error);
      throw error;
    }
  }
}

/** The follower's entries as the reader of the topic brings them. */
export function progressEntry(follower: ProgressFollower): OnEntry {
  return (key, value, { partition, offset, headers }) =>
    follower.brought(partition, offset, key, value === null ? null : decodeProgress(value), headers[TRANSACTION] ?? '');
}
