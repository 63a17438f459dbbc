// What model versions were that are told to be gone, as long as that may be taken back: in the artifact store below
// models-going/<project>/<version>, beside the packages, for a package is written as one.

import type { ArtifactStore } from '@millrace/artifacts';
import { decodeModelVersion, encodeModelVersion } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { ModelCollectorPorts } from './model-collector.js';

export function goingVersions(store: Pick<ArtifactStore, 'read' | 'put' | 'remove'>): ModelCollectorPorts['going'] {
  const pathOf = (project: string, version: number) => `models-going/${project}/${version}`;
  return {
    keep: async (version) => {
      await store.put(pathOf(version.project, version.version), encodeModelVersion(version));
    },
    read: async (project, version) => {
      try {
        return decodeModelVersion(await store.read(pathOf(project, version)));
      } catch (thrown) {
        if (PlatformError.from(thrown).code === 'not_found') return null;
        throw thrown;
      }
    },
    forget: (project, version) => store.remove(pathOf(project, version)),
  };
}
