// Fills what needs dataset versions from models.v1, routes.v1 and trainer.v1.

import { decodeModelVersion, decodeRoute } from '@millrace/contracts';
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
    // What the trainer keeps of trainings that have not ended; a loop's state has no training's id.
    'trainer.v1': (key, value) => {
      const [project = '', trainingId] = key.split('/');
      if (trainingId !== undefined) used.training(project, trainingId, value !== null);
    },
  };
}
