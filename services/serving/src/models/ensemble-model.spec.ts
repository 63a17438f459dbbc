import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { type InferRequest, type InferResponse, Tensor } from '@millrace/inference';
import { ManualTurns } from '../../test/manual-turns.js';
import type { EnsembleStep, ModelSpec } from '../declaration/model-spec.js';
import { checkModels, DEPTH_MAX, ensembleGraph } from './ensemble-graph.js';
import { createEnsembleModel } from './ensemble-model.js';
import type { CallFacts } from './infer-job.js';
import { PLAIN_MODEL } from './model-defaults.js';
import type { ServedModel } from './served-model.js';
import { createTensorModel } from './tensor-model.js';

const NUMBERS = { datatype: 'FP32', shape: [2] } as const;

function specOf(name: string, inputs: string[], outputs: string[], part: Partial<ModelSpec> = {}): ModelSpec {
  return {
    name,
    platform: 'test',
    backend: 'test',
    maxBatchSize: 4,
    inputs: inputs.map((input) => ({ name: input, ...NUMBERS, optional: false })),
    outputs: outputs.map((output) => ({ name: output, ...NUMBERS, labels: [] })),
    batching: undefined,
    ...PLAIN_MODEL,
    ...part,
  };
}

const step = (model: string, inputs: Record<string, string>, outputs: Record<string, string>): EnsembleStep => ({
  model,
  version: -1,
  inputs,
  outputs,
});

const DOUBLE = specOf('double', ['in'], ['out']);
const ADD = specOf('add', ['a', 'b'], ['sum']);
/** y = 2x + 2 (2x), by way of two branches. */
const DIAMOND = specOf('diamond', ['x'], ['y'], {
  ensemble: [
    step('add', { a: 'twice', b: 'four times' }, { sum: 'y' }),
    step('double', { in: 'x' }, { out: 'twice' }),
    step('double', { in: 'twice' }, { out: 'four times' }),
  ],
});

function harness() {
  const { clock, soon, settle } = new ManualTurns(1000);
  const models = new Map<string, ServedModel>();
  const seen: Tensor[][] = [];
  const held: (() => void)[] = [];
  let holding = false;
  let failing = '';
  const plain = (spec: ModelSpec, run: (inputs: readonly Tensor[]) => Tensor[]) =>
    models.set(
      spec.name,
      createTensorModel(
        spec,
        1,
        {
          inputs: [],
          outputs: [],
          run: async (inputs) => {
            seen.push([...inputs]);
            if (holding) await new Promise<void>((resolve) => held.push(resolve));
            if (failing === spec.name) throw new Error('broken');
            return run(inputs);
          },
          close: async () => {},
        },
        { queueJobsMax: 10, queueRowsMax: 100, queueBytesMax: 10_000, concurrency: 1 },
        { clock, soon, after: () => () => {} },
      ),
    );
  plain(DOUBLE, ([x]) => [
    Tensor.of(
      'out',
      'FP32',
      (x as Tensor).shape,
      (x as Tensor).toValues().map((v) => 2 * Number(v)),
    ),
  ]);
  plain(ADD, ([a, b]) => {
    const other = (b as Tensor).toValues();
    const sums = (a as Tensor).toValues().map((value, i) => Number(value) + Number(other[i]));
    return [Tensor.of('sum', 'FP32', (a as Tensor).shape, sums)];
  });
  const find = (name: string): ServedModel => {
    const model = models.get(name);
    if (!model) throw new PlatformError('not_found', `no model '${name}'`);
    return model;
  };
  const timers: { delayMs: number; work: () => void }[] = [];
  const after = (delayMs: number, work: () => void) => {
    const timer = { delayMs, work };
    timers.push(timer);
    return () => void timers.splice(timers.indexOf(timer), 1);
  };
  const ensemble = (spec: ModelSpec, requestsMax = 100) => {
    const model = createEnsembleModel(spec, 5, { clock, find, requestsMax, drainMaxMs: 500, after });
    models.set(spec.name, model);
    return model;
  };
  return {
    ensemble,
    timers,
    settle,
    seen,
    models,
    hold: () => {
      holding = true;
    },
    release: () => {
      holding = false;
      for (const one of held.splice(0)) one();
    },
    fail: (model: string) => {
      failing = model;
    },
  };
}

const FACTS: CallFacts = { version: 0, entity: '', traceparent: '', arrivedAtMs: 1000, deadlineAtMs: Infinity };

function requestOf(rows: number[][], part: Partial<InferRequest> = {}): InferRequest {
  const inputs = [Tensor.of('x', 'FP32', [rows.length, 2], rows.flat())];
  return { modelName: 'diamond', modelVersion: '', id: 'r', parameters: {}, inputs, outputs: [], ...part };
}

function ask(model: ServedModel, request: InferRequest, facts: Partial<CallFacts> = {}) {
  const heard: { error: PlatformError | undefined; response: InferResponse | undefined }[] = [];
  const submitted = model.submit(request, { ...FACTS, ...facts }, (error, response) => heard.push({ error, response }));
  return { heard, submitted };
}

describe('an ensemble', () => {
  it('runs its graph, whatever the order of the steps, and answers under its own name', async () => {
    const { ensemble, settle } = harness();
    const model = ensemble(DIAMOND);
    const { heard } = ask(
      model,
      requestOf([
        [1, 2],
        [3, 4],
      ]),
    );
    await settle();
    const { response } = heard[0] as (typeof heard)[0];
    expect([response?.modelName, response?.modelVersion, response?.id]).toEqual(['diamond', '5', 'r']);
    expect(response?.outputs.map(({ name, shape }) => [name, shape])).toEqual([['y', [2, 2]]]);
    expect(response?.outputs[0]?.toValues()).toEqual([6, 12, 18, 24]);
    expect(model.statistics.success.count).toBe(1);
    expect(model.statistics.inferenceCount).toBe(2);
    await model.close();
  });

  it('passes tensors on without copying them', async () => {
    const { ensemble, settle, seen } = harness();
    const request = requestOf([[1, 2]]);
    ask(ensemble(DIAMOND), request);
    await settle();
    const bytes = (tensor: Tensor | undefined) => tensor?.rawBytes().buffer;
    expect(bytes(seen[0]?.[0])).toBe(bytes(request.inputs[0]));
    // "twice" goes to the second step and to the last.
    expect(bytes(seen[1]?.[0])).toBe(bytes(seen[2]?.[0]));
  });

  it('nests, and answers with classes where they are asked for', async () => {
    const { ensemble, settle } = harness();
    ensemble(DIAMOND);
    const outer = ensemble(
      specOf('outer', ['x'], ['z'], {
        ensemble: [step('diamond', { x: 'x' }, { y: 'six' }), step('double', { in: 'six' }, { out: 'z' })],
      }),
    );
    const { heard } = ask(outer, requestOf([[1, 2]], { outputs: [{ name: 'z', parameters: { classification: 1n } }] }));
    await settle();
    expect(heard[0]?.response?.outputs[0]?.texts()).toEqual(['24.000000:1']);
  });

  it('ends with the first fault, says whose it is, and cancels what is under way', async () => {
    const { ensemble, settle, fail, models } = harness();
    const model = ensemble(
      specOf('both', ['x'], ['p', 'q'], {
        ensemble: [step('double', { in: 'x' }, { out: 'p' }), step('add', { a: 'x', b: 'x' }, { sum: 'q' })],
      }),
    );
    fail('double');
    const { heard } = ask(model, requestOf([[1, 2]]));
    await settle();
    expect(heard).toHaveLength(1);
    expect(heard[0]?.error?.message).toBe("[internal] ensemble 'both', model 'double': the model failed: broken");
    expect(model.statistics.failures.BACKEND).toBe(1);
    expect((models.get('double') as ServedModel).statistics.fail.count).toBe(1);
    await model.close();
  });

  it('is not answered once its caller went, and refuses beyond its bound', async () => {
    const { ensemble, settle, hold, release } = harness();
    const model = ensemble(DIAMOND, 1);
    hold();
    const { heard, submitted } = ask(model, requestOf([[1, 2]]));
    await settle();
    expect(() => ask(model, requestOf([[1, 2]]))).toThrow(/\[overloaded\] 1 requests of ensemble/);
    submitted.cancel();
    release();
    await settle();
    expect(heard).toEqual([]);
    expect(model.statistics.failures).toEqual({ REJECTED: 1, CANCELED: 1, BACKEND: 0, OTHER: 0 });
    await model.close();
  });

  it('closes in the end though a step never does: its request is refused', async () => {
    const { ensemble, settle, hold, timers } = harness();
    const model = ensemble(DIAMOND);
    hold();
    const heard = ask(model, requestOf([[1, 2]]));
    await settle();
    const closing = model.close();
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([500]);
    timers[0]?.work();
    await closing;
    expect(heard.heard[0]?.error?.code).toBe('unavailable');
  });

  it('refuses a request at once where a model is gone, and a chain that has come too deep', () => {
    const { ensemble, models } = harness();
    const model = ensemble(DIAMOND);
    expect(() => ask(model, requestOf([[1, 2]]), { depth: DEPTH_MAX })).toThrow(/nested more than 8 deep/);
    models.delete('double');
    expect(() => ask(model, requestOf([[1, 2]]))).toThrow(/\[not_found\] ensemble 'diamond', model 'double': no model/);
  });
});

describe('the graph of an ensemble', () => {
  const models: Record<string, ModelSpec> = {
    double: DOUBLE,
    add: ADD,
    stream: specOf('stream', ['in'], ['out'], { decoupled: true }),
    small: specOf('small', ['in'], ['out'], { maxBatchSize: 2 }),
    wide: specOf('wide', ['in'], ['out'], { inputs: [{ name: 'in', datatype: 'FP32', shape: [3], optional: false }] }),
    loop: specOf('loop', ['x'], ['y'], { ensemble: [step('back', { x: 'x' }, { y: 'y' })] }),
    back: specOf('back', ['x'], ['y'], { ensemble: [step('loop', { x: 'x' }, { y: 'y' })] }),
  };
  for (let i = 1; i <= DEPTH_MAX; i++) {
    const inner = i === 1 ? step('double', { in: 'x' }, { out: 'y' }) : step(`e${i - 1}`, { x: 'x' }, { y: 'y' });
    models[`e${i}`] = specOf(`e${i}`, ['x'], ['y'], { ensemble: [inner] });
  }
  const check = (spec: ModelSpec) => {
    ensembleGraph(spec);
    checkModels(spec, (name) => models[name] as ModelSpec);
  };
  const of = (...ensemble: EnsembleStep[]) => specOf('e', ['x'], ['y'], { ensemble });

  it('takes graphs of models that are there', () => {
    expect(() => check(DIAMOND)).not.toThrow();
    expect(() => check(models.e8 as ModelSpec)).not.toThrow();
  });

  it.each<[string, ModelSpec, RegExp]>([
    ['no steps', of(), /it has no steps/],
    [
      'a missing tensor',
      of(step('double', { in: 'lost' }, { out: 'y' })),
      /nothing gives tensor 'lost', which step 1 \(model 'double'\) needs/,
    ],
    [
      'a missing output',
      of(step('double', { in: 'x' }, { out: 'q' })),
      /nothing gives tensor 'y', which the ensemble itself needs/,
    ],
    [
      'two producers',
      of(step('double', { in: 'x' }, { out: 'y' }), step('double', { in: 'x' }, { out: 'y' })),
      /tensor 'y' comes from step 1 \(model 'double'\) and from step 2/,
    ],
    [
      'a cycle',
      of(
        step('add', { a: 'x', b: 'q' }, { sum: 'p' }),
        step('double', { in: 'p' }, { out: 'q' }),
        step('double', { in: 'x' }, { out: 'y' }),
      ),
      /wait for each other in a cycle: step 1 \(model 'add'\), step 2 \(model 'double'\)/,
    ],
    ['a step without inputs', of(step('double', {}, { out: 'y' })), /takes no tensor/],
    [
      'an input nobody maps',
      of(step('add', { a: 'x' }, { sum: 'y' })),
      /needs input 'b', which no tensor is mapped to/,
    ],
    ['an input the model lacks', of(step('double', { in: 'x', more: 'x' }, { out: 'y' })), /has no input 'more'/],
    ['an output the model lacks', of(step('double', { in: 'x' }, { other: 'y' })), /has no output 'other'/],
    [
      'another shape',
      of(step('wide', { in: 'x' }, { out: 'y' })),
      /'x' is FP32 \[-1,2\] for the request and FP32 \[-1,3\] for step 1/,
    ],
    ['a decoupled step', of(step('stream', { in: 'x' }, { out: 'y' })), /is decoupled/],
    [
      'a smaller batch',
      of(step('small', { in: 'x' }, { out: 'y' })),
      /allows 4 rows, but step 1 \(model 'small'\) only 2/,
    ],
    ['itself inside', models.loop as ModelSpec, /contains itself: loop → back → loop/],
    ['too deep a nest', of(step('e8', { x: 'x' }, { y: 'y' })), /nested 9 deep, at most 8/],
  ])('refuses %s', (_what, spec, message) => {
    expect(() => check(spec)).toThrow(message);
    expect(() => check(spec)).toThrow(/\[invalid_argument\] ensemble /);
  });
});
