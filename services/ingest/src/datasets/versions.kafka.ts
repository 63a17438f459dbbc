// Fills the index of dataset versions from datasets.v1 (key "<project>/<id>").

import { decodeDatasetVersion } from '@millrace/contracts';
import type { OnEntry } from '@millrace/kafka';
import type { DatasetIndex } from './dataset-index.js';

export function versionEntry(datasetIndex: DatasetIndex): OnEntry {
  return (_key, value) => {
    if (value !== null) datasetIndex.add(decodeDatasetVersion(value));
  };
}
