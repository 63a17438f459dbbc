import { describe, expect, it } from '@jest/globals';
import { type PlatformError } from '@millrace/domain';
import {
  type InferRequest,
  type InferResponse,
  type Parameters,
  type RequestedOutput,
  Tensor,
} from '@millrace/inference';
import fc from 'fast-check';
import { ManualTurns } from '../../test/manual-turns.js';
import { ResponseCache } from '../cache/response-cache.js';
import type { ModelSpec } from '../declaration/model-spec.js';
import type { EngineCall, TensorEngine } from '../runtime/tensor-engine.js';
import type { CallFacts } from './infer-job.js';
import { PLAIN_BATCHING, PLAIN_MODEL } from './model-defaults.js';
import { createTensorModel, type TensorModelPorts } from './tensor-model.js';

/** x (FP32 [n]) and tag (BYTES [1]) in; the same out as y and mark. */
const SPEC: ModelSpec = {
  name: 'echo',
  platform: 'test',
  backend: 'test',
  maxBatchSize: 8,
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1], optional: false },
    { name: 'tag', datatype: 'BYTES', shape: [1], optional: false },
  ],
  outputs: [
    { name: 'y', datatype: 'FP32', shape: [-1], labels: ['zero', 'one'] },
    { name: 'mark', datatype: 'BYTES', shape: [1], labels: [] },
  ],
  batching: PLAIN_BATCHING,
  ...PLAIN_MODEL,
};

const OUT: Record<string, string> = { x: 'y', tag: 'mark' };
const BAD = 'bad';

/**
 * Copies its inputs; a tag 'bad' anywhere in a batch fails the whole call, as a row out of an embedding's range would.
 */
const echo = async (inputs: readonly Tensor[], call: EngineCall): Promise<Tensor[]> => {
  if (inputs.some((tensor) => tensor.datatype === 'BYTES' && tensor.texts().includes(BAD))) throw new Error('bad row');
  return inputs
    .map((tensor) => tensor.named(OUT[tensor.name] ?? tensor.name))
    .filter(({ name }) => call.outputs.length === 0 || call.outputs.includes(name));
};

function harness(
  part: Partial<ModelSpec> = {},
  engine: Partial<TensorEngine> = {},
  ports: Partial<TensorModelPorts> = {},
) {
  const turns = new ManualTurns(1000);
  const { clock, soon, after, timers, settle } = turns;
  const calls: { rows: number; call: EngineCall }[] = [];
  const { run = echo } = engine;
  const model = createTensorModel(
    { ...SPEC, ...part },
    3,
    {
      inputs: [],
      outputs: [],
      close: async () => {},
      ...engine,
      run: (inputs, call) => {
        calls.push({ rows: inputs[0]?.shape[0] ?? 0, call });
        return run(inputs, call);
      },
    },
    { queueJobsMax: 100, queueRowsMax: 1000, queueBytesMax: 1_000_000, concurrency: 1 },
    {
      clock,
      soon,
      after,
      ...ports,
    },
  );
  const advance = async (ms: number) => {
    turns.pass(ms);
    await settle();
  };
  return { model, clock, calls, settle, advance, timers };
}

const FACTS: CallFacts = { version: 0, entity: '', traceparent: '', arrivedAtMs: 1000, deadlineAtMs: Infinity };

function requestOf(rows: number[][], part: Partial<InferRequest> & { tag?: string } = {}): InferRequest {
  const { tag = 't', ...rest } = part;
  const width = rows[0]?.length ?? 0;
  return {
    modelName: 'echo',
    modelVersion: '',
    id: '',
    parameters: {},
    inputs: [
      Tensor.of('x', 'FP32', [rows.length, width], rows.flat()),
      Tensor.of(
        'tag',
        'BYTES',
        [rows.length, 1],
        rows.map((_, i) => (tag === BAD && i > 0 ? 't' : tag)),
      ),
    ],
    outputs: [],
    ...rest,
  };
}

interface Heard {
  error?: PlatformError | undefined;
  response?: InferResponse | undefined;
  final: boolean;
}

function ask(model: ReturnType<typeof harness>['model'], request: InferRequest, facts: Partial<CallFacts> = {}) {
  const heard: Heard[] = [];
  const submitted = model.submit(request, { ...FACTS, ...facts }, (error, response, final) =>
    heard.push({ error, response, final }),
  );
  return { heard, submitted };
}

const outcomes = ({ statistics }: ReturnType<typeof harness>['model']) =>
  statistics.responseStatistics().map(({ statistic: { success, fail, emptyResponse, cancel } }) => ({
    success: success.count,
    fail: fail.count,
    emptyResponse: emptyResponse.count,
    cancel: cancel.count,
  }));

const values = (response: InferResponse | undefined, name: string) =>
  response?.outputs.find((output) => output.name === name)?.toValues();

describe('a tensor model', () => {
  it('gives each of N concurrent callers exactly its own rows, id and outputs, beside bad and cancelled neighbours', async () => {
    const call = fc.record({
      rows: fc.integer({ min: 1, max: 8 }),
      width: fc.integer({ min: 1, max: 5 }),
      outputs: fc.constantFrom<string[]>([], ['y'], ['mark'], ['mark', 'y']),
      fate: fc.constantFrom('good', 'good', 'good', 'bad', 'cancelled', 'cancelled later'),
    });
    const shape = fc.record({
      paddingBuckets: fc.constantFrom<number[]>([], [2, 4]),
      preferredBatchSizes: fc.constantFrom<number[]>([], [4], [2, 6]),
      preserveOrdering: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 30 }), shape, fc.nat(60), async (requests, batching, later) => {
        const { model, settle, calls } = harness(
          { batching: { ...PLAIN_BATCHING, ...batching } },
          {
            run: async (inputs, one) => {
              for (let i = 0; i < 5; i++) await Promise.resolve();
              return echo(inputs, one);
            },
          },
        );
        const order: number[] = [];
        const asked = requests.map(({ rows, width, outputs, fate }, i) => {
          const data = Array.from({ length: rows }, (_, r) =>
            Array.from({ length: width }, (_, c) => i * 100 + r * 10 + c),
          );
          const request = requestOf(data, {
            id: `c${i}`,
            tag: fate === 'bad' ? BAD : `t${i}`,
            outputs: outputs.map((name) => ({ name, parameters: {} })),
          });
          const heard: Heard[] = [];
          const submitted = model.submit(request, FACTS, (error, response, final) => {
            order.push(i);
            heard.push({ error, response, final });
          });
          if (fate === 'cancelled') submitted.cancel();
          return { data, heard, submitted };
        });
        // Some of these wait then, some are in the engine, some are answered.
        await settle(later);
        const answeredBefore = asked.map(({ heard }, i) => {
          const isAnswered = heard.length > 0;
          // Where order is kept, the end of one lets those behind it go that have their answer.
          if (requests[i]?.fate === 'cancelled later') asked[i]?.submitted.cancel();
          return isAnswered;
        });
        await settle(2000);
        requests.forEach(({ outputs, fate }, i) => {
          const { data, heard } = asked[i] as (typeof asked)[0];
          if (fate.startsWith('cancelled') && !answeredBefore[i]) {
            expect(heard).toEqual([]);
            return;
          }
          expect(heard).toHaveLength(1);
          const [{ error, response, final }] = heard as [Heard];
          expect(final).toBe(true);
          if (fate === 'bad') {
            expect(error?.message).toBe('[internal] the model failed: bad row');
            return;
          }
          expect(error).toBeUndefined();
          expect(response?.id).toBe(`c${i}`);
          expect(response?.outputs.map(({ name }) => name)).toEqual(outputs.length === 0 ? ['y', 'mark'] : outputs);
          if (outputs.length === 0 || outputs.includes('y')) {
            const y = response?.outputs.find(({ name }) => name === 'y');
            expect(y?.shape).toEqual([data.length, data[0]?.length]);
            expect(y?.toValues()).toEqual(data.flat());
          }
          if (outputs.length === 0 || outputs.includes('mark')) {
            expect(values(response, 'mark')).toEqual(data.map(() => `t${i}`));
          }
        });
        if (batching.preserveOrdering) expect(order).toEqual([...order].sort((a, b) => a - b));
        for (const { rows } of calls) expect(rows).toBeLessThanOrEqual(8);
        expect(model.waiting).toBe(0);
        await model.close();
      }),
      { numRuns: 150 },
    );
  });

  it('counts failures, executions and rows', async () => {
    const { model, settle, calls } = harness();
    ask(model, requestOf([[1], [2]]));
    ask(model, requestOf([[3]]));
    expect(() => ask(model, requestOf([]))).toThrow(/batch-size must be >= 1/);
    ask(model, requestOf([[4]])).submitted.cancel();
    await settle();
    expect(calls.map(({ rows }) => rows)).toEqual([3]);
    const { inferenceCount, executionCount, success, failures } = model.statistics;
    expect({ inferenceCount, executionCount, success: success.count, failures }).toEqual({
      inferenceCount: 3,
      executionCount: 1,
      success: 2,
      failures: { REJECTED: 0, CANCELED: 1, BACKEND: 0, OTHER: 1 },
    });
  });

  it('runs one request a call where batching is off, and refuses what is larger than a batch', async () => {
    const { model, settle, calls } = harness({ batching: undefined });
    ask(model, requestOf([[1], [2]]));
    ask(model, requestOf([[3]]));
    await settle();
    expect(calls.map(({ rows }) => rows)).toEqual([2, 1]);
    expect(() => ask(model, requestOf(new Array(9).fill([1])))).toThrow(
      "inference request batch-size must be <= 8 for 'echo', it is 9",
    );
  });

  it.each<[string, Partial<InferRequest>, RegExp]>([
    [
      'an unknown input',
      { inputs: [Tensor.of('z', 'FP32', [1], [1])] },
      /unexpected inference input 'z' for model 'echo'/,
    ],
    [
      'an input twice',
      { inputs: [Tensor.of('x', 'FP32', [1, 1], [1]), Tensor.of('x', 'FP32', [1, 1], [1])] },
      /'x' is given twice/,
    ],
    [
      'a missing input',
      { inputs: [Tensor.of('x', 'FP32', [1, 1], [1])] },
      /expected 2 inputs but got 1 inputs for model 'echo'. Got input\(s\) \['x'\], but missing required input\(s\) \['tag'\]/,
    ],
    ['no inputs', { inputs: [] }, /missing required input\(s\) \['x','tag'\]/],
    [
      'another datatype',
      { inputs: [Tensor.of('x', 'FP64', [1, 1], [1])] },
      /data-type is 'FP64', but model 'echo' expects 'FP32'/,
    ],
    ['another rank', { inputs: [Tensor.of('x', 'FP32', [1], [1])] }, /Expected \[-1,-1\], got \[1\]/],
    [
      'different rows',
      { inputs: [Tensor.of('x', 'FP32', [2, 1], [1, 2]), Tensor.of('tag', 'BYTES', [1, 1], ['a'])] },
      /'tag' has 1 rows, 'x' has 2/,
    ],
    [
      'an unknown output',
      { outputs: [{ name: 'q', parameters: {} }] },
      /unexpected inference output 'q' for model 'echo'/,
    ],
    ['negative classes', { outputs: [{ name: 'y', parameters: { classification: -1n } }] }, /asks for -1 classes/],
    ['a bad time-out', { parameters: { timeout: -5n } }, /parameter 'timeout' is -5/],
    ['a bad priority', { parameters: { priority: 'high' } }, /parameter 'priority' must be an integer/],
  ])('refuses %s with invalid_argument', (_what, part, message) => {
    const { model } = harness();
    expect(() => ask(model, requestOf([[1]], part))).toThrow(message);
    expect(() => ask(model, requestOf([[1]], part))).toThrow(/\[invalid_argument\]/);
  });

  it('answers with classes where they are asked for', async () => {
    const { model, settle } = harness();
    const outputs: RequestedOutput[] = [
      { name: 'y', parameters: { classification: 2n } },
      { name: 'mark', parameters: {} },
    ];
    const { heard } = ask(
      model,
      requestOf(
        [
          [0.25, 0.5, 0.125],
          [3, 2, 1],
        ],
        { outputs },
      ),
    );
    await settle();
    const y = heard[0]?.response?.outputs[0] as Tensor;
    expect([y.datatype, y.shape]).toEqual(['BYTES', [2, 2]]);
    expect(y.texts()).toEqual(['0.500000:1:one', '0.250000:0:zero', '3.000000:0:zero', '2.000000:1:one']);
    const { heard: none } = ask(
      model,
      requestOf([[1]], { outputs: [{ name: 'mark', parameters: { classification: 1n } }] }),
    );
    await settle();
    expect(none[0]?.error?.message).toMatch(/class result not available for output 'mark'/);
  });

  it('leaves a request out whose time in the queue is over, by its own parameter or the deadline of the call', async () => {
    let end = () => {};
    const { model, settle, advance, clock } = harness(
      {},
      {
        run: async (inputs, call) => {
          await new Promise<void>((resolve) => {
            end = resolve;
          });
          return echo(inputs, call);
        },
      },
    );
    ask(model, requestOf([[1]]));
    await settle();
    const short = ask(model, requestOf([[2]], { parameters: { timeout: 5000n } }));
    const late = ask(model, requestOf([[3]]), { deadlineAtMs: clock.monotonicMs() + 8 });
    const patient = ask(model, requestOf([[4]]));
    await advance(6);
    expect(short.heard[0]?.error?.code).toBe('deadline_exceeded');
    expect(late.heard).toEqual([]);
    await advance(3);
    expect(late.heard[0]?.error?.code).toBe('deadline_exceeded');
    end();
    await settle();
    end();
    await settle();
    expect(values(patient.heard[0]?.response, 'y')).toEqual([4]);
    expect(model.statistics.failures.REJECTED).toBe(2);
  });

  it('fails all of a batch when the engine is away, without trying again', async () => {
    const { PlatformError: Fault } = await import('@millrace/domain');
    const { model, settle, calls } = harness({}, { run: async () => Promise.reject(new Fault('unavailable', 'died')) });
    const asked = [ask(model, requestOf([[1]])), ask(model, requestOf([[2]]))];
    await settle();
    expect(asked.map(({ heard }) => heard[0]?.error?.code)).toEqual(['unavailable', 'unavailable']);
    expect(calls).toHaveLength(1);
  });

  it('answers a decoupled request as often as the model does, and then once more with an empty final response', async () => {
    const { model, settle } = harness(
      { decoupled: true },
      {
        stream: async (inputs, call, emit) => {
          for (let i = 0; i < 3; i++) emit(await echo(inputs, call));
        },
      },
    );
    const { heard } = ask(model, requestOf([[7]], { id: 'd' }));
    await settle();
    expect(heard.map(({ response, final }) => [response?.outputs.length, response?.id, final])).toEqual([
      [2, 'd', false],
      [2, 'd', false],
      [2, 'd', false],
      [0, 'd', true],
    ]);
    expect(model.statistics.responseStatistics().map(({ statistic }) => statistic.success.count)).toEqual([1, 1, 1, 0]);
  });

  it('tells a decoupled model when the caller went, and passes nothing on from then', async () => {
    let emitMore: () => void = () => {};
    let aborted = false;
    const { model, settle } = harness(
      { decoupled: true },
      {
        stream: (inputs, call, emit, signal) =>
          new Promise((resolve) => {
            emitMore = () => void echo(inputs, call).then(emit);
            signal.addEventListener('abort', () => {
              aborted = true;
              resolve();
            });
          }),
      },
    );
    const { heard, submitted } = ask(model, requestOf([[7]]));
    await settle();
    emitMore();
    await settle();
    submitted.cancel();
    emitMore();
    await settle();
    expect(aborted).toBe(true);
    expect(heard).toHaveLength(1);
    expect(outcomes(model)).toEqual([
      { success: 1, fail: 0, emptyResponse: 0, cancel: 0 },
      { success: 0, fail: 0, emptyResponse: 0, cancel: 1 },
    ]);
    await model.close();
  });

  it('reports the error of a decoupled model as the final answer', async () => {
    const { model, settle } = harness(
      { decoupled: true },
      {
        stream: async (inputs, call, emit) => {
          emit(await echo(inputs, call));
          throw new Error('broke off');
        },
      },
    );
    const { heard } = ask(model, requestOf([[7]]));
    await settle();
    expect(heard.map(({ error, final }) => [error?.reason, final])).toEqual([
      [undefined, false],
      ['the model failed: broke off', true],
    ]);
    expect(outcomes(model)).toEqual([
      { success: 1, fail: 0, emptyResponse: 0, cancel: 0 },
      { success: 0, fail: 1, emptyResponse: 0, cancel: 0 },
    ]);
  });

  it('passes sequences on step by step, in order, one at a time', async () => {
    const sums = new Map<string, number>();
    let inside = 0;
    const { model, settle, calls } = harness(
      { sequences: { maxIdleUs: 0, maxSequences: 10 } },
      {
        run: async (inputs, { sequence }) => {
          expect(++inside).toBe(1);
          await Promise.resolve();
          inside--;
          const id = sequence?.id ?? '';
          const sum = (sequence?.start ? 0 : (sums.get(id) ?? Number.NaN)) + (inputs[0] as Tensor).number(0);
          sums.set(id, sum);
          return [Tensor.of('y', 'FP32', [1, 1], [sum]), (inputs[1] as Tensor).named('mark')];
        },
      },
    );
    const step = (id: bigint | string, value: number, part: Parameters = {}) =>
      ask(model, requestOf([[value]], { parameters: { sequence_id: id, ...part } })).heard;
    const heard = [
      step(7n, 1, { sequence_start: true }),
      step('b', 10, { sequence_start: true }),
      step(7n, 2),
      step('b', 20, { sequence_end: true }),
      step(7n, 3, { sequence_end: true }),
    ];
    await settle();
    expect(heard.map(([one]) => values(one?.response, 'y'))).toEqual([[1], [10], [3], [30], [6]]);
    expect(calls.map(({ call }) => call.sequence?.id)).toEqual(['7', 'b', '7', 'b', '7']);
    expect(() => step(7n, 4)).toThrow(/sequence 7 to model 'echo' must specify the START flag/);
    expect(() => step(0n, 4)).toThrow(/must specify a non-zero or non-empty sequence_id/);
  });

  it('answers a repeated request from the cache, with its own id, and counts hits and misses', async () => {
    const cache = {
      responses: new ResponseCache(100_000),
      digest: (head: string, parts: readonly Uint8Array[]) => `${head}|${parts.map(String).join('|')}`,
      identity: '',
    };
    const { model, settle, calls } = harness({ responseCache: true }, {}, { cache });
    const heard: Heard[][] = [];
    for (const [id, value] of [
      ['a', 1],
      ['b', 2],
      ['c', 1],
    ] as const) {
      heard.push(ask(model, requestOf([[value]], { id })).heard);
      await settle();
    }
    heard.push(ask(model, requestOf([[1]], { id: 'd', outputs: [{ name: 'mark', parameters: {} }] })).heard);
    await settle();
    expect(calls).toHaveLength(3);
    expect(heard.map(([one]) => [one?.response?.id, values(one?.response, 'y')])).toEqual([
      ['a', [1]],
      ['b', [2]],
      ['c', [1]],
      ['d', undefined],
    ]);
    const { cacheHit, cacheMiss, success, inferenceCount } = model.statistics;
    expect([cacheHit.count, cacheMiss.count, success.count, inferenceCount]).toEqual([1, 3, 4, 3]);
    await model.close();
  });

  it('runs its warm-up samples, and says which batch dimension they have', async () => {
    const { model, calls } = harness({
      warmUp: [
        {
          name: 'w',
          batchSize: 4,
          count: 2,
          inputs: [
            { name: 'x', datatype: 'FP32', dims: [3], data: 'random' },
            { name: 'tag', datatype: 'BYTES', dims: [1], data: 'zero' },
          ],
        },
      ],
    });
    await model.warmUp();
    expect(calls.map(({ rows }) => rows)).toEqual([4, 4]);
    expect(model.statistics.inferenceCount).toBe(0);
    expect(model.metadata.inputs[0]?.shape).toEqual([-1, -1]);
  });

  it('warms every instance of its engine, also one that comes later', async () => {
    const seen: string[] = [];
    const instance = (name: string): TensorEngine => ({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, -1] }],
      outputs: [],
      run: async (inputs) => {
        seen.push(`${name} ${inputs[0]?.shape}`);
        return inputs;
      },
      close: async () => {},
    });
    let later: (instance: TensorEngine) => Promise<void> = async () => {};
    const each: TensorEngine['each'] = async (work) => {
      later = work;
      await Promise.all(['a', 'b'].map((name) => work(instance(name))));
    };
    const inputs = [{ name: 'x', datatype: 'FP32' as const, dims: [3], data: 'zero' as const }];
    await harness({ warmUp: [{ name: 'w', batchSize: 4, count: 1, inputs }] }, { each }).model.warmUp();
    await later(instance('c'));
    expect(seen.splice(0)).toEqual(['a 4,3', 'b 4,3', 'c 4,3']);
    await harness({}, { each }).model.warmUp();
    await later(instance('c'));
    expect(seen).toEqual(['a 1,1', 'b 1,1', 'c 1,1']);
  });

  it('without samples asks once with zeros, whose faults and delays are nobody’s', async () => {
    const failing = harness({}, { run: async () => Promise.reject(new Error('no zeros')) });
    await failing.model.warmUp();
    await failing.model.warmUp();
    expect([failing.calls.length, failing.timers.size]).toEqual([2, 0]);
    const slow = harness({}, { run: () => new Promise(() => {}) });
    const warm = slow.model.warmUp();
    await slow.advance(5_000);
    await warm;
    const sequences = harness({ sequences: { maxIdleUs: 0, maxSequences: 1 } });
    await sequences.model.warmUp();
    expect(sequences.calls.map(({ call }) => call.sequence)).toEqual([{ id: '1', start: true, end: true }]);
  });

  it('gives each row of a sample what its file held', async () => {
    const given: unknown[] = [];
    const run = async (inputs: readonly Tensor[]) => {
      given.push(...inputs.map((tensor) => tensor.toValues()));
      return [];
    };
    const of = (name: string, datatype: 'FP32' | 'BYTES', values: (number | string)[]) => {
      const bytes = new Uint8Array(Tensor.of(name, datatype, [values.length], values).rawBytes());
      return { name, datatype, dims: [values.length], data: 'file' as const, file: 'f', bytes };
    };
    const inputs = [of('x', 'FP32', [1.5, 2]), of('tag', 'BYTES', ['a'])];
    await harness({ warmUp: [{ name: 'w', batchSize: 2, count: 1, inputs }] }, { run }).model.warmUp();
    expect(given).toEqual([
      [1.5, 2, 1.5, 2],
      ['a', 'a'],
    ]);
  });
});
