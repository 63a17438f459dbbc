import { describe, expect, it } from '@jest/globals';
import { ManualClock, type PlatformError, type Scalar } from '@millrace/domain';
import type { FittedPlan } from '@millrace/features';
import { type InferRequest, type InferResponse, Tensor } from '@millrace/inference';
import { projectFromDocument } from '@millrace/project';
import { EncodedRows } from '../models/encoded-rows.js';
import type { CallFacts } from '../models/infer-job.js';
import { type AnsweredBatch, ServedVersion } from '../models/served-version.js';
import { headOf } from '../models/task-head.js';
import type { MatrixEngine } from '../runtime/runtime.js';
import type { Found, OnlineLookups } from './online-lookups.js';

const NOW_MS = 1_000_000;

const PLAN: FittedPlan = {
  format: 2,
  inputs: [
    { name: 'amount', type: 'number' },
    { name: 'kind', type: 'text' },
    { name: 'hour', type: 'integer' },
    { name: 'age', type: 'integer' },
  ],
  steps: [{ kind: 'numeric', input: 'amount', at: 0, scaling: 'none', offset: 0, scale: 1, fill: 0 }],
  width: 1,
  rows: 1,
};

const project = (online?: object) =>
  projectFromDocument(
    JSON.stringify({
      name: 'demo',
      data: {
        entity: 'customer',
        eventTime: 'at',
        columns: [
          { name: 'at', type: 'timestamp', required: true },
          { name: 'customer', type: 'text', required: true },
          { name: 'amount', type: 'number' },
          { name: 'kind', type: 'text', required: true },
          { name: 'hour', type: 'integer', derive: { from: 'at', part: 'hour' } },
          { name: 'age', type: 'integer' },
          { name: 'paid', type: 'number', outcome: true },
        ],
        label: { name: 'good', column: 'paid' },
      },
      features: ['amount', 'kind', 'hour', 'age'].map((name) => ({ name, kind: 'categorical' })),
      ...(online === undefined ? {} : { serving: { onlineFeatures: online } }),
    }),
  );

const ONLINE = { columns: ['amount', 'kind'], maxAge: '10s' };

const ENGINE: MatrixEngine = {
  inputs: [],
  outputs: [],
  run: async (input, rows) => input.slice(0, rows),
  close: async () => {},
};

function harness(online: object | undefined, held: Record<string, Found> = {}) {
  const soon: (() => void)[] = [];
  const logged: AnsweredBatch[] = [];
  const asked: string[][] = [];
  const pending: (() => void)[] = [];
  const counted: string[] = [];
  const lookups = {
    prepare: () => undefined,
    find: (_project: string, entities: string[], done: (found: Found[]) => void) => {
      asked.push(entities);
      pending.push(() => done(entities.map((entity) => held[entity] ?? 'absent')));
    },
  } as unknown as OnlineLookups;
  const clock = new ManualClock(NOW_MS);
  const version = new ServedVersion(
    {
      project: 'demo',
      version: 1,
      modelSha256: 'sha',
      inputs: PLAN.inputs,
      head: headOf('binary'),
      model: new EncodedRows('test', PLAN, ENGINE, { batchRowsMax: 8, concurrency: 1 }),
    },
    project(online),
    { batchRowsMax: 8, queueJobsMax: 100, queueRowsMax: 100, concurrency: 1, requestRowsMax: 20 },
    {
      clock,
      soon: (work) => soon.push(work),
      nextRequestId: () => 'made',
      answered: (answer) => logged.push(answer),
      online: {
        lookups,
        clock,
        counted: (_project, outcome, rows) => counted.push(`${outcome} ${rows}`),
        aged: () => {},
      },
    },
  );
  const settle = async () => {
    for (let i = 0; i < 20; i++) {
      for (const work of [...pending.splice(0), ...soon.splice(0)]) work();
      await Promise.resolve();
    }
  };
  const infer = async (request: InferRequest) => {
    let answer: { error: PlatformError | undefined; response: InferResponse | undefined } | undefined;
    const submitted = version.submit(request, FACTS, (error, response) => {
      answer = { error, response };
    });
    const answered = async () => {
      await settle();
      return answer;
    };
    return { submitted, answered };
  };
  const rows = () => logged.at(-1)?.job.raw as Scalar[][];
  return { version, infer, asked, rows, counted, settle, logged };
}

const FACTS: CallFacts = { version: 0, entity: '', traceparent: '', arrivedAtMs: NOW_MS, deadlineAtMs: Infinity };

const age = (count: number) => Tensor.of('age', 'INT64', [count], new Array(count).fill(30n));
const hour = (count: number) => Tensor.of('hour', 'INT64', [count], new Array(count).fill(7n));
const request = (inputs: Tensor[], parameters: InferRequest['parameters'] = {}): InferRequest => ({
  modelName: 'demo',
  modelVersion: '',
  id: 'r',
  parameters,
  inputs,
  outputs: [],
});
const found = (agoMs: number, amount: Scalar, kind: Scalar): Found => ({
  eventTimeMs: NOW_MS - agoMs,
  values: { amount, kind },
});

describe('OnlineJoin', () => {
  it('joins by the request’s entity and tells the age; the log holds what the model saw', async () => {
    const { infer, rows, counted } = harness(ONLINE, { e: found(250, 5, 'car') });
    const { answered } = await infer(request([hour(2), age(2)], { entity: 'e' }));
    expect((await answered())?.response?.parameters).toEqual({
      online_features: 'joined',
      online_features_age_ms: 250n,
    });
    expect(rows()).toEqual([
      [5, 'car', 7, 30],
      [5, 'car', 7, 30],
    ]);
    expect(counted).toEqual(['joined 2']);
  });

  it('joins each row by its own entity, and leaves out an entity input that the model does not have', async () => {
    const { infer, asked, rows } = harness(ONLINE, { a: found(1, 1, 'car'), b: found(9_000, 2, 'house') });
    const customers = Tensor.of('customer', 'BYTES', [3], ['a', 'b', 'a']);
    const { answered } = await infer(request([customers, hour(3), age(3)]));
    expect((await answered())?.response?.parameters.online_features_age_ms).toBe(9_000n);
    expect(asked).toEqual([['a', 'b']]);
    expect(rows().map((row) => row.slice(0, 2))).toEqual([
      [1, 'car'],
      [2, 'house'],
      [1, 'car'],
    ]);
  });

  it('joins each row by the entity that row_entities says, else by the request’s', async () => {
    const { infer, asked, rows } = harness(ONLINE, { a: found(1, 1, 'car'), b: found(9_000, 2, 'house') });
    const parameters = { row_entities: '["a",""]', entity: 'b' };
    await (await infer(request([hour(2), age(2)], parameters))).answered();
    expect(asked).toEqual([['a', 'b']]);
    expect(rows().map((row) => row.slice(0, 2))).toEqual([
      [1, 'car'],
      [2, 'house'],
    ]);
    await expect(infer(request([hour(2), age(2)], { row_entities: '["a",""]' }))).rejects.toThrow("'row_entities'");
    await expect(infer(request([hour(2), age(2)], { row_entities: '["a"]' }))).rejects.toThrow('list of 2 texts');
  });

  it('asks for nothing where the request brings every online column, or the project wants none', async () => {
    const amount = Tensor.of('amount', 'FP64', [1], [3]);
    const kind = Tensor.of('kind', 'BYTES', [1], ['car']);
    for (const online of [ONLINE, undefined]) {
      const { infer, asked } = harness(online);
      const { answered } = await infer(request([amount, kind, hour(1), age(1)]));
      expect((await answered())?.response?.parameters).toEqual({});
      expect(asked).toEqual([]);
    }
    const { infer } = harness(undefined);
    await expect(infer(request([kind, hour(1), age(1)], { entity: 'e' }))).rejects.toThrow("input 'amount' is missing");
  });

  it('measures the age by the request’s event time, and counts the future as now', async () => {
    const { infer } = harness(ONLINE, { e: found(0, 1, 'car') });
    const at = (ms: number) => request([age(1)], { entity: 'e', event_time_ms: BigInt(ms) });
    expect((await (await infer(at(NOW_MS + 4_000))).answered())?.response?.parameters.online_features_age_ms).toBe(
      4_000n,
    );
    expect((await (await infer(at(NOW_MS - 4_000))).answered())?.response?.parameters.online_features_age_ms).toBe(0n);
  });

  it.each([
    ['too_old', { e: found(10_001, 5, 'car') }, 'older than 10000 ms', 'invalid_argument'],
    ['absent', {}, 'no record of entity', 'invalid_argument'],
    ['away', { e: 'away' as const }, 'Redis does not answer', 'unavailable'],
  ])(
    'says %s: missing where the column may be, the default where there is one, else a clear error',
    async (outcome, held, words, code) => {
      const optional = harness({ ...ONLINE, defaults: { kind: 'boat' } }, held);
      const { answered } = await optional.infer(request([hour(1), age(1)], { entity: 'e' }));
      const parameters = (await answered())?.response?.parameters;
      expect(parameters).toMatchObject({ online_features: outcome, online_features_rows_without: 1n });
      expect(optional.rows()).toEqual([[null, 'boat', 7, 30]]);
      expect(optional.counted).toEqual([`${outcome} 1`]);

      const strict = harness(ONLINE, held);
      const refused = await (await strict.infer(request([hour(1), age(1)], { entity: 'e' }))).answered();
      expect(refused?.error?.code).toBe(code);
      expect(refused?.error?.reason).toContain("'kind'");
      expect(refused?.error?.reason).toContain(words);
      expect(strict.version.statistics.fail.count).toBe(1);
    },
  );

  it('needs an entity, and says how to send it', async () => {
    const { infer, version } = harness(ONLINE);
    await expect(infer(request([hour(1), age(1)]))).rejects.toThrow("inputs 'amount', 'kind' are missing");
    await expect(infer(request([hour(1), age(1)]))).rejects.toThrow("parameter 'entity'");
    expect(version.statistics.fail.count).toBe(2);
  });

  it('refuses a shape with no row or too many before anything of its size is made or looked up', async () => {
    const { infer, version, asked } = harness(ONLINE);
    const empty = (shape: number[]) => Tensor.of('age', 'INT64', shape, []);
    for (const shape of [[268_435_456, 0], [21, 0], [0], [0, 1]]) {
      await expect(infer(request([empty(shape)], { entity: 'e' }))).rejects.toThrow(
        `input 'age' has ${shape[0]} rows, expected 1 to 20`,
      );
    }
    const many = new Array<string>(21).fill('e');
    await expect(infer(request([Tensor.of('customer', 'BYTES', [21], many), age(1)]))).rejects.toThrow('21 rows');
    await expect(infer(request([Tensor.of('customer', 'BYTES', [0], []), age(1)]))).rejects.toThrow('0 rows');
    expect(asked).toEqual([]);
    await version.close();
  });

  it('still refuses what else is missing or wrong', async () => {
    const { infer } = harness(ONLINE, { e: found(0, 1, 'car') });
    const refused = await (await infer(request([hour(1)], { entity: 'e' }))).answered();
    expect(refused?.error?.reason).toContain("input 'age' is missing");
    const uneven = await (await infer(request([hour(1), age(2)], { entity: 'e' }))).answered();
    expect(uneven?.error?.reason).toContain('rows');
  });

  it('leaves a cancelled request alone, and a version that closes waits for its look-ups', async () => {
    const { infer, version, settle, logged } = harness(ONLINE, { e: found(0, 1, 'car') });
    const { submitted, answered } = await infer(request([hour(1), age(1)], { entity: 'e' }));
    submitted.cancel();
    submitted.cancel();
    let closed = false;
    const closing = version.close().then(() => {
      closed = true;
    });
    await Promise.resolve();
    expect(closed).toBe(false);
    expect(await answered()).toBeUndefined();
    await settle();
    await closing;
    expect(logged).toEqual([]);
    expect(version.statistics.fail.count).toBe(1);
  });

  it('follows the project file', async () => {
    const { infer, version, asked } = harness(undefined);
    version.follow(project(ONLINE));
    await (await infer(request([hour(1), age(1)], { entity: 'e' }))).answered();
    expect(asked).toEqual([['e']]);
  });
});
