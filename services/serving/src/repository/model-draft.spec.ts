// config.pbtxt in all the ways it is written, what it becomes, and every fault at once with its place.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { cloneRoot } from '@millrace/testing';
import { draftFromJson, draftFromText } from './model-draft.codec.js';
import { emptyDraft } from './spec-draft.js';

const read = (text: string) => draftFromText(text, 'config.pbtxt', 'm');
const draft = (text: string) => read(text).draft;

function faultsOf(text: string): string[] {
  try {
    read(text);
  } catch (error) {
    return (error as Error).message.split('\n').slice(1);
  }
  return [];
}

const FULL = `
# A configuration as people write them.
name: "m"
platform: 'onnxruntime_onnx' backend: "onnx" "runtime";
max_batch_size: 0x10,
input [
  { name: "ids" data_type: TYPE_INT64 dims: [ -1, 4 ] optional: true },
  { name: 'text', data_type: TYPE_STRING, dims: 1 reshape: { shape: [ ] } }
]
input { name: "half" data_type: TYPE_FP16 dims: 3 dims: 2 }
output: [ { name: "scores" data_type: TYPE_FP32 dims: [ 10 ] label_filename: "labels.txt" } ]
version_policy: { specific { versions: [ 3, 1 ] } }
dynamic_batching <
  preferred_batch_size: [ 8, 4 ]
  max_queue_delay_microseconds: 100
  preserve_ordering: true
  priority_levels: 2
  default_priority_level: 2
  default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 5000 max_queue_size: 7 }
  priority_queue_policy { key: 1 value { allow_timeout_override: true } }
>
instance_group [ { count: 2 kind: KIND_CPU }, { kind: KIND_GPU gpus: [ 0, 1 ] } ]
default_model_filename: "net.onnx"
parameters { key: "version_labels" value { string_value: "stable=1, canary=3" } }
parameters { key: "padding_buckets" value: { string_value: "64,16" } }
parameters: { key: "intra_op_thread_count", value: { string_value: "2" } }
response_cache { enable: true }
model_transaction_policy { decoupled: true }
model_warmup [ { name: "w" batch_size: 4 count: 3 inputs { key: "ids" value { data_type: TYPE_INT64 dims: [ 2, 4 ] random_data: true } } } ]
`;

describe('a configuration', () => {
  it('is read in every form that the text format has', () => {
    const { draft: found, notices } = read(FULL);
    expect(notices).toEqual([]);
    expect(found).toEqual({
      ...emptyDraft('m'),
      platform: 'onnxruntime_onnx',
      backend: 'onnxruntime',
      maxBatchSize: 16,
      inputs: [
        { name: 'ids', datatype: 'INT64', dims: [-1, 4], reshape: undefined, optional: true },
        { name: 'text', datatype: 'BYTES', dims: [1], reshape: [], optional: false },
        { name: 'half', datatype: 'FP16', dims: [3, 2], reshape: undefined, optional: false },
      ],
      outputs: [{ name: 'scores', datatype: 'FP32', dims: [10], reshape: undefined, labelFile: 'labels.txt' }],
      versionPolicy: { kind: 'specific', versions: [3, 1] },
      batching: {
        preferredBatchSizes: [4, 8],
        maxQueueDelayUs: 100,
        preserveOrdering: true,
        priorityLevels: 2,
        defaultPriorityLevel: 2,
        defaultPolicy: { timeoutAction: 'delay', defaultTimeoutUs: 5000, allowTimeoutOverride: false, maxQueueSize: 7 },
        policies: new Map([
          [1, { timeoutAction: 'reject', defaultTimeoutUs: 0, allowTimeoutOverride: true, maxQueueSize: 0 }],
        ]),
        paddingBuckets: [16, 64],
      },
      instanceGroups: [
        { kind: 'cpu', count: 2, gpus: [] },
        { kind: 'gpu', count: 1, gpus: [0, 1] },
      ],
      versionLabels: { stable: 1, canary: 3 },
      responseCache: true,
      decoupled: true,
      warmUp: [
        {
          name: 'w',
          batchSize: 4,
          count: 3,
          inputs: [{ name: 'ids', datatype: 'INT64', dims: [2, 4], data: 'random' }],
        },
      ],
      parameters: {
        version_labels: 'stable=1, canary=3',
        padding_buckets: '64,16',
        intra_op_thread_count: '2',
        default_model_filename: 'net.onnx',
      },
    });
  });

  it('may take the data of a warm-up from a file', () => {
    const text = `model_warmup { name: "w" inputs { key: "x" value { data_type: TYPE_FP32 dims: 2 input_data_file: "x.bin" } } }`;
    expect(draft(text).warmUp[0]?.inputs).toEqual([
      { name: 'x', datatype: 'FP32', dims: [2], data: 'file', file: 'x.bin' },
    ]);
  });

  it('may be empty or absent', () => {
    expect(draft('')).toEqual(emptyDraft('m'));
    expect(draft('\uFEFF# nothing\r\n')).toEqual(emptyDraft('m'));
    expect(draft('max_batch_size: 0').maxBatchSize).toBe(0);
  });

  it('reads escapes in texts', () => {
    const text = String.raw`parameters { key: "a\tb\"c\'\\" value { string_value: "gr\303\274n \xe6\x97\xa5 \u65e5 \U0001F642 \101\n" } }`;
    expect(draft(text).parameters).toEqual({ 'a\tb"c\'\\': 'grün 日 日 🙂 A\n' });
  });

  it('reads sequences with their controls and states', () => {
    const found = draft(`sequence_batching {
      max_sequence_idle_microseconds: 5000000
      oldest { max_candidate_sequences: 9 }
      control_input [
        { name: "START" control [ { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] } ] },
        { name: "READY" control { kind: CONTROL_SEQUENCE_READY fp32_false_true: [ 0, 1.5 ] } },
        { name: "END" control { kind: CONTROL_SEQUENCE_END bool_false_true: [ false, true ] } },
        { name: "ID" control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_UINT64 } }
      ]
      state [ { input_name: "IN" output_name: "OUT" data_type: TYPE_FP32 dims: [ 2, -1 ] } ]
    }`);
    expect(found.sequences).toEqual({ maxIdleUs: 5_000_000, maxSequences: 9 });
    expect(found.controls).toEqual([
      { input: 'START', kind: 'start', datatype: 'INT32', off: 0, on: 1 },
      { input: 'READY', kind: 'ready', datatype: 'FP32', off: 0, on: 1.5 },
      { input: 'END', kind: 'end', datatype: 'BOOL', off: 0, on: 1 },
      { input: 'ID', kind: 'id', datatype: 'UINT64', off: 0, on: 0 },
    ]);
    expect(found.states).toEqual([{ input: 'IN', output: 'OUT', datatype: 'FP32', dims: [2, 1] }]);
    expect(draft('sequence_batching { }').sequences).toEqual({ maxIdleUs: 1_000_000, maxSequences: 4096 });
  });

  it('reads an ensemble', () => {
    const found = draft(`platform: "ensemble"
      input { name: "x" data_type: TYPE_FP32 dims: 1 } output { name: "y" data_type: TYPE_FP32 dims: 1 }
      ensemble_scheduling { step [
        { model_name: "a" model_version: -1 input_map { key: "in" value: "x" } output_map { key: "out" value: "mid" } },
        { model_name: "b" model_version: 2 input_map { key: "in" value: "mid" } output_map { key: "out" value: "y" } }
      ] }`);
    expect(found.ensemble).toEqual([
      { model: 'a', version: -1, inputs: { in: 'x' }, outputs: { out: 'mid' } },
      { model: 'b', version: 2, inputs: { in: 'mid' }, outputs: { out: 'y' } },
    ]);
  });

  it('leaves where it runs to serving unless it says something', () => {
    expect(draft('instance_group { }').instanceGroups).toBeUndefined();
    expect(draft('instance_group { count: 3 }').instanceGroups).toEqual([{ kind: 'cpu', count: 3, gpus: [] }]);
    expect(draft('instance_group { gpus: 1 }').instanceGroups).toEqual([{ kind: 'gpu', count: 1, gpus: [1] }]);
    const engine = (value: string) =>
      draft(`parameters { key: "engine" value { string_value: "${value}" } }`).instanceGroups;
    expect(engine('inside')).toEqual([{ kind: 'inside', count: 1, gpus: [] }]);
    expect(engine('process')).toEqual([{ kind: 'cpu', count: 1, gpus: [] }]);
  });

  it('tells what has no effect', () => {
    const { notices } = read('optimization { graph { level: 1 } }\ninstance_group { count: 2 host_policy: "cpu_0" }');
    expect(notices).toEqual([
      'config.pbtxt:1:1: optimization has no effect: ONNX Runtime optimises graphs by itself',
      'config.pbtxt:2:27: host_policy has no effect',
    ]);
  });

  it('is the same as JSON', () => {
    const json = {
      max_batch_size: 8,
      input: [{ name: 'x', dataType: 'TYPE_FP32', dims: ['-1', 2] }],
      dynamicBatching: { preferred_batch_size: [4], max_queue_delay_microseconds: '100' },
    };
    const text = `max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 dims: [ -1, 2 ] }
      dynamic_batching { preferred_batch_size: 4 max_queue_delay_microseconds: 100 }`;
    expect(draftFromJson(JSON.stringify(json), 'm').draft).toEqual(draft(text));
    expect(() => draftFromJson('{', 'm')).toThrow("configuration of model 'm' is no ModelConfig");
    expect(() => draftFromJson('{"inputs": []}', 'm')).toThrow('inputs');
    expect(() => draftFromJson('null', 'm')).toThrow('no ModelConfig');
    expect(() => draftFromJson('{"name": "other"}', 'm')).toThrow("name is 'other', the model's folder is 'm'");
  });
});

describe('faults of a configuration', () => {
  it('are all told at once, in order, with line and column', () => {
    const text = `name: "other"
max_batch_sizes: 8
input [
  { name: "x" data_type: TYPE_FLOAT dims: [ 0 ] },
  { name: "x" data_type: TYPE_FP32 dims: [ "a" ] }
]
max_batch_size: 99999999999
version_policy { latest { num_versions: -1 } all { } }
dynamic_batching { preferred_batch_size: 0 }
sequence_batching { }
response_cache: true
name: "again"
`;
    expect(faultsOf(text)).toEqual([
      "config.pbtxt:1:1: name is 'other', the model's folder is 'm'",
      "config.pbtxt:2:1: ModelConfig has no field 'max_batch_sizes'; is 'max_batch_size' meant?",
      expect.stringContaining("config.pbtxt:4:26: 'TYPE_FLOAT' is none of TYPE_INVALID, TYPE_BOOL"),
      'config.pbtxt:4:37: dims has 0, a size is above 0, or -1 for any',
      "config.pbtxt:5:5: two inputs are called 'x'",
      'config.pbtxt:5:44: \'dims\' takes a whole number, not "a"',
      "config.pbtxt:7:17: 'max_batch_size' takes -2147483648 to 2147483647, not 99999999999",
      "config.pbtxt:8:41: 'num_versions' takes 0 to 4294967295, not -1",
      "config.pbtxt:8:46: 'all' and 'latest' exclude each other",
      'config.pbtxt:9:20: preferred_batch_size 0 is below 1',
      "config.pbtxt:10:1: 'sequence_batching' and 'dynamic_batching' exclude each other",
      "config.pbtxt:11:17: 'response_cache' takes { … }, not 'true'",
      "config.pbtxt:12:1: 'name' is given twice, first in line 1",
    ]);
  });

  it.each([
    ['name "m"', "1:6: expected ':' or '{' after 'name'"],
    ['name: ', "1:7: expected a value for 'name', not the end of the file"],
    ['name: "m', '1:7: a text that its line does not end'],
    ['input {', "1:7: '{' is never closed"],
    ['input [ { name: "x" }', "1:7: '[' is never closed"],
    ['input { name: "x" >', "1:19: expected '}' for '{' of line 1"],
    ['}', "1:1: '}' closes nothing"],
    ['= 3', "1:1: expected a field name, not '='"],
    ['[some.extension]: 1', '1:1: expected a field name, not an extension name'],
    [String.raw`name: "\q"`, "1:7: unknown escape '\\q'"],
    [String.raw`name: "\377"`, "1:7: '\\377' is no UTF-8"],
    ['max_batch_size: 1.5', "1:17: 'max_batch_size' takes a whole number, not 1.5"],
    ['max_batch_size: [ 1 ]', "1:1: 'max_batch_size' takes one value, not a list"],
    ['max_batch_size: { }', "1:17: 'max_batch_size' takes a value, not { … }"],
    ['max_batch_size: -1', '1:1: max_batch_size is -1, expected 0 or above'],
    ['model_transaction_policy { decoupled: yes }', "1:39: 'decoupled' takes true or false, not yes"],
    ['parameters { key: "a" value: "b" }', "1:30: 'parameters' takes { … }, not 'b'"],
    ['parameters { value { } }', "1:12: an entry of 'parameters' needs a key"],
    [
      'parameters { key: "engine" value { string_value: "away" } }',
      "1:1: parameter 'engine' is 'away', expected inside or process",
    ],
    [
      'parameters { key: "version_labels" value { string_value: "a=0" } }',
      "1:1: parameter 'version_labels' has 'a=0', expected <label>=<version>",
    ],
    ['instance_group { kind: KIND_CPU gpus: 0 }', '1:33: gpus go with KIND_GPU or KIND_AUTO only'],
    [
      'input { name: "x" dims: 3 reshape { shape: [ 2, 2 ] } }',
      "1:27: reshape [2,2] and dims [3] of 'x' differ in elements",
    ],
    ['platform: "ensemble"', '1:1: an ensemble needs ensemble_scheduling with its steps'],
    ['batch_input { }', '1:1: batch_input is not supported: inputs made from ragged batches'],
  ])('%s', (text, fault) => {
    expect(faultsOf(text)).toContain(`config.pbtxt:${fault}`);
  });

  it('are bounded and end on any text', () => {
    expect(faultsOf('x: 1\n'.repeat(10_000))).toHaveLength(50);
    expect(faultsOf('a{'.repeat(500_000)).length).toBeGreaterThan(0);
    expect(faultsOf('input['.repeat(100_000)).length).toBeGreaterThan(0);
    expect(faultsOf('dims: 1\n'.repeat(200_000)).length).toBeGreaterThan(0);
    // Any cut of a good file is read or refused, never a crash of another kind.
    for (let end = 0; end < FULL.length; end++) faultsOf(FULL.slice(0, end));
  });
});

describe('the example repository', () => {
  const repository = join(cloneRoot(), 'examples/model-repository');
  const models = readdirSync(repository, { withFileTypes: true }).filter((entry) => entry.isDirectory());

  it.each(models.map(({ name }) => name))('%s has a configuration without faults', (name) => {
    const text = readFileSync(join(repository, name, 'config.pbtxt'), 'utf8');
    expect(draftFromText(text, 'config.pbtxt', name).notices).toEqual([]);
  });
});
