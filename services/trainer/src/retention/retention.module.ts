// Wiring of retention: the collector of model versions, what it reads before it deletes, and what it tells.

import type { ArtifactStore } from '@millrace/artifacts';
import type { CompactedReader } from '@millrace/kafka';
import { counter, logger } from '@millrace/telemetry';
import { ModelCollector, type ModelCollectorPorts } from './model-collector.js';

const modelsRemoved = counter('millrace.trainer.models_removed');

type Known = Pick<ModelCollectorPorts, 'models' | 'allVersions' | 'rules' | 'openTraining' | 'uses' | 'clock' | 'tell'>;

/** `state`: models and routes up to now. `followHolds`: begins to read holds. */
export function modelCollector(
  store: Pick<ArtifactStore, 'list' | 'remove'>,
  known: Known,
  state: () => Promise<void>,
  followHolds: () => CompactedReader,
): ModelCollector {
  const log = logger('retention');
  let holds: CompactedReader | undefined;
  return new ModelCollector({
    ...known,
    upToNow: async () => {
      holds ??= followHolds();
      await Promise.all([state(), holds.upToNow()]);
    },
    packages: (project) => store.list(`models/${project}`),
    removePackage: (path) => store.remove(path),
    reports: {
      removed: ({ project, version, blessed }) => {
        modelsRemoved.add(1, { project });
        log.info('model version deleted by retention', { project, version, blessed });
      },
      left: (path, error) => log.warn('the package of a deleted model version takes room still', { path }, error),
    },
  });
}
