// The engine of specs that drive it without brokers.

import type { MetadataCache } from '../src/metadata/metadata-cache.js';
import { termsOf } from '../src/quality/task-terms.js';
import { TrafficHistory } from '../src/software/traffic-history.js';
import { Engine } from '../src/windows/engine.js';

type Bounds = Pick<ConstructorParameters<typeof Engine>[0], 'joinRowsMax' | 'retainedWindows' | 'windowsKept'>;

export function anEngine(metadata: MetadataCache, bounds: Partial<Bounds> = {}): Engine {
  return new Engine({
    project: (name) => metadata.project(name),
    metadata,
    traffic: new TrafficHistory(),
    idleMs: { predictions: 5_000, labels: 60_000 },
    terms: termsOf,
    ...{ joinRowsMax: 100_000, retainedWindows: 2, windowsKept: 100, ...bounds },
  });
}
