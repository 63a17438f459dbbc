// Keeps the cache at the state of projects.v1, models.v1 and routes.v1. No decisions here.

import { decodeModelVersion, decodeProject, decodeRoute } from '@millrace/contracts';
import type { CompactedReaderSettings } from '@millrace/kafka';
import { type Project, projectFromDocument } from '@millrace/project';
import type { Route } from '@millrace/routing';
import type { MetadataCache } from './metadata-cache.js';
import type { References } from './references.js';

export function metadataEntries(
  metadata: MetadataCache,
  references: References,
  onProject: (project: Project, appliedAtMs: number) => void,
  onProjectRemoved: (name: string) => void,
  onRoute: (before: Route | undefined, route: Route) => void,
): CompactedReaderSettings['topics'] {
  return {
    'projects.v1': (key, value) => {
      if (value === null) {
        metadata.removeProject(key);
        onProjectRemoved(key);
        return;
      }
      const { document, createdAtMs, appliedAtMs } = decodeProject(value);
      const project = projectFromDocument(document);
      metadata.setProject(project, createdAtMs);
      onProject(project, appliedAtMs);
    },
    'models.v1': (_key, value) => {
      if (value === null) return;
      const model = decodeModelVersion(value);
      metadata.setModel(model);
      references.announced(model.project, model.version);
    },
    'routes.v1': (key, value) => {
      if (value === null) {
        metadata.removeRoute(key);
        return;
      }
      const route = decodeRoute(value);
      onRoute(metadata.route(route.project), route);
      metadata.setRoute(route);
    },
  };
}
