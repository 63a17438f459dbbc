// Reshapes, sequence controls and states between requests and an engine that knows nothing of them.

import { describe, expect, it } from '@jest/globals';
import { NO_PARAMETERS, Tensor, type TensorSpec } from '@millrace/inference';
import type { Adaptation, ModelSpec } from '../declaration/model-spec.js';
import { adaptedEngine } from './adapted-engine.js';
import type { EngineCall, SequenceStep, TensorEngine } from './tensor-engine.js';

const tensor = (name: string, datatype: TensorSpec['datatype'], ...shape: number[]): TensorSpec => ({
  name,
  datatype,
  shape,
});

function specOf(adaptation: Adaptation | undefined, more: Partial<ModelSpec> = {}): ModelSpec {
  return {
    name: 'm',
    platform: 'p',
    backend: 'b',
    maxBatchSize: 4,
    inputs: [{ ...tensor('x', 'FP32', 1), optional: false }],
    outputs: [{ ...tensor('y', 'FP32', 2, 2), labels: [] }],
    batching: undefined,
    sequences: { maxIdleUs: 1, maxSequences: 2 },
    instanceGroups: [],
    versionPolicy: { kind: 'latest', count: 1 },
    versionLabels: {},
    ensemble: undefined,
    responseCache: false,
    decoupled: false,
    warmUp: [],
    parameters: {},
    adaptation,
    ...more,
  };
}

/** Keeps what it was given; answers y of four elements per row, and S2 = S + 1. */
class Fake implements TensorEngine {
  readonly inputs = [];
  readonly outputs = [];
  calls: { inputs: readonly Tensor[]; call: EngineCall }[] = [];
  closed = false;

  async run(inputs: readonly Tensor[], call: EngineCall): Promise<readonly Tensor[]> {
    this.calls.push({ inputs, call });
    const rows = inputs[0]?.shape[0] ?? 1;
    const state = inputs.find(({ name }) => name === 'S');
    const y = Tensor.of(
      'y',
      'FP32',
      [rows, 4],
      Float32Array.from({ length: rows * 4 }, (_, i) => i),
    );
    if (!state) return [y];
    return [
      y,
      Tensor.of(
        'S2',
        'FP32',
        state.shape,
        (state.toValues() as number[]).map((value) => value + 1),
      ),
    ];
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

const call = (sequence?: SequenceStep, outputs: string[] = []): EngineCall => ({
  outputs,
  parameters: NO_PARAMETERS,
  sequence,
});
const step = (id: string, start = false, end = false): EngineCall => call({ id, start, end });
const x = Tensor.of('x', 'FP32', [2, 1], [5, 6]);

describe('an adapted engine', () => {
  it('is the engine itself where nothing is adapted', () => {
    const engine = new Fake();
    expect(adaptedEngine(specOf(undefined), engine)).toBe(engine);
  });

  it('reshapes inputs to the engine and outputs to the client', async () => {
    const engine = new Fake();
    const adapted = adaptedEngine(specOf({ reshapes: { x: [], y: [-1] }, controls: [], states: [] }), engine);
    expect(adapted.inputs).toEqual([tensor('x', 'FP32', -1, 1)]);
    const [y] = await adapted.run([x], call());
    expect(engine.calls[0]?.inputs[0]?.shape).toEqual([2]);
    expect([y?.shape, y?.toValues()]).toEqual([
      [2, 2, 2],
      [0, 1, 2, 3, 4, 5, 6, 7],
    ]);
    await adapted.close();
    expect(engine.closed).toBe(true);
  });

  it('tells the engine where a request stands in its sequence', async () => {
    const engine = new Fake();
    const control = (input: string, kind: 'start' | 'ready' | 'end' | 'id', datatype: TensorSpec['datatype']) => ({
      input,
      kind,
      datatype,
      off: 0,
      on: 1,
    });
    const controls = [
      control('START', 'start', 'INT32'),
      control('READY', 'ready', 'FP32'),
      control('END', 'end', 'BOOL'),
      control('ID', 'id', 'UINT64'),
    ];
    const adapted = adaptedEngine(specOf({ reshapes: {}, controls, states: [] }), engine);
    await adapted.run([x], step('18446744073709551615', true, true));
    const sent = engine.calls[0]?.inputs.slice(1).map((one) => [one.name, one.shape, one.toValues()]);
    expect(sent).toEqual([
      ['START', [2, 1], [1, 1]],
      ['READY', [2, 1], [1, 1]],
      ['END', [2, 1], [true, true]],
      ['ID', [2, 1], [18446744073709551615n, 18446744073709551615n]],
    ]);
    await adapted.run([x], step('7'));
    expect(engine.calls[1]?.inputs.slice(1, 4).map((one) => one.number(0))).toEqual([0, 1, 0]);
    await expect(adapted.run([x], call())).rejects.toThrow(
      "model 'm' keeps sequences: the request needs a sequence_id",
    );
    await expect(adapted.run([x], step('seven'))).rejects.toThrow("sequence_id 'seven' is no number");
  });

  it('carries states from request to request, apart by sequence and bounded', async () => {
    const engine = new Fake();
    const states = [{ input: 'S', output: 'S2', datatype: 'FP32' as const, dims: [1] }];
    const adapted = adaptedEngine(specOf({ reshapes: {}, controls: [], states }), engine);
    const given = async (at: EngineCall): Promise<unknown> => {
      const answer = await adapted.run([x], at);
      expect(answer.map(({ name }) => name)).toEqual(['y']);
      return engine.calls
        .at(-1)
        ?.inputs.find(({ name }) => name === 'S')
        ?.toValues();
    };
    expect(await given(step('a', true))).toEqual([0, 0]);
    expect(await given(step('b', true))).toEqual([0, 0]);
    expect(await given(step('a'))).toEqual([1, 1]);
    expect(await given(step('a'))).toEqual([2, 2]);
    expect(await given(step('b'))).toEqual([1, 1]);
    // A start begins anew; the state of an ended sequence is gone.
    expect(await given(step('a', true, true))).toEqual([0, 0]);
    expect(await given(step('a'))).toEqual([0, 0]);
    // At most two: c pushes out b, the longest unused.
    expect(await given(step('c', true))).toEqual([0, 0]);
    expect(await given(step('b'))).toEqual([0, 0]);
    // The state is asked for whatever the caller wants.
    await adapted.run([x], call({ id: 'z', start: true, end: false }, ['y']));
    expect(engine.calls.at(-1)?.call.outputs).toEqual(['y', 'S2']);
  });
});
