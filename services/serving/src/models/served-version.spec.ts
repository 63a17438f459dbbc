import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import type { FittedPlan } from '@millrace/features';
import { type InferRequest, type InferResponse, Tensor } from '@millrace/inference';
import fc from 'fast-check';
import { ManualTurns } from '../../test/manual-turns.js';
import type { MatrixEngine } from '../runtime/runtime.js';
import { EncodedRows } from './encoded-rows.js';
import type { CallFacts } from './infer-job.js';
import { type AnsweredBatch, ServedVersion } from './served-version.js';
import { headOf } from './task-head.js';

/** One number in, the same number out: each caller can recognise its own rows. */
const PLAN: FittedPlan = {
  format: 2,
  inputs: [{ name: 'x', type: 'number' }],
  steps: [{ kind: 'numeric', input: 'x', at: 0, scaling: 'none', offset: 0, scale: 1, fill: 0 }],
  width: 1,
  rows: 1,
};

function harness(part: Partial<MatrixEngine> = {}) {
  const { clock, soon, settle } = new ManualTurns(1000);
  const sizes: number[] = [];
  const logged: AnsweredBatch[] = [];
  const engine: MatrixEngine = {
    inputs: [],
    outputs: [],
    run: async (input, rows) => {
      sizes.push(rows);
      return input.slice(0, rows);
    },
    close: async () => {},
    ...part,
  };
  const limits = { batchRowsMax: 8, queueJobsMax: 1000, queueRowsMax: 10_000, concurrency: 1, requestRowsMax: 20 };
  const model = new EncodedRows('test', PLAN, engine, limits);
  let ids = 0;
  const version = new ServedVersion(
    { project: 'demo', version: 4, modelSha256: 'sha', inputs: PLAN.inputs, model, head: headOf('binary') },
    undefined,
    limits,
    {
      clock,
      soon,
      nextRequestId: () => `made-${ids++}`,
      answered: (answer) => logged.push(answer),
    },
  );
  return { version, clock, sizes, logged, settle };
}

const FACTS: CallFacts = { version: 0, entity: '', traceparent: '', arrivedAtMs: 1000, deadlineAtMs: Infinity };

function requestOf(values: number[], part: Partial<InferRequest> = {}): InferRequest {
  const inputs = [Tensor.of('x', 'FP64', [values.length], values)];
  return { modelName: 'demo', modelVersion: '', id: '', parameters: {}, inputs, outputs: [], ...part };
}

describe('ServedVersion', () => {
  it('gives each of N concurrent callers exactly its own rows, id and outputs', async () => {
    const call = fc.record({
      values: fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 20 }),
      outputs: fc.constantFrom([], ['label'], ['probability'], ['label', 'probability']),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 40 }), async (calls) => {
        const { version, settle, sizes, logged } = harness();
        const answers: (InferResponse | undefined)[] = [];
        calls.forEach(({ values, outputs }, i) => {
          const scaled = values.map((value) => value / 1000);
          const asked = outputs.map((name) => ({ name, parameters: {} }));
          version.submit(requestOf(scaled, { id: `c${i}`, outputs: asked }), FACTS, (_error, response) => {
            answers[i] = response;
          });
        });
        await settle();
        calls.forEach(({ values, outputs }, i) => {
          const answer = answers[i] as InferResponse;
          expect(answer.id).toBe(`c${i}`);
          expect(answer.outputs.map((output) => output.name).sort()).toEqual(
            outputs.length === 0 ? ['label', 'probability'] : [...outputs].sort(),
          );
          const probability = answer.outputs.find((output) => output.name === 'probability');
          if (probability) expect(probability.toValues()).toEqual(values.map((value) => Math.fround(value / 1000)));
          const label = answer.outputs.find((output) => output.name === 'label');
          if (label)
            expect(label.texts()).toEqual(values.map((value) => (Math.fround(value / 1000) >= 0.5 ? '1' : '0')));
        });
        expect(logged.map(({ job }) => job.id)).toEqual(calls.map((_, i) => `c${i}`));
        expect(version.statistics.executionCount).toBe(sizes.length);
        expect(version.statistics.inferenceCount).toBe(calls.reduce((sum, { values }) => sum + values.length, 0));
      }),
      { numRuns: 100 },
    );
  });

  it('does not let a bad neighbour harm a batch', async () => {
    const { version, settle } = harness();
    const answers: string[] = [];
    const answer = (error: PlatformError | undefined, response: InferResponse | undefined) =>
      answers.push(error ? error.code : (response as InferResponse).id);
    version.submit(requestOf([0.1], { id: 'a' }), FACTS, answer);
    expect(() => version.submit(requestOf([Infinity], { id: 'bad' }), FACTS, answer)).toThrow(/'x' row 1 is Infinity/);
    version.submit(requestOf([0.2], { id: 'b' }), FACTS, answer);
    await settle();
    expect(answers).toEqual(['a', 'b']);
    expect(version.statistics.failures.OTHER).toBe(1);
  });

  it('answers all of a batch with internal when the engine fails, and goes on', async () => {
    let broken = true;
    const { version, settle, logged } = harness({
      run: async (input, rows) => {
        if (broken) throw new Error('engine');
        return input.slice(0, rows);
      },
    });
    const codes: string[] = [];
    const answer = (error: PlatformError | undefined) => codes.push(error?.code ?? 'ok');
    version.submit(requestOf([0.1]), FACTS, answer);
    version.submit(requestOf([0.2]), FACTS, answer);
    await settle();
    broken = false;
    version.submit(requestOf([0.3]), FACTS, answer);
    await settle();
    expect(codes).toEqual(['internal', 'internal', 'ok']);
    expect(version.statistics.failures.BACKEND).toBe(2);
    expect(logged).toHaveLength(1);
  });

  it('makes an id where none came, takes the entity from parameter before header', async () => {
    const { version, settle, logged } = harness();
    version.submit(requestOf([0.1]), { ...FACTS, entity: 'header' }, () => {});
    version.submit(
      requestOf([0.1], { parameters: { entity: 'parameter', event_time_ms: 77n } }),
      { ...FACTS, entity: 'header' },
      () => {},
    );
    await settle();
    expect(logged.map(({ job }) => [job.id, job.entity, job.eventTimeMs])).toEqual([
      ['made-0', 'header', 0],
      ['made-1', 'parameter', 77],
    ]);
  });

  it('neither answers nor logs a cancelled call, and ends without it', async () => {
    const { version, settle, logged } = harness();
    const answers: string[] = [];
    const job = version.submit(requestOf([0.1], { id: 'gone' }), FACTS, () => answers.push('gone'));
    version.submit(requestOf([0.2], { id: 'stays' }), FACTS, () => answers.push('stays'));
    job.cancel();
    await settle();
    job.cancel();
    expect(answers).toEqual(['stays']);
    expect(logged.map(({ job: one }) => one.id)).toEqual(['stays']);
    expect(version.statistics.failures.CANCELED).toBe(1);
    await version.close();
  });

  it('answers with classes where they are asked for, and refuses them for texts', async () => {
    const { version, settle } = harness();
    const answers: (InferResponse | undefined)[] = [];
    const asking = (name: string) => ({ outputs: [{ name, parameters: { classification: 3n } }] });
    version.submit(requestOf([0.25, 0.5], asking('probability')), FACTS, (_error, response) => answers.push(response));
    expect(() => version.submit(requestOf([0.25], asking('label')), FACTS, () => {})).toThrow(
      /not available for output 'label'/,
    );
    await settle();
    const output = answers[0]?.outputs[0] as Tensor;
    expect([output.shape, output.texts()]).toEqual([
      [2, 1],
      ['0.250000:0', '0.500000:0'],
    ]);
  });

  it('serves only tasks that there is a head for', () => {
    expect(headOf('binary').task.outputs.map(({ name }) => name)).toEqual(['probability', 'label']);
    expect(() => headOf('ranking')).toThrow("Tasks of kind 'ranking' do not work yet");
  });

  it('refuses what is no answer of a model at warm-up', async () => {
    const { version } = harness({ run: async (_input, rows) => new Float32Array(rows).fill(Number.NaN) });
    await expect(version.warmUp()).rejects.toThrow(/\[corrupt\] warm-up/);
  });

  it.each([
    ['an id', { id: 'x'.repeat(513) }, /request id has 513 characters/],
    ['an entity', { parameters: { entity: 'x'.repeat(513) } }, /entity has 513 characters/],
  ])('refuses %s that is too long', (_what, part, message) => {
    const { version } = harness();
    expect(() => version.submit(requestOf([0.1], part), FACTS, () => {})).toThrow(message);
  });
});
