import { describe, expect, it } from '@jest/globals';
import { ManualClock, PlatformError } from '@millrace/domain';
import { type InferRequest, type InferResponse, Tensor } from '@millrace/inference';
import fc from 'fast-check';
import { type BatchPorts, BatchPrediction, type PredictedRow } from './batch-prediction.js';
import { type RowBlock, withBeside } from './row-block.js';

const INPUTS = [{ spec: { name: 'x', datatype: 'FP64' as const, shape: [-1] }, elements: 1 }];
const OUTPUTS = [{ name: 'y', datatype: 'FP64' as const, shape: [-1] }];

/** Doubles each value; values below 0 are refused. */
function answer(request: InferRequest): InferResponse {
  const values = request.inputs[0]?.toValues() as number[];
  const bad = values.findIndex((value) => value < 0);
  // As serving counts them: within the request, from 1.
  if (bad >= 0) throw new PlatformError('invalid_argument', `row ${bad + 1}: a value is below 0`);
  const outputs = [
    Tensor.of(
      'y',
      'FP64',
      [values.length],
      values.map((value) => value * 2),
    ),
  ];
  return { modelName: 'm', modelVersion: '1', id: '', parameters: {}, outputs };
}

async function* blocksOf(
  values: readonly number[],
  size: number,
  bad: readonly number[] = [],
): AsyncIterable<RowBlock> {
  for (let from = 0; from < values.length; from += size) {
    const column = values.slice(from, from + size);
    const own = bad.filter((row) => row >= from && row < from + size);
    yield { rows: column.length, columns: [column], bad: new Map(own.map((row) => [row - from, 'no number'])) };
  }
}

function harness(infer: (request: InferRequest) => Promise<InferResponse>, rowsPerRequest = 4, inFlight = 3) {
  const clock = new ManualClock();
  const written: PredictedRow[] = [];
  const pauses: number[] = [];
  const ports: BatchPorts = {
    infer,
    write: (rows) => written.push(...rows),
    progress: () => undefined,
    pause: async (ms) => {
      pauses.push(ms);
      clock.advance(ms);
    },
    clock,
  };
  const settings = {
    model: 'm',
    version: '',
    inputs: INPUTS,
    outputs: OUTPUTS,
    rowsPerRequest,
    inFlight,
    windowMs: 10,
  };
  return { prediction: new BatchPrediction(settings, ports), written, pauses };
}

describe('BatchPrediction', () => {
  it('gives every row its own answer in order, and finds each bad row, however the rows are cut', async () => {
    const rows = fc.array(fc.integer({ min: -2, max: 20 }), { maxLength: 60 });
    const size = fc.integer({ min: 1, max: 9 });
    await fc.assert(
      fc.asyncProperty(
        rows,
        size,
        size,
        fc.integer({ min: 1, max: 4 }),
        async (values, block, perRequest, inFlight) => {
          let open = 0;
          const { prediction, written } = harness(
            async (request) => {
              expect(++open).toBeLessThanOrEqual(inFlight);
              await Promise.resolve();
              open--;
              return answer(request);
            },
            perRequest,
            inFlight,
          );
          const unreadable = values.flatMap((value, row) => (value === 13 ? [row] : []));
          const outcome = await prediction.run(blocksOf(values, block, unreadable));
          expect(written.map(({ values: [y], error }) => y ?? error)).toEqual(
            values.map((value) => (value === 13 ? 'no number' : value < 0 ? 'a value is below 0' : value * 2)),
          );
          const bad = values.flatMap((value, at) => (value < 0 || value === 13 ? [at + 1] : []));
          expect(outcome).toMatchObject({
            rows: values.length,
            bad: bad.length,
            predicted: values.length - bad.length,
          });
          expect(outcome.badRows.map(({ row }) => row)).toEqual(bad.slice(0, outcome.badRows.length));
        },
      ),
    );
  });

  it('asks for rows of a file at their own event time, window by window, and keeps their order', async () => {
    const asked: [unknown, unknown][] = [];
    const { prediction, written } = harness(async (request) => {
      asked.push([request.parameters.event_time_ms, request.inputs[0]?.toValues()]);
      return answer(request);
    }, 8);
    async function* blocks(): AsyncIterable<RowBlock> {
      // The last column is the time; windows are 10 ms long.
      const block = {
        rows: 5,
        columns: [
          [1, 2, 3, 4, -5],
          [25, 3, 29, null, 7],
        ],
        bad: new Map([[1, 'no number']]),
      };
      yield withBeside(block, ['times']);
    }
    expect(await prediction.run(blocks())).toMatchObject({ rows: 5, predicted: 3, bad: 2 });
    expect(written.map(({ values: [y], error }) => error ?? y)).toEqual([2, 'no number', 6, 8, 'a value is below 0']);
    expect(asked).toEqual([
      [3n, [-5]],
      [25n, [1, 3]],
      [undefined, [4]],
    ]);
  });

  it('says of each row whose it is, so that labels find its prediction by its record id', async () => {
    const asked: [unknown, unknown][] = [];
    const { prediction, written } = harness(async (request) => {
      const { row_ids: ids, row_entities: entities } = request.parameters;
      asked.push([JSON.parse(String(ids)), JSON.parse(String(entities))]);
      return { ...answer(request), id: 'q-1' };
    });
    async function* blocks(): AsyncIterable<RowBlock> {
      const columns = [
        [1, 2, 3, -4],
        ['r-1', 'r-2', null, 'r-4'],
        ['ann', 'bob', 'bob', null],
      ];
      yield withBeside({ rows: 4, columns, bad: new Map([[1, 'no number']]) }, ['ids', 'entities']);
    }
    await prediction.run(blocks());
    // Rows that are refused apart keep their own.
    expect(asked).toContainEqual([
      ['', 'r-4'],
      ['bob', ''],
    ]);
    expect(asked[0]).toEqual([['r-1'], ['ann']]);
    expect(written.map((row) => row.predictionId)).toEqual(['r-1/0', null, 'q-1/0', null]);
  });

  it('waits for a server that is away, with growing pauses, and gives up in the end', async () => {
    let away = 4;
    const passing = harness(async (request) => {
      if (away-- > 0) throw new PlatformError('unavailable', 'away');
      return answer(request);
    });
    expect(await passing.prediction.run(blocksOf([1, 2], 2))).toMatchObject({ predicted: 2, requests: 5 });
    expect(passing.pauses).toEqual([100, 200, 400, 800]);
    const gone = harness(async () => {
      throw new PlatformError('unavailable', 'away');
    });
    await expect(gone.prediction.run(blocksOf([1], 1))).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('ends at once where the fault is not a row’s, and after a thousand rows that are all refused', async () => {
    const unknown = harness(async () => {
      throw new PlatformError('not_found', 'no model');
    });
    await expect(unknown.prediction.run(blocksOf([1, 2, 3], 1))).rejects.toMatchObject({ code: 'not_found' });
    const values = new Array(5_000).fill(-1);
    const wrong = harness(async (request) => answer(request), 100);
    await expect(wrong.prediction.run(blocksOf(values, 100))).rejects.toThrow('all refused: a value is below 0');
    expect(wrong.written.length).toBeLessThan(1_500);
  });
});
