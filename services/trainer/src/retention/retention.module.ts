// Wiring of retention: the collector of model versions, what it reads before it deletes, and what it tells.

import type { ArtifactStore } from '@millrace/artifacts';
import { packagesFolder } from '@millrace/domain';
import type { CompactedReader } from '@millrace/kafka';
import { counter, logger } from '@millrace/telemetry';
import { goingVersions } from './going-versions.fs.js';
import { ModelCollector, type ModelCollectorPorts } from './model-collector.js';

const modelsRemoved = counter('millrace.trainer.models_removed');

type Known = Omit<ModelCollectorPorts, 'upToNow' | 'going' | 'packages' | 'removePackage' | 'reports'>;
type Store = Pick<ArtifactStore, 'list' | 'read' | 'put' | 'remove'>;

/** `state`: models and routes up to now. `followHolds`: begins to read holds. */
export function modelCollector(
  store: Store,
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
    going: goingVersions(store),
    packages: (project) => store.list(packagesFolder(project)),
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
