// Fills the index of dataset versions from datasets.v1 (key "<project>/<id>"; null = deleted).

import { decodeDatasetVersion } from '@millrace/contracts';
import type { OnEntry } from '@millrace/kafka';
import type { DatasetIndex } from './dataset-index.js';

export function versionEntry(datasetIndex: DatasetIndex): OnEntry {
  return (key, value) => {
    if (value !== null) datasetIndex.add(decodeDatasetVersion(value));
    else {
      const slash = key.indexOf('/');
      datasetIndex.remove(key.slice(0, slash), key.slice(slash + 1));
    }
  };
}
