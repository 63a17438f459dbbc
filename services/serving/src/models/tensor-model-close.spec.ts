// What a tensor model owes when it closes, and which requests it lets share an engine call.

import { describe, expect, it } from '@jest/globals';
import { type PlatformError } from '@millrace/domain';
import { type InferResponse, NO_PARAMETERS, type Parameters, Tensor } from '@millrace/inference';
import fc from 'fast-check';
import { ManualTurns } from '../../test/manual-turns.js';
import type { ModelSpec } from '../declaration/model-spec.js';
import type { TensorEngine } from '../runtime/tensor-engine.js';
import { PLAIN_BATCHING, PLAIN_MODEL } from './model-defaults.js';
import type { ServedModel } from './served-model.js';
import { createTensorModel } from './tensor-model.js';

const SPEC: ModelSpec = {
  name: 'echo',
  platform: 'test',
  backend: 'test',
  maxBatchSize: 8,
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1], optional: false }],
  outputs: [
    { name: 'y', datatype: 'FP32', shape: [1], labels: [] },
    { name: 'mark', datatype: 'BYTES', shape: [1], labels: [] },
  ],
  batching: PLAIN_BATCHING,
  ...PLAIN_MODEL,
};

const marked = (inputs: readonly Tensor[], mark: string): Tensor[] => {
  const rows = inputs[0]?.shape[0] ?? 0;
  const marks = Tensor.of('mark', 'BYTES', [rows, 1], new Array<string>(rows).fill(mark));
  return [(inputs[0] as Tensor).named('y'), marks];
};

function harness(part: Partial<ModelSpec>, engine: Partial<TensorEngine>) {
  const turns = new ManualTurns(1000);
  const { clock, soon, after, timers, settle } = turns;
  let calls = 0;
  let closed = false;
  const model = createTensorModel(
    { ...SPEC, ...part },
    1,
    {
      inputs: [],
      outputs: [],
      ...engine,
      run: async (inputs, call) => {
        calls++;
        return engine.run ? engine.run(inputs, call) : marked(inputs, '');
      },
      close: async () => {
        closed = true;
      },
    },
    { queueJobsMax: 100, queueRowsMax: 1000, queueBytesMax: 1_000_000, concurrency: 1 },
    {
      clock,
      soon,
      after,
    },
  );
  const advance = async (ms: number) => {
    turns.pass(ms);
    await settle();
  };
  return { model, settle, advance, timers, calls: () => calls, closed: () => closed };
}

interface Heard {
  error: PlatformError | undefined;
  response: InferResponse | undefined;
  final: boolean;
}

function ask(model: ServedModel, value: number, parameters: Parameters = NO_PARAMETERS): Heard[] {
  const heard: Heard[] = [];
  const inputs = [Tensor.of('x', 'FP32', [1, 1], [value])];
  model.submit(
    { modelName: 'echo', modelVersion: '', id: '', parameters, inputs, outputs: [] },
    { version: 0, entity: '', traceparent: '', arrivedAtMs: 1000, deadlineAtMs: Number.POSITIVE_INFINITY },
    (error, response, final) => heard.push({ error, response, final }),
  );
  return heard;
}

const values = (response: InferResponse | undefined, name: string) =>
  response?.outputs.find((output) => output.name === name)?.toValues();

describe('a tensor model', () => {
  it('gives the engine the parameters of every request: only those of equal ones share a call', async () => {
    const one = fc.record(
      {
        scale: fc.constantFrom(1, 2, '2', true),
        unit: fc.constantFrom('m', 'km'),
        timeout: fc.constantFrom(0, 9_000_000),
      },
      { requiredKeys: [] },
    );
    const given = fc.oneof(fc.constant<Parameters>(NO_PARAMETERS), one as fc.Arbitrary<Parameters>);
    const own = ({ timeout: _, ...rest }: Parameters) => JSON.stringify(rest, Object.keys(rest).sort());
    await fc.assert(
      fc.asyncProperty(fc.array(given, { maxLength: 24 }), async (parameters) => {
        const run: TensorEngine['run'] = async (inputs, call) => marked(inputs, own(call.parameters));
        const { model, settle, calls } = harness({}, { run });
        const asked = parameters.map((one, i) => ask(model, i, one));
        await settle(2000);
        for (const [i, heard] of asked.entries()) {
          expect(values(heard[0]?.response, 'mark')).toEqual([own(parameters[i] as Parameters)]);
          expect(values(heard[0]?.response, 'y')).toEqual([i]);
        }
        // Equal ones go together, 8 rows a call.
        const texts = parameters.map(own);
        const alike = [...new Set(texts)].map((text) => texts.filter((other) => other === text).length);
        const fewest = alike.reduce((sum, count) => sum + Math.ceil(count / 8), 0);
        expect(calls()).toBe(fewest);
        await model.close();
      }),
      { numRuns: 60 },
    );
  });

  it('does not let a stream without end keep it open: refused and aborted after a while, then the engine is closed', async () => {
    let aborted = false;
    const stream: TensorEngine['stream'] = async (inputs, _call, emit, signal) => {
      emit(marked(inputs, ''));
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          resolve();
        });
      });
    };
    const { model, settle, advance, timers, closed } = harness({ decoupled: true }, { stream });
    const asked = [ask(model, 7), ask(model, 8)];
    await settle();
    const closing = model.close();
    await advance(29_999);
    expect([aborted, closed()]).toEqual([false, false]);
    await advance(1);
    await closing;
    expect([aborted, closed(), timers.size, model.waiting]).toEqual([true, true, 0, 0]);
    for (const heard of asked) {
      const last = heard.at(-1);
      expect([last?.error?.code, last?.final]).toEqual(['unavailable', true]);
    }
    const answers = model.statistics.responseStatistics();
    expect(answers.map(({ statistic: { fail, cancel } }) => [fail.count, cancel.count])).toEqual([
      [0, 0],
      [1, 0],
    ]);
  });

  it('closes an engine that does not even stop, with what waits for it, sequences too', async () => {
    for (const part of [{}, { sequences: { maxSequences: 4, maxIdleUs: 0 } }]) {
      const { model, settle, advance, timers, closed } = harness(part, { run: () => new Promise(() => {}) });
      const step = (start: boolean) => ({ sequence_id: 5, sequence_start: start });
      const asked = [ask(model, 1, step(true))];
      await settle();
      asked.push(ask(model, 2, step(false)), ask(model, 3, step(false)));
      const closing = model.close();
      await advance(30_000);
      expect(asked.map((heard) => heard[0]?.error?.code)).toEqual(Array(3).fill('unavailable'));
      expect([closed(), model.waiting]).toEqual([false, 0]);
      await advance(1_000);
      await closing;
      expect([closed(), timers.size]).toEqual([true, 0]);
    }
  });
});
