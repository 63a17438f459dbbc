// One broker for all test files of a run. Jest gives each file its own modules, but Node's built-in modules are the
// same objects for all files of one process, so the registry hangs there.

import events from 'node:events';

const REGISTRY = Symbol.for('millrace.testing.shared');

/** Makes the thing once per process; later calls get the same promise. A failed start may be tried again. */
export function once<T>(name: string, make: () => Promise<T>): Promise<T> {
  const holder = events as unknown as Record<symbol, Map<string, Promise<unknown>> | undefined>;
  holder[REGISTRY] ??= new Map();
  const registry = holder[REGISTRY];
  let started = registry.get(name) as Promise<T> | undefined;
  if (started === undefined) {
    started = make();
    registry.set(name, started);
    started.catch(() => registry.delete(name));
  }
  return started;
}
