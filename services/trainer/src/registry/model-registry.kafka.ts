// Fills the registry from the compacted topics, and announces to them.

import {
  decodeDatasetVersion,
  decodeModelVersion,
  decodeProject,
  decodeRoute,
  encodeModelVersion,
  encodeTrainingEvent,
  type ModelVersion,
  type TrainingEvent,
} from '@millrace/contracts';
import type { CompactedReaderSettings } from '@millrace/kafka';
import { projectFromDocument } from '@millrace/project';
import { primaryVersion } from '@millrace/routing';
import type { TrainerLog } from '../duty/trainer-log.kafka.js';
import type { ModelRegistry } from './model-registry.js';

export function registryEntries(registry: ModelRegistry): CompactedReaderSettings['topics'] {
  return {
    'projects.v1': (key, value) => {
      if (value === null) registry.setProject(key, null);
      else {
        const entry = decodeProject(value);
        registry.setProject(entry.name, projectFromDocument(entry.document), entry.createdAtMs, entry.revision);
      }
    },
    'datasets.v1': (key, value) => {
      const [project = '', id = ''] = key.split('/');
      if (value === null) registry.removeDataset(project, id);
      else registry.setDataset(decodeDatasetVersion(value));
    },
    'models.v1': (_key, value) => {
      if (value !== null) registry.setModel(decodeModelVersion(value));
    },
    'routes.v1': (project, value) =>
      registry.setRoute(project, value === null ? 0 : primaryVersion(decodeRoute(value).targets)),
  };
}

export class Announcements {
  constructor(private readonly log: TrainerLog) {}

  /** Before a package is written. @throws PlatformError where another trainer is at work */
  refuseReplaced(): Promise<void> {
    return this.log.refuseReplaced();
  }

  async model(version: ModelVersion): Promise<void> {
    await this.log.write('models.v1', [
      { key: `${version.project}/${version.version}`, value: encodeModelVersion(version) },
    ]);
  }

  async update(update: TrainingEvent): Promise<void> {
    await this.log.write('trainings.v1', [
      { key: `${update.project}/${update.trainingId}`, value: encodeTrainingEvent(update) },
    ]);
  }
}

type Entries = CompactedReaderSettings['topics'];

/** Handlers of the same topic run one after the other, in the given order. */
export function chained(...all: readonly Entries[]): Entries {
  const names = [...new Set(all.flatMap((entries) => Object.keys(entries)))];
  return Object.fromEntries(
    names.map((name) => {
      const handlers = all.flatMap((entries) => entries[name] ?? []);
      return [
        name,
        async (key: string, value: Buffer | null, at: Parameters<(typeof handlers)[0]>[2]) => {
          for (const handler of handlers) await handler(key, value, at);
        },
      ];
    }),
  );
}
