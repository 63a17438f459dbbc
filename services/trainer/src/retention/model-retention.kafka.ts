// What needs model versions, from routes.v1 and the holds of progress.v1. Of the second only the holds are decoded; it
// is read only where a project declares how long its models are kept.

import { decodeProgress, decodeRoute } from '@millrace/contracts';
import type { CompactedReaderSettings } from '@millrace/kafka';
import type { ModelUses } from './model-retention.js';

export function routeUses(uses: ModelUses): CompactedReaderSettings['topics'] {
  return { 'routes.v1': (project, value) => uses.route(project, value === null ? null : decodeRoute(value)) };
}

export function holdUses(uses: ModelUses): CompactedReaderSettings['topics'] {
  return {
    'progress.v1': (key, value) => {
      if (value === null || !key.startsWith('/hold/')) return;
      const hold = decodeProgress(value);
      if (hold.kind === 'hold') uses.hold(hold);
    },
  };
}
