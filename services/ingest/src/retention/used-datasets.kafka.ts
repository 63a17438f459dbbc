// Fills what needs dataset versions from models.v1, routes.v1 and trainings.v1.

import { decodeModelVersion, decodeRoute, decodeTrainingEvent } from '@millrace/contracts';
import type { CompactedReaderSettings } from '@millrace/kafka';
import type { UsedDatasets } from './used-datasets.js';

export function usedDatasetEntries(used: UsedDatasets): CompactedReaderSettings['topics'] {
  return {
    'models.v1': (key, value) => {
      const [project = '', version] = key.split('/');
      if (value === null) used.removeModel(project, Number(version));
      else used.model(decodeModelVersion(value));
    },
    'routes.v1': (project, value) => {
      if (value === null) return used.served(project, []);
      const { targets, previousVersion, loadedVersions } = decodeRoute(value);
      used.served(project, [...targets.map(({ version }) => version), previousVersion, ...loadedVersions]);
    },
    'trainings.v1': (_key, value) => {
      if (value !== null) used.training(decodeTrainingEvent(value));
    },
  };
}
