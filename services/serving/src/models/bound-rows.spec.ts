// A version whose model was made elsewhere, through ServedVersion: rows by their columns, answers checked row by row.

import { describe, expect, it } from '@jest/globals';
import { PlatformError, taskOf } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import { type Binding, type InferRequest, type InferResponse, Tensor } from '@millrace/inference';
import { ManualTurns } from '../../test/manual-turns.js';
import type { TensorEngine } from '../runtime/tensor-engine.js';
import { BoundRows } from './bound-rows.js';
import type { CallFacts } from './infer-job.js';
import { type AnsweredBatch, ServedVersion } from './served-version.js';
import { headOf } from './task-head.js';

const INPUTS: readonly SignatureInput[] = [
  { name: 'x', type: 'number' },
  { name: 'count', type: 'integer' },
  { name: 'city', type: 'text' },
];

/** One tensor of two columns in another order than the signature's, one of texts; the second of two numbers counts. */
const BINDING: Binding = {
  inputs: [
    { tensor: 'numbers', datatype: 'FP32', shape: [2], columns: ['count', 'x'] },
    { tensor: 'city', datatype: 'BYTES', shape: [1], columns: ['city'] },
  ],
  outputs: [{ output: 'probability', tensor: 'probabilities', datatype: 'FP32', shape: [2], index: 1, of: 'value' }],
};

type Run = TensorEngine['run'];

/** Answers x as the probability. */
const echo: Run = async ([numbers]) => {
  const rows = numbers?.shape[0] as number;
  const values = Array.from({ length: rows }, (_, row) => numbers?.number(2 * row + 1) as number);
  return [
    Tensor.of(
      'probabilities',
      'FP32',
      [rows, 2],
      values.flatMap((p) => [1 - p, p]),
    ),
  ];
};

function harness(run: Run = echo, binding = BINDING) {
  const { clock, soon, settle } = new ManualTurns(1000);
  const logged: AnsweredBatch[] = [];
  const given: (readonly Tensor[])[] = [];
  const wrong: string[] = [];
  const engine: TensorEngine = {
    inputs: [],
    outputs: [],
    run: (inputs, call) => {
      given.push(inputs);
      return run(inputs, call);
    },
    close: async () => {},
  };
  const head = headOf('binary');
  const model = new BoundRows('test', INPUTS, binding, taskOf('binary'), engine);
  const version = new ServedVersion(
    { project: 'demo', version: 2, modelSha256: 'sha', inputs: INPUTS, model, head },
    undefined,
    { batchRowsMax: 8, queueJobsMax: 100, queueRowsMax: 100, concurrency: 1, requestRowsMax: 20 },
    {
      clock,
      soon,
      nextRequestId: () => 'made',
      answered: (answer) => logged.push(answer),
      wrongAnswer: (name) => wrong.push(name),
    },
  );
  const answers: { id: string; error?: PlatformError; response?: InferResponse }[] = [];
  const ask = (id: string, rows: [x: number, count: number, city: string][]) =>
    version.submit(requestOf(id, rows), FACTS, (error, response) =>
      answers.push({ id, ...(error && { error }), ...(response && { response }) }),
    );
  return { version, settle, logged, given, wrong, answers, ask };
}

const FACTS: CallFacts = { version: 0, entity: '', traceparent: '', arrivedAtMs: 1000, deadlineAtMs: Infinity };

function requestOf(id: string, rows: [number, number, string][]): InferRequest {
  const shape = [rows.length];
  const column = (at: 0 | 1 | 2) => rows.map((row) => row[at]);
  const inputs = [
    Tensor.of('city', 'BYTES', shape, column(2) as string[]),
    Tensor.of('x', 'FP64', shape, column(0) as number[]),
    Tensor.of('count', 'FP64', shape, column(1) as number[]),
  ];
  return { modelName: 'demo', modelVersion: '', id, parameters: {}, inputs, outputs: [] };
}

describe('a version with somebody’s own model', () => {
  it('gives the model its tensors in its own order, and each caller the task’s outputs of its own rows', async () => {
    const { ask, settle, given, answers, logged } = harness();
    ask('a', [[0.25, 3, 'Köln']]);
    ask('b', [
      [0.5, 4, ''],
      [0.75, Number.NaN, 'Bonn'],
    ]);
    await settle();
    expect(given).toHaveLength(1);
    const [numbers, city] = given[0] as readonly Tensor[];
    expect([numbers?.shape, numbers?.toValues()]).toEqual([
      [3, 2],
      [3, 0.25, 4, 0.5, Number.NaN, 0.75],
    ]);
    expect([city?.shape, city?.texts()]).toEqual([
      [3, 1],
      ['Köln', '', 'Bonn'],
    ]);
    const told = answers.map(({ id, response }) => [id, ...(response?.outputs ?? []).map((one) => one.toValues())]);
    expect(told).toEqual([
      ['a', [0.25], ['0']],
      ['b', [0.5, 0.75], ['1', '1']],
    ]);
    // The log has the rows as they came, whatever the model's tensors are.
    expect(logged.flatMap(({ job }) => job.raw)).toEqual([
      [0.25, 3, 'Köln'],
      [0.5, 4, null],
      [0.75, null, 'Bonn'],
    ]);
  });

  it.each<[string, Run, RegExp]>([
    [
      'a number that is no probability',
      async () => [Tensor.of('probabilities', 'FP32', [1, 2], [0, 3.2])],
      /the model's answer is refused: row 1: output 'probability' is 3\.2.* not a number in \[0, 1\].*probabilities/,
    ],
    [
      'NaN',
      async () => [Tensor.of('probabilities', 'FP32', [1, 2], [0, Number.NaN])],
      /row 1: output 'probability' is NaN/,
    ],
    ['fewer rows', async () => [Tensor.of('probabilities', 'FP32', [0, 2], [])], /is FP32 \[0,2\] for 1 rows/],
    [
      'another shape',
      async () => [Tensor.of('probabilities', 'FP32', [1, 3], [0, 0, 1])],
      /is FP32 \[1,3\] for 1 rows/,
    ],
    ['another tensor', async () => [Tensor.of('label', 'INT64', [1], [1])], /answers no tensor 'probabilities'/],
  ])('fails the request that is answered with %s, says why, counts it, and goes on', async (_what, run, message) => {
    let first = true;
    const harnessed = harness((inputs, call) => {
      if (!first) return echo(inputs, call);
      first = false;
      return run(inputs, call);
    });
    const { ask, settle, answers, version, wrong, logged } = harnessed;
    ask('bad', [[0.5, 1, 'a']]);
    await settle();
    ask('good', [[0.5, 1, 'a']]);
    await settle();
    expect(answers.map(({ id, error }) => [id, error?.code])).toEqual([
      ['bad', 'corrupt'],
      ['good', undefined],
    ]);
    expect(answers[0]?.error?.reason).toMatch(message);
    expect(version.statistics.failures.BACKEND).toBe(1);
    expect(wrong).toEqual(['demo']);
    expect(logged.map(({ job }) => job.id)).toEqual(['good']);
  });

  it('lets no request fail for its neighbour’s row', async () => {
    const { ask, settle, answers, given } = harness();
    ask('a', [[0.25, 1, 'a']]);
    ask('bad', [
      [0.5, 1, 'a'],
      [7, 1, 'a'],
    ]);
    ask('b', [[0.75, 1, 'a']]);
    await settle();
    expect(answers.map(({ id, error }) => [id, error?.reason.slice(0, 65)])).toEqual([
      ['a', undefined],
      ['bad', "the model's answer is refused: row 2: output 'probability' is 7, "],
      ['b', undefined],
    ]);
    expect(given.map(([numbers]) => numbers?.shape[0])).toEqual([4, 1, 2, 1]);
  });

  it('refuses the caller’s row that cannot be the model’s input, as the caller’s fault', async () => {
    const integers = {
      ...BINDING,
      inputs: [{ ...BINDING.inputs[0], datatype: 'INT64' }, BINDING.inputs[1]],
    } as Binding;
    const { ask, settle, answers, version, wrong } = harness(echo, integers);
    ask('gap', [[1, Number.NaN, 'a']]);
    await settle();
    expect(answers[0]?.error?.code).toBe('invalid_argument');
    expect(answers[0]?.error?.reason).toMatch(/row 1: column 'count' is missing, and tensor 'numbers' of INT64/);
    expect([version.statistics.failures.OTHER, version.statistics.failures.BACKEND, wrong]).toEqual([1, 0, []]);
  });

  it('tries nothing again while the engine itself is away', async () => {
    const { ask, settle, answers, given } = harness(async () => {
      throw new PlatformError('unavailable', 'the engine process ended');
    });
    ask('a', [[0.25, 1, 'a']]);
    ask('b', [[0.25, 1, 'a']]);
    await settle();
    expect(answers.map(({ error }) => error?.code)).toEqual(['unavailable', 'unavailable']);
    expect(given).toHaveLength(1);
  });

  it('warms up with zeros in the binding’s shapes, and a model that refuses them is loaded all the same', async () => {
    const { version, given } = harness(async () => {
      throw new Error('index 0 is out of range');
    });
    await version.warmUp();
    expect(given.map((tensors) => tensors.map(({ shape }) => shape))).toEqual([
      [
        [1, 2],
        [1, 1],
      ],
    ]);
  });
});
