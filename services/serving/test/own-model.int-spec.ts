// Models that Millrace did not train, served as a project's versions by a real process: what scikit-learn, ONNX Runtime
// and TensorFlow answered themselves (test/own-models, test/models) comes back over gRPC and REST, one row or many; the
// log has the project's columns; a wrong answer fails its request and nothing else.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodePrediction, type PredictionMessage } from '@millrace/contracts';
import { outputValue } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import { type Binding, type InferRequest, Tensor } from '@millrace/inference';
import { CompactedReader } from '@millrace/kafka';
import { GRPC_STATUS } from '@millrace/routing';
import { cloneRoot, eventually, startKafka, uniquePrefix } from '@millrace/testing';
import { goldenModels } from './golden-models.js';
import { filesOf, type OwnModel, writeOwnPackage } from './own-package.js';
import {
  ControlWriter,
  InferClient,
  type ServingProcess,
  startServing,
  untilLoaded,
  untilReady,
} from './serving-process.js';

type Value = string | number | null;
interface Golden {
  columns: string[];
  rows: Value[][];
  birdstrikes: { sklearn: number[]; onnxruntime: number[] };
  forest: { sklearn: number[]; onnxruntime: number[] };
}

const HERE = join(cloneRoot(), 'services/serving/test');
const GOLDEN: Golden = JSON.parse(readFileSync(join(HERE, 'own-models/answers.json'), 'utf8'));
const TEXTS = 4;
/** TensorFlow's library alone takes a quarter of a minute on a machine that does other things too. */
const LOADED_WITHIN_MS = 120_000;
/** ONNX Runtime of another build may round a float otherwise; scikit-learn computes in double precision. */
const ONNX_ERROR_MAX = 1e-6;
const SKLEARN_ERROR_MAX = 1e-5;

const isText = (i: number) => i < TEXTS;
const INPUTS = GOLDEN.columns.map((name, i): SignatureInput => ({ name, type: isText(i) ? 'text' : 'number' }));

const probabilities = (width: number, index: number): Binding['outputs'] => [
  { output: 'probability', tensor: 'probabilities', datatype: 'FP32', shape: [width], index, of: 'value' },
];

const BIRDSTRIKES: OwnModel = {
  inputs: INPUTS,
  binding: {
    inputs: GOLDEN.columns.map((name, i): Binding['inputs'][number] => ({
      tensor: name.replaceAll(' ', '_'),
      datatype: isText(i) ? 'BYTES' : 'FP32',
      shape: [1],
      columns: [name],
    })),
    outputs: probabilities(2, 1),
  },
  files: { 'model.onnx': join(HERE, 'own-models/birdstrikes.onnx') },
};

const FOREST: OwnModel = {
  inputs: INPUTS.slice(TEXTS),
  binding: {
    inputs: [{ tensor: 'X', datatype: 'FP32', shape: [2], columns: GOLDEN.columns.slice(TEXTS) }],
    outputs: probabilities(2, 1),
  },
  files: { 'model.onnx': join(HERE, 'own-models/forest.onnx') },
};

const PIXELS = Array.from({ length: 64 }, (_, i) => `pixel${i}`);
const SAVED_MODEL: OwnModel = {
  inputs: [
    { name: 'name', type: 'text' },
    ...PIXELS.map((name): SignatureInput => ({ name, type: 'number' })),
    { name: 'id', type: 'integer' },
  ],
  binding: {
    inputs: [
      { tensor: 'image', datatype: 'FP32', shape: [8, 8, 1], columns: PIXELS },
      { tensor: 'id', datatype: 'INT64', shape: [], columns: ['id'] },
      { tensor: 'name', datatype: 'BYTES', shape: [], columns: ['name'] },
    ],
    outputs: [{ output: 'probability', tensor: 'scores', datatype: 'FP32', shape: [3], index: 2, of: 'value' }],
  },
  files: filesOf(join(HERE, 'models/tf_mixed/1/model.savedmodel'), 'saved_model'),
};

/** A regression whose number is bound as a probability: right for some rows, above 1 for others. */
const MISTAKEN: OwnModel = {
  inputs: [
    { name: 'colour', type: 'text' },
    { name: 'a', type: 'number' },
    { name: 'b', type: 'number' },
  ],
  binding: {
    inputs: ['colour', 'a', 'b'].map((name) => ({
      tensor: name,
      datatype: name === 'colour' ? 'BYTES' : 'FP32',
      shape: [1],
      columns: [name],
    })),
    outputs: [{ output: 'probability', tensor: 'variable', datatype: 'FP32', shape: [1], index: 0, of: 'value' }],
  },
  files: { 'model.onnx': join(HERE, 'models/mixed_columns/1/model.onnx') },
};

const MODELS: Readonly<Record<string, OwnModel>> = {
  birds: BIRDSTRIKES,
  forest: FOREST,
  pixels: SAVED_MODEL,
  mistaken: MISTAKEN,
};

/** Rows in the order of the model's inputs. */
function requestOf(model: string, rows: readonly (readonly Value[])[], part: Partial<InferRequest> = {}): InferRequest {
  const { inputs } = MODELS[model] as OwnModel;
  const tensors = inputs.map(({ name, type }, i) => {
    const values = rows.map((row) => row[i] ?? (type === 'text' ? '' : Number.NaN));
    return Tensor.of(name, type === 'text' ? 'BYTES' : 'FP64', [rows.length], values);
  });
  return { modelName: model, modelVersion: '', id: '', parameters: {}, outputs: [], inputs: tensors, ...part };
}

function expectClose(answers: readonly number[], expected: readonly number[], errorMax: number): void {
  expect(answers).toHaveLength(expected.length);
  expect(Math.max(...answers.map((answer, i) => Math.abs(answer - (expected[i] as number))))).toBeLessThan(errorMax);
}

describe('models that were made elsewhere', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-own-'));
  const prefix = uniquePrefix();
  const logged = new Map<string, PredictionMessage>();
  let control: ControlWriter;
  let serving: ServingProcess;
  let client: InferClient;
  let reader: CompactedReader;

  beforeAll(async () => {
    const { brokers } = await startKafka();
    control = new ControlWriter(brokers, prefix);
    await control.ensureTopics();
    serving = await startServing({ home, brokers, topicPrefix: prefix });
    await untilReady(serving);
    for (const [name, model] of Object.entries(MODELS)) {
      writeOwnPackage(home, name, 1, model);
      await control.route(name, [1]);
    }
    for (const name of Object.keys(MODELS)) await untilLoaded(serving, name, 1, LOADED_WITHIN_MS);
    client = new InferClient(serving.grpc);
    reader = new CompactedReader(control.kafka, {
      name: 'predictions-test',
      topics: {
        'predictions.v1': (_key, value) => {
          if (value === null) return;
          const prediction = decodePrediction(value);
          logged.set(prediction.predictionId, prediction);
        },
      },
    });
    await reader.caughtUp();
  }, 180_000);

  afterAll(async () => {
    client?.close();
    await reader?.close();
    await serving?.stop();
    await control?.close();
    rmSync(home, { recursive: true, force: true });
  }, 30_000);

  const probabilityOf = async (request: InferRequest): Promise<number[]> => {
    const { outputs } = await client.infer(request);
    expect(outputs.map(({ name, datatype }) => [name, datatype])).toEqual([
      ['probability', 'FP32'],
      ['label', 'BYTES'],
    ]);
    return outputs[0]?.toValues() as number[];
  };

  const restProbabilityOf = async (model: string, rows: readonly (readonly Value[])[]): Promise<number[]> => {
    const { inputs } = MODELS[model] as OwnModel;
    const tensors = inputs.map(({ name, type }, i) => ({
      name,
      datatype: type === 'text' ? 'BYTES' : 'FP64',
      shape: [rows.length],
      data: rows.map((row) => row[i] ?? null),
    }));
    const body = JSON.stringify({ inputs: tensors, outputs: [{ name: 'probability' }] });
    const answer = await serving.json(`/v2/models/${model}/infer`, { method: 'POST', body });
    expect(answer.status).toBe(200);
    return answer.body.outputs[0].data;
  };

  it.each([
    ['birds', GOLDEN.rows, GOLDEN.birdstrikes],
    ['forest', GOLDEN.rows.map((row) => row.slice(TEXTS).map((value) => value ?? -1)), GOLDEN.forest],
  ])(
    '%s answers what its makers’ libraries answer: many rows, single rows, gRPC and REST the same',
    async (...given) => {
      const [model, rows, { onnxruntime, sklearn }] = given;
      const many = await probabilityOf(requestOf(model, rows));
      expectClose(many, onnxruntime, ONNX_ERROR_MAX);
      expectClose(many, sklearn, SKLEARN_ERROR_MAX);
      const single = await Promise.all(rows.map((row) => probabilityOf(requestOf(model, [row]))));
      expect(single.flat()).toEqual(many);
      expect(await restProbabilityOf(model, rows)).toEqual(many);
    },
  );

  it('a SavedModel answers what TensorFlow answered', async () => {
    const [golden] = goldenModels().tf_mixed ?? [];
    const valuesOf = (name: string) => golden?.inputs.find((input) => input.name === name)?.values ?? [];
    const ids = valuesOf('id').map(Number);
    const rows = ids.map((id, row) => [
      valuesOf('name')[row] as string,
      ...(valuesOf('image').slice(64 * row, 64 * row + 64) as number[]),
      // Beyond 2^53 a number of the request is not exact: it is left to the tensors of a folder's models.
      Number.isSafeInteger(id) ? id : row,
    ]);
    const scores = golden?.outputs.find((output) => output.name === 'scores')?.values as number[];
    const expected = ids.map((_, row) => scores[3 * row + 2] as number);
    expectClose(await probabilityOf(requestOf('pixels', rows)), expected, 1e-5);
    const { body } = await serving.json('/v2/models/pixels');
    expect(body.platform).toBe('tensorflow_savedmodel');
  });

  it('logs the rows in the project’s columns, with the task’s outputs', async () => {
    const [row] = GOLDEN.rows as [Value[]];
    const gap = [...row.slice(0, -2), null, null];
    const request = requestOf('birds', [row, gap], { id: 'logged', parameters: { entity: 'e', event_time_ms: 77n } });
    const [first] = await probabilityOf(request);
    const second = await eventually('the rows are logged', async () => logged.get('logged/1'));
    expect(second).toMatchObject({ project: 'birds', modelVersion: 1, entity: 'e', eventTimeMs: 77, features: gap });
    expect(outputValue(logged.get('logged/0')?.outputs ?? [], 'probability')).toBe(first);
  });

  it('fails the request whose row is answered with no probability, counts it, and answers the others', async () => {
    const [golden] = goldenModels().mixed_columns ?? [];
    const values = golden?.outputs[0]?.values as number[];
    const rows = values.map((_, row) => golden?.inputs.map((input) => input.values[row] as Value) as Value[]);
    const isGood = (value: number) => value >= 0 && value <= 1;
    expect([values.some(isGood), values.some((value) => !isGood(value))]).toEqual([true, true]);
    const answers = await Promise.allSettled(rows.map((row) => probabilityOf(requestOf('mistaken', [row]))));
    for (const [row, answer] of answers.entries()) {
      const value = values[row] as number;
      if (isGood(value)) expectClose((answer as PromiseFulfilledResult<number[]>).value, [value], ONNX_ERROR_MAX);
      else {
        const { code, details } = (answer as PromiseRejectedResult).reason;
        expect([code, details]).toEqual([
          GRPC_STATUS.INTERNAL,
          expect.stringMatching(/answer is refused: row 1: output 'probability' is/),
        ]);
      }
    }
    const refused = values.filter((value) => !isGood(value)).length;
    const metrics = await (await fetch(`${serving.http}/metrics`)).text();
    expect(metrics).toMatch(
      new RegExp(`millrace_serving_wrong_answers_total\\{[^}]*model="mistaken"[^}]*\\} ${refused}`),
    );
    const { body } = await serving.json('/v1/stats');
    expect(body.dropped).toBe(0);
  });
});
