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
import { inServiceVersion } from '@millrace/routing';
import type { Outlast } from '../duty/outlasting.js';
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
    'models.v1': (key, value) => {
      const [project = '', version] = key.split('/');
      if (value === null) registry.removeModel(project, Number(version));
      else registry.setModel(decodeModelVersion(value));
    },
    'routes.v1': (project, value) =>
      registry.setRoute(project, value === null ? 0 : inServiceVersion(decodeRoute(value))),
  };
}

/** What a finished work waits for: hours of it are not thrown away for a broker that is away. */
export class Announcements {
  constructor(
    private readonly log: Pick<TrainerLog, 'write' | 'tell' | 'refuseReplaced'>,
    private readonly outlast: Outlast,
  ) {}

  /** Before a package is written. @throws PlatformError where another trainer is at work */
  refuseReplaced(): Promise<void> {
    return this.outlast('the place of the trainer at work', () => this.log.refuseReplaced());
  }

  /** A second one of the same version is known by its key. */
  async model(version: ModelVersion): Promise<void> {
    const key = `${version.project}/${version.version}`;
    const value = encodeModelVersion(version);
    await this.outlast(`version ${key}`, () => this.log.write('models.v1', [{ key, value }]));
  }

  /** These, and that those are deleted. @throws PlatformError where another trainer is at work */
  async modelsNow(versions: readonly ModelVersion[], gone: readonly ModelVersion[]): Promise<void> {
    const keyOf = ({ project, version }: ModelVersion) => `${project}/${version}`;
    await this.log.write('models.v1', [
      ...versions.map((version) => ({ key: keyOf(version), value: encodeModelVersion(version) })),
      ...gone.map((version) => ({ key: keyOf(version), value: null })),
    ]);
  }

  async update(update: TrainingEvent): Promise<void> {
    const key = `${update.project}/${update.trainingId}`;
    await this.log.tell('trainings.v1', { key, value: encodeTrainingEvent(update) });
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
