// progress.v1 and datasets.v1 on Kafka: what the holder of a partition number tells, in one transaction with a producer
// that fences its predecessor; and the view of it that every process follows.

import { type DatasetVersion, decodeProgress, encodeDatasetVersion, encodeProgress } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { FencedWriters, OnEntry } from '@millrace/kafka';
import type { OpenSpans } from './open-spans.js';
import { type ProgressEntry, progressKey } from './progress-entry.js';
import type { ProgressLog } from './progress-log.js';

/** What of the artifact store a version's manifest needs. */
export interface ManifestStore {
  put(relativePath: string, bytes: Uint8Array): Promise<unknown>;
}

export class KafkaProgressLog implements ProgressLog {
  constructor(
    private readonly writers: FencedWriters,
    private readonly store: ManifestStore,
    /** The number is held by another process, or may be: it must be taken over again before anything is written. */
    private readonly lost: (partition: number, error: PlatformError) => void,
  ) {}

  async write(
    partition: number,
    entries: readonly ProgressEntry[],
    versions: readonly DatasetVersion[],
  ): Promise<void> {
    for (const version of versions) {
      const manifest = new TextEncoder().encode(`${JSON.stringify(version, null, 2)}\n`);
      await this.store.put(`datasets/${version.project}/${version.id}/manifest.json`, manifest);
    }
    const writer = this.writers.of(partition);
    const writing = writer.transaction(async (transaction) => {
      await transaction.send(
        'progress.v1',
        entries.map((entry) =>
          entry.kind === 'gone'
            ? { key: entry.key, value: null, partition }
            : { key: progressKey(entry), value: encodeProgress(entry), partition },
        ),
      );
      if (versions.length === 0) return;
      await transaction.send(
        'datasets.v1',
        versions.map((version) => ({ key: `${version.project}/${version.id}`, value: encodeDatasetVersion(version) })),
      );
    });
    try {
      await writing;
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (!writer.isUsable) this.lost(partition, error);
      throw error;
    }
  }
}

/** Puts entries of the topic into the view, but those of held numbers: what is written here is in it before. */
export class ProgressFollower {
  private held: ReadonlySet<number> = new Set();

  constructor(private readonly spans: OpenSpans) {}

  hold(numbers: readonly number[]): void {
    this.held = new Set(numbers);
  }

  readonly onEntry: OnEntry = (key, value, { partition }) => {
    if (this.held.has(partition)) return;
    this.spans.put(value === null ? { kind: 'gone', key } : decodeProgress(value));
  };
}
