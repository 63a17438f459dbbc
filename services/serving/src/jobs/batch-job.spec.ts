import { describe, expect, it } from '@jest/globals';
import { bodyOf, servingApi } from '@millrace/api';
import { ManualClock, PlatformError } from '@millrace/domain';
import { Tensor } from '@millrace/inference';
import type { ServedModel } from '../models/served-model.js';
import { BatchJob, type BatchJobPorts, type InMessage } from './batch-job.js';
import { BatchJobs } from './batch-jobs.js';

const METADATA = {
  name: 'demo',
  platform: 'test',
  inputs: [
    { name: 'x', datatype: 'FP64' as const, shape: [-1] },
    { name: 'kind', datatype: 'BYTES' as const, shape: [-1] },
    { name: 'count', datatype: 'INT64' as const, shape: [-1, 1] },
    { name: 'flag', datatype: 'BOOL' as const, shape: [-1] },
  ],
  outputs: [],
};
const REQUEST = { name: 'job', model: 'demo', version: '', input: 'in', output: 'out', follow: false };

/** Answers with what it was asked; refuses a row without x. */
function harness(part: Partial<BatchJobPorts> = {}) {
  const clock = new ManualClock(1_000);
  const asked: Record<string, unknown>[] = [];
  const ports: BatchJobPorts = {
    find: (model) => {
      if (model !== 'demo') throw new PlatformError('not_found', `no model ${model}`);
      return { metadata: METADATA } as unknown as ServedModel;
    },
    infer: (request, _facts, answer) => {
      const inputs = Object.fromEntries(request.inputs.map((tensor) => [tensor.name, tensor.toValues()[0]]));
      asked.push({ ...inputs, parameters: request.parameters });
      if (inputs.x === undefined)
        answer(new PlatformError('invalid_argument', "input 'x' is missing"), undefined, true);
      else {
        const outputs = [Tensor.of('y', 'FP32', [1], [Number(inputs.x) * 2]), Tensor.of('label', 'BYTES', [1], ['b'])];
        answer(undefined, { modelName: 'demo', modelVersion: '3', id: request.id, parameters: {}, outputs }, true);
      }
    },
    pause: async (ms) => clock.advance(ms),
    clock,
    ...part,
  };
  const job = new BatchJob(REQUEST, ports);
  const message = (offset: number, value: unknown): InMessage => ({
    partition: 2,
    offset,
    key: null,
    value: typeof value === 'string' ? Buffer.from(value) : value === null ? null : Buffer.from(JSON.stringify(value)),
  });
  const predict = async (...values: unknown[]) => {
    const answers = await job.predict(values.map((value, i) => message(i, value)));
    return answers.map(({ value }) => JSON.parse(Buffer.from(value).toString()));
  };
  return { job, predict, asked, ports };
}

describe('BatchJob', () => {
  it('reads rows flat and nested, and says of each answer what it belongs to', async () => {
    const { predict, asked } = harness();
    const nested = { values: { x: 2, kind: 'a', count: 7, flag: true, other: 1 }, entity: 'e', eventTimeMs: 5 };
    expect(await predict({ x: 1.5 }, nested)).toEqual([
      { id: 'in/2/0', model: 'demo', version: '3', outputs: { y: 3, label: 'b' } },
      { id: 'in/2/1', model: 'demo', version: '3', outputs: { y: 4, label: 'b' } },
    ]);
    expect(asked).toEqual([
      { x: 1.5, parameters: {} },
      { x: 2, kind: 'a', count: 7n, flag: true, parameters: { entity: 'e', event_time_ms: 5n } },
    ]);
  });

  it('passes null on as a missing value', async () => {
    const { predict, asked } = harness();
    await predict({ x: null, kind: null, count: null, flag: null });
    expect(asked).toEqual([{ x: Number.NaN, kind: '', count: Number.NaN, flag: Number.NaN, parameters: {} }]);
  });

  it.each([
    [null, 'no value'],
    ['{"x":', 'no JSON'],
    ['[1]', 'no JSON object'],
    ['\u0000\u0001', 'no JSON'],
    [{ x: 'high' }, "'x' is string"],
    [{ x: 1, kind: 3 }, "'kind' is number"],
    [{ x: 1, count: 1.5 }, 'not of INT64'],
    [{ values: { x: 1 }, eventTimeMs: 'now' }, 'eventTimeMs'],
    [{ kind: 'a' }, "'x' is missing"],
  ])('answers %j with its error and goes on', async (value, words) => {
    const { predict } = harness();
    const [bad, good] = await predict(value, { x: 1 });
    expect(bad.error).toContain(words);
    expect(good.outputs.y).toBe(2);
  });

  it('waits while the queue is full of other requests, and ends with a fault that is no row’s', async () => {
    let full = 3;
    const { ports } = harness();
    const busy = new BatchJob(REQUEST, {
      ...ports,
      infer: (request, facts, answer) =>
        full-- > 0
          ? answer(new PlatformError('overloaded', 'full'), undefined, true)
          : ports.infer(request, facts, answer),
    });
    expect(await busy.predict([{ partition: 0, offset: 0, key: null, value: Buffer.from('{"x":1}') }])).toMatchObject([
      { refused: false },
    ]);
    let away = 2;
    const seen: string[] = [];
    const engine = new BatchJob(REQUEST, {
      ...ports,
      infer: (request, facts, answer) =>
        away-- > 0
          ? answer(new PlatformError('unavailable', 'the engine starts'), undefined, true)
          : ports.infer(request, facts, answer),
      pause: async () => void seen.push(engine.view().error),
    });
    const row = { partition: 0, offset: 0, key: null, value: Buffer.from('{"x":1}') };
    engine.written(0, 1, await engine.predict([row]));
    expect([...seen, engine.view().error]).toEqual(['the engine starts', 'the engine starts', '']);
    const broken = harness({
      infer: (_r, _f, answer) => answer(new PlatformError('internal', 'broken'), undefined, true),
    });
    await expect(broken.predict({ x: 1 })).rejects.toMatchObject({ code: 'internal' });
  });

  it('writes integers that a double cannot hold as text', async () => {
    const values = [2n ** 53n - 1n, 2n ** 53n + 1n, -(2n ** 63n)];
    const outputs = [Tensor.of('n', 'INT64', [3], values)];
    const { predict } = harness({
      infer: (request, _facts, answer) =>
        answer(undefined, { modelName: 'demo', modelVersion: '1', id: request.id, parameters: {}, outputs }, true),
    });
    const [answer] = await predict({ x: 1 });
    expect(answer.outputs.n).toEqual([9007199254740991, '9007199254740993', '-9223372036854775808']);
  });

  it('is done when every partition is where its end was at the start', () => {
    const { job } = harness();
    job.begin(
      new Map([
        [0, 10],
        [1, 0],
        [2, 5],
      ]),
      new Map([
        [0, 8],
        [2, 5],
      ]),
    );
    expect(job.view()).toMatchObject({ state: 'running', remaining: 2 });
    job.written(0, 12, [{ refused: true }]);
    expect(job.view()).toMatchObject({ state: 'done', remaining: 0, answered: 1, refused: 1 });
    const empty = harness().job;
    empty.begin(new Map([[0, 0]]), new Map());
    expect(empty.ended).toBe(true);
  });
});

describe('BatchJobs', () => {
  const made = (part: Partial<BatchJobPorts> = {}) => {
    const { ports } = harness(part);
    const ends: (() => void)[] = [];
    const runner = { run: () => new Promise<void>((resolve) => ends.push(resolve)) };
    return { jobs: new BatchJobs(runner, ports, new Set(['millrace.routes.v1'])), ends };
  };

  it('starts a few, gives the same job for the same request, and refuses the rest', () => {
    const { jobs } = made();
    const first = jobs.start({ model: 'demo', input: 'a', output: 'b' });
    expect(first).toMatchObject({ name: 'demo-a-b', state: 'starting', follow: false });
    expect(jobs.start({ model: 'demo', input: 'a', output: 'b' })).toEqual(first);
    expect(() => jobs.start({ model: 'demo', input: 'a', output: 'c', name: 'demo-a-b' })).toThrow('something else');
    for (const output of ['c', 'd', 'e']) jobs.start({ model: 'demo', input: 'a', output });
    expect(() => jobs.start({ model: 'demo', input: 'a', output: 'f' })).toThrow('at most 4');
    expect(jobs.stop('demo-a-b').state).toBe('stopped');
    expect(jobs.start({ model: 'demo', input: 'a', output: 'f' }).state).toBe('starting');
    expect(jobs.list()).toHaveLength(5);
    expect(() => jobs.get('nobody')).toThrow("no job 'nobody'");
  });

  it('stops its jobs at its end and waits for them, but no longer than told', async () => {
    const pauses: { ms: number; over: () => void }[] = [];
    const { jobs, ends } = made({ pause: (ms) => new Promise((over) => pauses.push({ ms, over })) });
    await jobs.close(5_000);
    jobs.start({ model: 'demo', input: 'a', output: 'b' });
    const hangs = jobs.close(5_000);
    expect(jobs.list().map(({ state }) => state)).toEqual(['stopped']);
    expect(pauses.map(({ ms }) => ms)).toEqual([5_000]);
    pauses[0]?.over();
    await hangs;
    const ending = jobs.close(5_000);
    ends[0]?.();
    await ending;
  });

  it('names all faults of a request at once', () => {
    const { jobs } = made();
    let message = '';
    try {
      bodyOf(servingApi.endpoints.startJob, { input: 'a b', output: 3, follow: 'yes', speed: 9 });
    } catch (error) {
      message = (error as Error).message;
    }
    for (const word of ['model', 'input', 'output', 'follow', 'speed']) expect(message).toContain(word);
    expect(() => jobs.start({ model: 'other', input: 'a', output: 'b' })).toThrow('no model other');
    for (const output of ['millrace.routes.v1', '__consumer_offsets'])
      expect(() => jobs.start({ model: 'demo', input: 'a', output })).toThrow('own topic');
    expect(() => jobs.start({ model: 'demo', input: '__a', output: '__a' })).toThrow(/another topic.*own topic/);
  });
});
