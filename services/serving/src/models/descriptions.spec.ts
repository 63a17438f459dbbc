import { describe, expect, it } from '@jest/globals';
import { modelConfigJson } from '@millrace/contracts';
import type { ModelSpec, QueuePolicy } from '../declaration/model-spec.js';
import { modelConfigMessage } from './descriptions.js';
import { packageSpec } from './package-spec.js';

const POLICY: QueuePolicy = {
  timeoutAction: 'delay',
  defaultTimeoutUs: 5000,
  allowTimeoutOverride: true,
  maxQueueSize: 7,
};
const metadata = { name: 'm', platform: 'onnxruntime_onnx', inputs: [], outputs: [] };
const base = packageSpec(metadata, 64);
const json = (part: Partial<ModelSpec>) => modelConfigJson(modelConfigMessage({ ...base, ...part }));

describe("a model's configuration", () => {
  it('states dynamic batching with 64-bit integers as numbers', () => {
    const batching = base.batching as NonNullable<ModelSpec['batching']>;
    const policies = new Map([[2, POLICY]]);
    const { dynamic_batching } = json({
      batching: { ...batching, preferredBatchSizes: [4, 8], maxQueueDelayUs: 100, priorityLevels: 2, policies },
    });
    expect(dynamic_batching).toMatchObject({
      preferred_batch_size: [4, 8],
      max_queue_delay_microseconds: 100,
      priority_levels: 2,
      priority_queue_policy: {
        '2': { timeout_action: 'DELAY', default_timeout_microseconds: 5000, max_queue_size: 7 },
      },
    });
  });

  it('states one way of scheduling: an ensemble before sequences before batching', () => {
    const step = { model: 'a', version: -1, inputs: { X: 'x' }, outputs: { Y: 'y' } };
    const ensemble = json({ ensemble: [step] });
    expect(ensemble.ensemble_scheduling).toMatchObject({
      step: [{ model_name: 'a', model_version: -1, input_map: { X: 'x' }, output_map: { Y: 'y' } }],
    });
    expect(ensemble.dynamic_batching).toBeUndefined();
    const sequences = json({ sequences: { maxIdleUs: 9, maxSequences: 5 } });
    expect(sequences.sequence_batching).toMatchObject({
      max_sequence_idle_microseconds: 9,
      oldest: { max_candidate_sequences: 5 },
    });
    expect(json({ batching: undefined }).dynamic_batching).toBeUndefined();
  });

  it('states versions, instances, decoupled answers and the cache', () => {
    expect(
      json({
        versionPolicy: { kind: 'specific', versions: [1, 3] },
        instanceGroups: [{ kind: 'gpu', count: 2, gpus: [0, 1] }],
        decoupled: true,
        responseCache: true,
        parameters: { key: 'value' },
      }),
    ).toMatchObject({
      version_policy: { specific: { versions: [1, 3] } },
      instance_group: [{ name: 'm_0', kind: 'KIND_GPU', count: 2, gpus: [0, 1] }],
      model_transaction_policy: { decoupled: true },
      response_cache: { enable: true },
      parameters: { key: { string_value: 'value' } },
    });
  });
});
