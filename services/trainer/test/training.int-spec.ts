// The whole trainer with real Kafka: a training asked for over HTTP becomes an announced model version with a whole
// package; a second one, warm-started, is judged against the first; a repeated command starts nothing twice.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sha256 } from '@millrace/artifacts';
import { decodeReferenceProfile, encodeCommand, type ModelVersion } from '@millrace/contracts';
import { metricIn, metricNamed } from '@millrace/evaluation';
import { encodeRows, parsePlan } from '@millrace/features';
import { logisticBaselineOf, scoreLogistic } from '@millrace/models';
import { eventually } from '@millrace/testing';
import { TrainerOnKafka } from './trainer-on-kafka.js';

const PROJECT = `
name: shop
scope: { problem: Will it come back?, task: binary, metric: log_loss, resources: { workers: 2 } }
data:
  sources: { history: { kind: parquet, path: x.parquet, recordId: row-number } }
  entity: region
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: region, type: text, required: true }
    - { name: size, type: integer, required: true }
    - { name: price, type: number }
    - { name: market, type: text }
    - { name: returned, type: number, outcome: true }
  label: { name: returned, column: returned, operation: gt, value: 0, delay: 1h }
  versionEvery: 1d
features:
  - { name: region, kind: categorical, embedding: 4, missing: unknown }
  - { name: size, kind: categorical, embedding: 4, missing: unknown }
  - { name: price, kind: numeric, scaling: log_standard, missing: mean }
model:
  kind: mlp
  hidden: [16]
  activation: relu
  dropout: 0
  l2: 0.00001
  crosses: [{ columns: [region, size], buckets: 512, embedding: 0 }]
training: { optimizer: adam, learningRate: 0.05, finalLearningRateShare: 0.1, batchRows: 512, epochs: 12, seed: 7, workers: 2, checkpointEverySteps: 20 }
evaluation: { share: 0.2, slices: [market], thresholds: [{ metric: auc, min: 0.6 }] }
`;

const AUC = metricNamed('auc');
const LOG_LOSS = metricNamed('log_loss');
const DAY_MS = 86_400_000;
const ROWS = 12_000;

let on: TrainerOnKafka;
let trainer: ChildProcess;

/** Rows with an interaction that a one-hot logistic regression cannot see; `shifted` turns size around. */
function writeDataset(id: string, from: number, shifted: boolean): Promise<void> {
  const size = shifted ? '(hash(i * 10 + 2) % 6 + 3) % 6' : 'hash(i * 10 + 2) % 6';
  const facts = { project: 'shop', id, rows: ROWS, eventTimeFromMs: from, eventTimeToMs: from + 10 * DAY_MS };
  return on.writeDataset(
    facts,
    `SELECT '${id}-' || i AS record_id, 'r' || r AS entity, ${from} + i * ${Math.floor((10 * DAY_MS) / ROWS)} AS event_time_ms,
      CASE WHEN hash(i * 10 + 4) % 50 = 0 THEN NULL ELSE (hash(i * 10 + 3) % 1000 < CASE WHEN (r + s) % 2 = 0 THEN 600 ELSE 150 END)::INT::DOUBLE END AS label,
      ${from} + i AS at, 'r' || r AS region, (${size})::BIGINT AS size, CASE WHEN i % 97 = 0 THEN NULL ELSE 5 + i % 40 END::DOUBLE AS price,
      CASE WHEN i % 3 = 0 THEN 'abroad' ELSE 'home' END AS market
    FROM (SELECT i, hash(i * 10 + 1) % 8 AS r, hash(i * 10 + 2) % 6 AS s FROM range(${ROWS}) t(i))
    ORDER BY event_time_ms, record_id`,
  );
}

const get = (path: string) => on.call('GET', path);
const post = (path: string, body: unknown) => on.call('POST', path, JSON.stringify(body));

beforeAll(async () => {
  on = await TrainerOnKafka.create();
  await on.applyProject(PROJECT);
  await writeDataset('first', 0, false);
  await writeDataset('later', 20 * DAY_MS, true);
  trainer = on.start('main.js', '0');
  for (const replica of ['worker-1', 'worker-2']) on.start('worker.main.js', replica);
  await on.ready();
  const both = async () => ((await get('/v1/workers')).body.workers as unknown[]).length === 2;
  await eventually('two workers', both, 60_000);
}, 180_000);

afterAll(() => on?.close());

async function modelVersion(version: number): Promise<ModelVersion> {
  return eventually(`model version ${version}`, () => on.models.get(`shop/${version}`), 90_000);
}

describe('a training', () => {
  it('refuses what cannot work', async () => {
    expect(await post('/v1/projects/none/trainings', { datasetVersions: ['first'] })).toMatchObject({ status: 404 });
    expect(await post('/v1/projects/shop/trainings', { datasetVersions: [] })).toMatchObject({ status: 400 });
    expect(await post('/v1/projects/shop/trainings', { datasetVersions: 'first', wrong: 1 })).toMatchObject({
      status: 400,
    });
  });

  it('ends as an announced version with a whole package', async () => {
    const started = await post('/v1/projects/shop/trainings', {
      datasetVersions: ['first'],
      correlationId: 'c-1',
      reason: 'initial',
    });
    expect(started).toMatchObject({ status: 200 });
    const version = await modelVersion(1);
    expect(version).toMatchObject({
      blessed: true,
      workers: 2,
      championVersion: 0,
      trainingId: started.body.trainingId,
      correlationId: 'c-1',
    });
    expect(version.trainRows).toBeGreaterThan(9_000);
    expect(metricIn(version.evaluation, AUC)).toBeGreaterThan(0.7);
    // The interaction is invisible to the logistic baseline.
    const logistic = version.baselines.find((baseline) => baseline.name === 'logistic');
    expect(metricIn(logistic?.evaluation, AUC)).toBeLessThan(0.55);
    expect(version.reasons).toHaveLength(4);
    // A column that is no input of the model, evaluated value by value.
    expect(version.slices.map(({ column, value }) => [column, value])).toEqual([
      ['market', 'home'],
      ['market', 'abroad'],
    ]);
    const sliced = version.slices.reduce((rows, { evaluation }) => rows + evaluation.rows, 0);
    expect(sliced).toBe(version.evaluation?.rows);
    for (const { evaluation } of version.slices) expect(metricIn(evaluation, AUC)).toBeGreaterThan(0.6);

    const folder = join(on.home, 'artifacts', version.packagePath);
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
    for (const [path, hash] of Object.entries(manifest.files))
      expect([path, sha256(readFileSync(join(folder, path)))]).toEqual([path, hash]);
    for (const path of [
      'features.json',
      'model.onnx',
      'tfjs/model.json',
      'tfjs/weights.bin',
      'reference.pb',
      'evaluation.json',
      'lineage.json',
    ]) {
      expect(manifest.files).toHaveProperty([path]);
    }
    expect(manifest.signature.inputs).toEqual([
      { name: 'region', type: 'text' },
      { name: 'size', type: 'integer' },
      { name: 'price', type: 'number' },
    ]);
    const plan = parsePlan(readFileSync(join(folder, 'features.json'), 'utf8'));
    expect(encodeRows(plan, { region: ['r1', 'new'], size: [1, null], price: [10, null] })).toHaveLength(
      2 * plan.width,
    );
    const reference = decodeReferenceProfile(readFileSync(join(folder, 'reference.pb')));
    expect(reference.features.map(({ name, kind }) => [name, kind])).toEqual([
      ['region', 'categorical'],
      ['size', 'categorical'],
      ['price', 'numeric'],
    ]);
    expect(reference.rows).toBe(version.trainRows);
    const baseline = logisticBaselineOf(JSON.parse(readFileSync(join(folder, 'baselines/logistic.json'), 'utf8')));
    const scores = scoreLogistic(baseline, { region: ['r1', 'r2'], size: [1, 2], price: [10, 12] });
    for (const score of scores) expect(score).toBeGreaterThan(0);
    for (const score of scores) expect(score).toBeLessThan(1);
    const evaluation = JSON.parse(readFileSync(join(folder, 'evaluation.json'), 'utf8'));
    expect(evaluation.parity.rows).toBeGreaterThanOrEqual(1_000);
    expect(evaluation.parity.largestDifference).toBeLessThan(1e-5);
    expect(existsSync(join(on.home, 'artifacts/trainings', String(started.body.trainingId)))).toBe(false);

    await eventually('the finished event', () => on.events.some((event) => event.event.kind === 'finished'));
    const kinds = new Set(on.events.map((event) => event.event.kind));
    expect([...kinds]).toEqual(expect.arrayContaining(['requested', 'started', 'progress', 'finished']));
  }, 120_000);

  it('hands out packages and nothing else', async () => {
    const path = '/v1/projects/shop/models/1/artifacts';
    expect((await get(path)).body.files).toContain('tfjs/weights.bin');
    expect(await get(`${path}/tfjs/model.json`)).toMatchObject({ status: 200, body: { format: 'layers-model' } });
    for (const bad of ['../../../datasets/first.parquet', '..%2F..%2Fx', 'none']) {
      expect((await fetch(`${on.base}${path}/${bad}`)).status).toBe(404);
    }
    expect(await get('/v1/projects/shop/models/9')).toMatchObject({ status: 404 });
  });

  it('asked for by command, is judged against the champion, once', async () => {
    const action = {
      kind: 'startTraining' as const,
      datasetVersions: ['later'],
      evaluateFromMs: 0,
      evaluationShare: 0.2,
      warmStartVersion: 1,
      workers: 0,
      seed: 0,
      trigger: 'drift',
    };
    const value = encodeCommand({
      id: 'loop/1',
      project: 'shop',
      issuedBy: 'loop',
      issuedAtMs: 1,
      expectedRevision: 0,
      correlationId: 'c-2',
      reason: 'drift',
      action,
    });
    await on.producer.send('commands.v1', [
      { key: 'shop', value },
      { key: 'shop', value },
    ]);
    const version = await modelVersion(2);
    expect(version).toMatchObject({ championVersion: 1, blessed: true, trainingId: 'loop-1' });
    expect(metricIn(version.evaluation, LOG_LOSS)).toBeLessThan(metricIn(version.championEvaluation, LOG_LOSS));
    expect(version.reasons.at(-1)).toMatch(/lower than version 1's \(the newest blessed\)/);
  }, 120_000);

  it('gives the same model again from the same data, seed and workers', async () => {
    const asked = await post('/v1/projects/shop/trainings', { datasetVersions: ['first'], championVersion: 0 });
    const version = await modelVersion(3);
    // Trainings run one after the other: the command that came twice has made no version of its own before this one.
    expect(version.trainingId).toBe(asked.body.trainingId);
    expect(version.modelSha256).toBe(on.models.get('shop/1')?.modelSha256);
  }, 120_000);

  it('waits for the revision of the project that it was asked for, and trains with that one', async () => {
    const asked = post('/v1/projects/shop/trainings', {
      datasetVersions: ['first'],
      championVersion: 0,
      projectRevision: 2,
    });
    await on.applyProject(PROJECT.replace('seed: 7', 'seed: 8'), 2);
    const { status, body } = await asked;
    expect([status, body]).toEqual([200, { trainingId: expect.any(String) }]);
    const version = await modelVersion(4);
    expect(version).toMatchObject({ trainingId: body.trainingId, seed: 8 });
    expect((await get(`/v1/projects/shop/trainings/${body.trainingId}`)).body).toMatchObject({ projectRevision: 2 });
    const lineage = readFileSync(join(on.home, 'artifacts', version.packagePath, 'lineage.json'), 'utf8');
    expect(JSON.parse(lineage)).toMatchObject({ projectRevision: 2 });
    const gone = await post('/v1/projects/shop/trainings', { datasetVersions: ['first'], projectRevision: 1 });
    expect(gone).toMatchObject({
      status: 409,
      body: { error: { message: expect.stringMatching(/is at revision 2/) } },
    });
    await on.applyProject(PROJECT, 3);
  }, 120_000);

  it('survives kill -9 of the trainer: the next process ends it, with the same model', async () => {
    const training = { datasetVersions: ['first'], championVersion: 0, projectRevision: 3 };
    const asked = await post('/v1/projects/shop/trainings', training);
    const { trainingId } = asked.body;
    const begun = () => on.events.some((event) => event.trainingId === trainingId && event.event.kind === 'progress');
    await eventually('progress', begun, 60_000);
    trainer.kill('SIGKILL');
    trainer = on.start('main.js', '0');
    const version = await modelVersion(5);
    expect(version).toMatchObject({ trainingId, workers: 2, modelSha256: on.models.get('shop/1')?.modelSha256 });
  }, 120_000);

  it('killed between the announcement and the end of a training, comes back to that version and makes no second one', async () => {
    const training = { datasetVersions: ['first'], championVersion: 0 };
    const trainingId = String((await post('/v1/projects/shop/trainings', training)).body.trainingId);
    const key = `shop/${trainingId}`;
    const request = await eventually('the request to be kept', () => on.kept.get(key));
    const version = await eventually(
      'the announcement',
      () => [...on.models.values()].find((one) => one.trainingId === trainingId),
      90_000,
    );
    trainer.kill('SIGKILL');
    await once(trainer, 'exit');
    // Where the end was quicker than the kill: what a kill a moment earlier leaves.
    await on.producer.send('trainer.v1', [{ key, value: request }]);
    trainer = on.start('main.js', '0');
    const view = async () => (await get(`/v1/projects/shop/trainings/${trainingId}`)).body;
    const ended = async () => (await view().catch(() => ({ state: '' }))).state === 'finished';
    await eventually('the training to end', ended, 60_000);
    expect(await view()).toMatchObject({ state: 'finished', last: { version: version.version } });
    await eventually('the request to be forgotten', () => !on.kept.has(key));
    const { body } = await get('/v1/projects/shop/models');
    const versions = (body.models as ModelVersion[]).filter((one) => one.trainingId === trainingId);
    expect(versions.map((one) => one.version)).toEqual([version.version]);
  }, 180_000);

  it('goes on from scratch where its parent is broken, on all workers: no number of retrainings mended it', async () => {
    const file = join(on.home, 'artifacts/models/shop/1/weights/weights.bin');
    const [good, broken] = [readFileSync(file), readFileSync(file)];
    for (let at = 0; at < broken.length; at += 4) broken.writeFloatLE(-30 * broken.readFloatLE(at), at);
    writeFileSync(file, broken);
    const training = { datasetVersions: ['first'], warmStartVersion: 1, championVersion: 0 };
    const { trainingId } = (await post('/v1/projects/shop/trainings', training)).body;
    const ended = async () => (await get(`/v1/projects/shop/trainings/${trainingId}`)).body.state === 'finished';
    await eventually('the training to end', ended, 90_000);
    writeFileSync(file, good);
    const version = [...on.models.values()].find((one) => one.trainingId === trainingId);
    expect(version).toMatchObject({ blessed: true, workers: 2 });
    expect(version?.verdict).toMatch(
      /; trained from scratch, for from version 1's weights it (was not blessed|failed)/,
    );
    expect(existsSync(join(on.home, 'trainer/work/trainings', String(trainingId)))).toBe(false);
  }, 120_000);
});
