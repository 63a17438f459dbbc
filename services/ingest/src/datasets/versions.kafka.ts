// Announces dataset versions on datasets.v1 (key "<project>/<id>"), after their manifest is in the artifact store; and
// fills the index from the topic.

import { type DatasetVersion, decodeDatasetVersion, encodeDatasetVersion } from '@millrace/contracts';
import type { MessageProducer, OnEntry } from '@millrace/kafka';
import type { DatasetIndex } from './dataset-index.js';
import type { VersionLog } from './version-table.js';

export interface ManifestStore {
  put(relativePath: string, bytes: Uint8Array): Promise<unknown>;
}

export class KafkaVersionLog implements VersionLog {
  constructor(
    private readonly producer: MessageProducer,
    private readonly store: ManifestStore,
  ) {}

  async announce(version: DatasetVersion): Promise<void> {
    const manifest = new TextEncoder().encode(`${JSON.stringify(version, null, 2)}\n`);
    await this.store.put(`datasets/${version.project}/${version.id}/manifest.json`, manifest);
    await this.producer.send('datasets.v1', [
      { key: `${version.project}/${version.id}`, value: encodeDatasetVersion(version) },
    ]);
  }
}

export function versionEntry(datasetIndex: DatasetIndex): OnEntry {
  return (_key, value) => {
    if (value !== null) datasetIndex.add(decodeDatasetVersion(value));
  };
}
