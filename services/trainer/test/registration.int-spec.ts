// Models that were trained elsewhere, with the real trainer, Kafka, ONNX Runtime and TensorFlow: what people bring
// (examples/own-model) becomes a judged version with its package, or a refusal that says what to do.

import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sha256 } from '@millrace/artifacts';
import { environment } from '@millrace/config';
import { decodeReferenceProfile, encodeRoute, type ModelVersion } from '@millrace/contracts';
import { metricIn, metricNamed } from '@millrace/evaluation';
import { parsePlan } from '@millrace/features';
import { parseBinding } from '@millrace/inference';
import { emptyRoute } from '@millrace/routing';
import { eventually, freePort } from '@millrace/testing';
import { TrainerOnKafka } from './trainer-on-kafka.js';
import { built } from './worker-group.js';

const OWN = join(process.cwd(), 'examples/own-model');
/** Quick on zeros; see make_models.py beside it. From OWN. */
const HUNGRY = '../../services/serving/test/own-models/hungry.onnx';
const PROJECT = `
name: churn
scope: { problem: Who leaves?, task: binary, metric: log_loss }
data:
  columns:
    - { name: age, type: integer, required: true }
    - { name: income, type: number }
    - { name: debt, type: number }
    - { name: city, type: text }
    - { name: tenure, type: integer }
    - { name: churned, type: text, outcome: true }
  label: { name: churned, column: churned, operation: eq, value: 'yes' }
features:
  - { name: age, kind: numeric }
  - { name: income, kind: numeric }
  - { name: debt, kind: numeric }
  - { name: city, kind: categorical }
  - { name: tenure, kind: numeric }
`;

let on: TrainerOnKafka;
let upstream: ChildProcess | undefined;

/** The customers of the example. @param label SQL */
const writeDataset = (id: string, label: string): Promise<void> =>
  on.writeDataset(
    { project: 'churn', id, rows: 1_200, eventTimeFromMs: 0, eventTimeToMs: 0 },
    `SELECT 'r' || row_number() OVER () AS record_id, '' AS entity, 0::BIGINT AS event_time_ms, ${label}::DOUBLE AS label,
      age::BIGINT AS age, income, debt, city, tenure::BIGINT AS tenure, churned
    FROM read_csv('${join(OWN, 'customers.csv')}')`,
  );

beforeAll(async () => {
  on = await TrainerOnKafka.create({
    MILLRACE_TRAINER_UPLOAD_BYTES_MAX: '100000',
    MILLRACE_OWN_MODEL_TIME: '15s',
    MILLRACE_OWN_MODEL_MEMORY: '536870912',
  });
  await on.applyProject(PROJECT);
  await writeDataset('labelled', "(churned = 'yes')");
  await writeDataset('unlabelled', 'NULL');
  on.start('main.js', '0');
  await on.ready();
}, 180_000);

afterAll(async () => {
  upstream?.kill('SIGKILL');
  await on?.close();
});

type Json = Record<string, unknown>;

const call = (method: string, path: string, body: string | Uint8Array<ArrayBuffer>, type?: string) =>
  on.call(method, `/v1/projects/churn/${path}`, body, type);

async function uploaded(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<string> {
  const announced = { name, bytes: bytes.length, sha256: sha256(bytes) };
  const { status, body } = await call('POST', 'model-uploads', JSON.stringify(announced));
  if (status !== 200) throw new Error(JSON.stringify(body));
  // In two pieces: the second goes on where the first ended.
  const half = Math.ceil(bytes.length / 2);
  for (const [offset, end] of [
    [0, half],
    [half, bytes.length],
  ] as const) {
    const path = `model-uploads/${body.uploadId}?offset=${offset}`;
    if (end > offset) await call('PUT', path, bytes.slice(offset, end), 'application/octet-stream');
  }
  return body.uploadId as string;
}

interface End {
  state: string;
  message: string;
  version: ModelVersion | undefined;
}

async function ended({ status, body }: Awaited<ReturnType<typeof call>>): Promise<End> {
  expect([status, body]).toMatchObject([202, {}]);
  const { state, last } = await eventually(
    'the end of the registration',
    async () => {
      const response = await fetch(`${on.base}/v1/projects/churn/trainings/${body.trainingId}`);
      const view = (await response.json()) as { state: string; last: { version?: number; message?: string } };
      return view.state === 'finished' || view.state === 'failed' ? view : undefined;
    },
    120_000,
  );
  const { message = '', version: number } = last;
  const version =
    state === 'finished'
      ? await eventually('the announcement', () => on.models.get(`churn/${number}`), 10_000)
      : undefined;
  return { state, message, version };
}

async function registered(name: string, more: Json = {}): Promise<End> {
  const upload = await uploaded(new Uint8Array(readFileSync(join(OWN, name))), basename(name));
  const body = { files: [{ path: 'model.onnx', upload }], datasetVersions: ['labelled'], ...more };
  return ended(await call('POST', 'models', JSON.stringify(body)));
}

/** Somebody's own server: serving over a folder; its gRPC address. */
async function served(model: string): Promise<string> {
  const place = join(on.home, 'upstream/model/1');
  mkdirSync(place, { recursive: true });
  copyFileSync(model, join(place, 'model.onnx'));
  const [http, grpc] = [await freePort(), await freePort()];
  const env = {
    ...environment(),
    MILLRACE_HOME: join(on.home, 'upstream-home'),
    MILLRACE_SERVING_STANDALONE: '1',
    MILLRACE_SERVING_REPOSITORY: join(on.home, 'upstream'),
    MILLRACE_SERVING_HTTP_PORT: String(http),
    MILLRACE_SERVING_GRPC_PORT: String(grpc),
  };
  upstream = spawn(process.execPath, [join(built(), 'dist/services/serving/src/main.js')], { env, stdio: 'ignore' });
  const ready = async () => (await fetch(`http://127.0.0.1:${http}/health/ready`).catch(() => null))?.status === 200;
  await eventually('the upstream to be ready', ready, 60_000);
  return `127.0.0.1:${grpc}`;
}

const logLoss = (version: ModelVersion | undefined) => metricIn(version?.evaluation, metricNamed('log_loss'));
const fileOf = (version: ModelVersion | undefined, path: string) =>
  readFileSync(join(on.home, 'artifacts', version?.packagePath ?? '', path));

describe('a model that was trained elsewhere', () => {
  it('is judged on labelled rows and packed with its binding and a reference', async () => {
    const { version } = await registered('logistic.onnx');
    expect(version).toMatchObject({ version: 1, blessed: true, origin: 'file', championVersion: 0, workers: 0 });
    expect(version?.verdict).toMatch(
      /^version 1 is blessed: log loss 0\.\d{4} on \d+ rows of the project; the trivial/,
    );
    expect(version?.warnings[0]).toBe(
      "tensor 'float_input' FP32 [N,4] takes age, income, debt, tenure (in the order of the project's number features)",
    );
    expect(version?.warnings.at(-1)).toMatch(/^The logistic baseline is left out/);
    const manifest = JSON.parse(String(fileOf(version, 'manifest.json')));
    for (const [path, hash] of Object.entries(manifest.files))
      expect([path, sha256(fileOf(version, path))]).toEqual([path, hash]);
    expect(Object.keys(manifest.files).sort()).toEqual([
      'binding.json',
      'evaluation.json',
      'features.json',
      'lineage.json',
      'own/model.onnx',
      'reference.pb',
    ]);
    expect(fileOf(version, 'own/model.onnx').equals(readFileSync(join(OWN, 'logistic.onnx')))).toBe(true);
    expect(parseBinding(String(fileOf(version, 'binding.json'))).outputs).toEqual([
      { output: 'probability', tensor: 'probabilities', datatype: 'FP32', shape: [2], index: 1, of: 'value' },
    ]);
    expect(parsePlan(String(fileOf(version, 'features.json'))).inputs.map(({ name }) => name)).toEqual([
      'age',
      'income',
      'debt',
      'tenure',
    ]);
    const reference = decodeReferenceProfile(fileOf(version, 'reference.pb'));
    expect(reference.features.map(({ name, kind }) => [name, kind])).toEqual([
      ['age', 'numeric'],
      ['income', 'numeric'],
      ['debt', 'numeric'],
      ['tenure', 'numeric'],
    ]);
    expect(reference.rows + (version?.evaluation?.rows ?? 0)).toBe(1_200);
  }, 180_000);

  it('has to beat the version before it, texts and all', async () => {
    const { version } = await registered('churn.onnx');
    // The cities tell more than the numbers alone.
    expect(version).toMatchObject({ version: 2, blessed: true, championVersion: 1 });
    expect(logLoss(version)).toBeLessThan(metricIn(version?.championEvaluation, metricNamed('log_loss')));
    const reference = decodeReferenceProfile(fileOf(version, 'reference.pb'));
    expect(reference.features.find(({ name }) => name === 'city')?.kind).toBe('categorical');
    const worse = await registered('lightgbm.onnx');
    expect(worse).toMatchObject({ message: '', version: { version: 3, blessed: false, championVersion: 2 } });
    expect(worse.version?.verdict).toMatch(
      /not blessed: log loss is not lower than version 2's \(the newest blessed\)/,
    );
  }, 180_000);

  it('has to beat the version in service, though a newer one is blessed', async () => {
    const targets = [{ name: 'blue', version: 1, weight: 100 }];
    const route = { ...emptyRoute('churn'), revision: 1, targets, loadedVersions: [1] };
    await on.producer.send('routes.v1', [{ key: 'churn', value: encodeRoute(route) }]);
    const loop = async () => (await fetch(`${on.base}/v1/projects/churn/loop`)).json() as Promise<Json>;
    await eventually('the trainer to hear of the route', async () => (await loop()).liveVersion === 1, 30_000);
    const { message, version } = await registered('churn.onnx');
    expect([message, version]).toMatchObject(['', { blessed: true, championVersion: 1 }]);
    expect(version?.verdict).toMatch(
      /, version 1 \(in service\) 0\.\d{4}, difference −0\.\d{4}, 80 % of −0\.\d{4} to −0\.\d{4}$/,
    );
    expect(version?.reasons.at(-1)).toMatch(/lower than version 1's \(in service\)/);
  }, 180_000);

  it('may be a SavedModel that answers a logit, or a server elsewhere', async () => {
    const folder = join(OWN, 'churn_saved_model');
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /\.(?:pb|index|data-.*)$/.test(path),
    );
    const files = [];
    for (const path of paths) {
      files.push({ path, upload: await uploaded(new Uint8Array(readFileSync(join(folder, path))), path) });
    }
    const saved = await ended(await call('POST', 'models', JSON.stringify({ files, datasetVersions: ['labelled'] })));
    expect([saved.message, saved.version?.origin]).toEqual(['', 'file']);
    expect(saved.version?.warnings).toContain(
      "probability from the logit in element 0 of 'churn_logit' (by its shape)",
    );
    // The same regression of the same numbers as the ONNX file's, by another library.
    const first = on.models.get('churn/1');
    expect(Math.abs(logLoss(saved.version) - logLoss(first))).toBeLessThan(0.01);

    const upstream = { address: await served(join(OWN, 'logistic.onnx')), model: 'model', version: '' };
    const body = { upstream, datasetVersions: ['labelled'] };
    const { message, version } = await ended(await call('POST', 'models', JSON.stringify(body)));
    expect([message, version?.origin, version?.upstream]).toEqual(['', 'upstream', upstream]);
    expect(logLoss(version)).toBeCloseTo(logLoss(first), 6);
    const { files: packed } = JSON.parse(String(fileOf(version, 'manifest.json')));
    expect(Object.keys(packed).filter((path) => path.startsWith('own/'))).toEqual([]);
    const nobody = { upstream: { ...upstream, address: `127.0.0.1:${await freePort()}` }, datasetVersions: [] };
    const refused = await ended(await call('POST', 'models', JSON.stringify(nobody)));
    expect(refused.message).toMatch(/^no V2 server answers gRPC at 127\.0\.0\.1:\d+/);
  }, 240_000);

  it("may be XGBoost's, as its converter writes it", async () => {
    const [{ message, version }, other] = [await registered('xgboost.onnx'), await registered('boosted.onnx')];
    expect([message, version?.evaluation?.rows]).toEqual(['', other.version?.evaluation?.rows]);
    // Trees of the same depth on the same rows, by another library.
    expect(Math.abs(logLoss(version) - logLoss(other.version))).toBeLessThan(0.02);
  }, 180_000);

  it('shows a wrong mapping by its verdict', async () => {
    const inputs = [{ tensor: 'float_input', columns: ['debt', 'income', 'age', 'tenure'] }];
    const { version } = await registered('logistic.onnx', { inputs });
    expect(version?.blessed).toBe(false);
    expect(logLoss(version)).toBeGreaterThan(0.8);
  }, 180_000);

  it('is not judged without labelled rows, and has a reference where there are rows', async () => {
    const { version } = await registered('boosted.onnx', { datasetVersions: ['unlabelled'] });
    expect(version).toMatchObject({ blessed: false, evaluation: undefined });
    expect(version?.verdict).toMatch(/is not judged: no labelled rows/);
    expect(decodeReferenceProfile(fileOf(version, 'reference.pb')).rows).toBe(1_200);
    const bare = await registered('boosted.onnx', { datasetVersions: [] });
    expect(existsSync(join(on.home, 'artifacts', bare.version?.packagePath ?? '', 'reference.pb'))).toBe(false);
  }, 180_000);

  it('is registered twice where two ask at once, though the file is sent as one', async () => {
    const upload = await uploaded(new Uint8Array(readFileSync(join(OWN, 'logistic.onnx'))), 'logistic.onnx');
    const body = JSON.stringify({ files: [{ path: 'model.onnx', upload }], datasetVersions: ['labelled'] });
    const asked = await Promise.all([call('POST', 'models', body), call('POST', 'models', body)]);
    const ends = await Promise.all(asked.map(ended));
    expect(ends.map(({ state, message }) => [state, message])).toEqual([
      ['finished', ''],
      ['finished', ''],
    ]);
    expect(new Set(ends.map(({ version }) => version?.version)).size).toBe(2);
  }, 180_000);

  it.each([
    ['never ends', 'loop', /^rows 1 to \d+: the model gave no answer within 15 s$/],
    ['takes all memory', 'size', /^rows 1 to \d+: .*(?:alloc|memory)/],
  ])(
    'whose process %s on its rows is refused within its bounds',
    async (_, hungry, words) => {
      // Incomes are far above what it takes quietly, years of tenure below.
      const quiet = hungry === 'loop' ? 'size' : 'loop';
      const inputs = Object.entries({ x: 'age', [hungry]: 'income', [quiet]: 'tenure' }).map(([tensor, column]) => ({
        tensor,
        columns: [column],
      }));
      const { state, message } = await registered(HUNGRY, { inputs });
      expect([state, message]).toEqual(['failed', expect.stringMatching(words)]);
    },
    180_000,
  );

  it.each<[string, Json, RegExp]>([
    ['refused/zipmap.onnx', {}, /'output_probability' is a sequence of maps \(ZipMap\).*options=\{'zipmap': False\}/],
    ['refused/out-of-range.onnx', {}, /row 1: output 'probability' is 3\.2\d*, not a number in \[0, 1\]/],
    ['refused/nan.onnx', {}, /row 1: output 'probability' is NaN/],
    ['refused/external.onnx', {}, /keeps weights in other files \('weights\.bin'\).*save_as_external_data=False/],
    ['refused/outside.onnx', {}, /keeps weights in other files \('\.\.\/\.\.\/.*passwd'\)/],
    ['customers.csv', {}, /this is no ONNX model/],
    ['logistic.onnx', { inputs: [{ tensor: 'float_input', columns: ['age'] }] }, /does not take 1 columns \(age\)/],
    ['logistic.onnx', { datasetVersions: ['none'] }, /no dataset version none/],
  ])(
    'is refused in words: %s %j',
    async (name, more, words) => {
      const before = on.models.size;
      const { state, message } = await registered(name, more);
      expect([state, message]).toEqual(['failed', expect.stringMatching(words)]);
      expect(on.models.size).toBe(before);
    },
    180_000,
  );

  it('is refused before it is sent where it is too large, and before it is queued where a file is not there', async () => {
    const large = { name: 'm.onnx', bytes: 100_001, sha256: sha256('x') };
    expect(await call('POST', 'model-uploads', JSON.stringify(large))).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('MILLRACE_TRAINER_UPLOAD_BYTES_MAX') } },
    });
    const files = [{ path: 'model.onnx', upload: 'f'.repeat(32) }];
    const refused = await call('POST', 'models', JSON.stringify({ files, datasetVersions: [] }));
    expect(refused).toMatchObject({ status: 404 });
  });

  it('leaves neither uploads nor working files behind', async () => {
    await eventually('no working folder', () => readdirSync(join(on.home, 'trainer/work/models')).length === 0, 10_000);
  });
});
