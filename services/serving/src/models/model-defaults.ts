// What a model's configuration means where it says nothing.

import type { BatchingSpec, ModelSpec, QueuePolicy } from '../declaration/model-spec.js';

/** A request's own `timeout` counts. */
export const PLAIN_POLICY: QueuePolicy = {
  timeoutAction: 'reject',
  defaultTimeoutUs: 0,
  allowTimeoutOverride: true,
  maxQueueSize: 0,
};

/** Work-conserving: an idle engine never waits. */
export const PLAIN_BATCHING: BatchingSpec = {
  preferredBatchSizes: [],
  maxQueueDelayUs: 0,
  preserveOrdering: false,
  priorityLevels: 0,
  defaultPriorityLevel: 0,
  defaultPolicy: PLAIN_POLICY,
  policies: new Map(),
  paddingBuckets: [],
};

/** All but the model's own name, tensors and batching. */
export const PLAIN_MODEL = {
  sequences: undefined,
  instanceGroups: [],
  versionPolicy: { kind: 'latest', count: 1 },
  versionLabels: {},
  ensemble: undefined,
  responseCache: false,
  decoupled: false,
  warmUp: [],
  parameters: {},
} as const satisfies Partial<ModelSpec>;
