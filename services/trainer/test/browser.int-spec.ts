// A model package in a real Chromium: the page of examples/browser loads it from the trainer (and its network from
// serving), on another origin than its own, and comes to the server's answers.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { environment } from '@millrace/config';
import { encodeModelVersion, encodeProject, encodeRoute } from '@millrace/contracts';
import { seededRng } from '@millrace/domain';
import { type FeaturePlan, fitPlan, type RawColumns } from '@millrace/features';
import { ensureTopics, KafkaConnection, MessageProducer } from '@millrace/kafka';
import { buildNetwork, initialWeights } from '@millrace/models';
import { emptyRoute } from '@millrace/routing';
import { cloneRoot, eventually, freePort, openChromium, startKafka, uniquePrefix } from '@millrace/testing';
import type { Browser, Page } from 'playwright-core';
import { layersModel } from '../src/packaging/layers-model.js';
import { packageHash } from '../src/packaging/manifest.js';
import { onnxGraph } from '../src/packaging/onnx-graph.js';
import { encodeOnnxModel } from '../src/packaging/onnx-model.codec.js';
import { built } from './worker-group.js';

const ROWS = 500;
const TOLERANCE = 1e-5;
const PROJECT = 'shop';
/** Every kind of input and step that a package can hold. */
const PLAN: FeaturePlan = {
  inputs: [
    { name: 'place', type: 'text' },
    { name: 'day', type: 'integer' },
    { name: 'price', type: 'number' },
    { name: 'hour', type: 'number' },
    { name: 'member', type: 'boolean' },
  ],
  features: [
    { kind: 'categorical', input: 'place', minCount: 1, vocabularyMax: 100, embedding: 4 },
    { kind: 'categorical', input: 'day', minCount: 1, vocabularyMax: 100, embedding: 0 },
    { kind: 'numeric', input: 'price', scaling: 'log_standard', missing: 'mean', clamp: true },
    { kind: 'numeric', input: 'hour', scaling: 'none', period: 24, missing: 'mean', clamp: true },
    { kind: 'categorical', input: 'member', minCount: 1, vocabularyMax: 2, embedding: 0 },
    { kind: 'cross', inputs: ['place', 'day'], buckets: 50, embedding: 2 },
  ],
};

type Row = Record<string, string | number | boolean | null>;

function rowsOf(count: number, seed: number): Row[] {
  const rng = seededRng(seed);
  return Array.from({ length: count }, () => ({
    place: rng.next() < 0.05 ? null : `place ${rng.below(30)}`,
    day: rng.below(7),
    price: Math.exp(rng.normal() * 3),
    hour: rng.next() * 24,
    member: rng.next() < 0.5,
  }));
}

const sha256 = (parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** As the trainer would publish it; gives the package's hash. */
function writePackage(home: string): string {
  const rows = rowsOf(2_000, 1);
  const columns = Object.fromEntries(PLAN.inputs.map(({ name }) => [name, rows.map((row) => row[name])]));
  const { plan } = fitPlan(PLAN, columns as unknown as RawColumns);
  const network = buildNetwork(plan, { kind: 'mlp', hidden: [16, 8], activation: 'relu' });
  const weights = initialWeights(network, 0.4, seededRng(7));
  // Initial embeddings are close to nothing: answers shall differ from row to row.
  const rng = seededRng(8);
  for (let i = 0; i < weights.length; i++) weights[i] = (weights[i] as number) + 0.3 * rng.normal();
  const tfjs = layersModel(network, weights);
  const files: Record<string, string | Uint8Array> = {
    'features.json': JSON.stringify(plan),
    'model.onnx': encodeOnnxModel(onnxGraph(network, weights), PROJECT),
    'tfjs/model.json': tfjs.modelJson,
    'tfjs/weights.bin': tfjs.weights,
  };
  const hashes = Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, sha256([bytes])]));
  const packageSha256 = packageHash(hashes, sha256);
  const manifest = {
    project: PROJECT,
    version: 1,
    task: 'binary',
    modelSha256: sha256(['model']),
    packageSha256,
    files: hashes,
  };
  for (const [path, bytes] of Object.entries({ ...files, 'manifest.json': JSON.stringify(manifest) })) {
    const file = join(home, 'artifacts/models', PROJECT, '1', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  return packageSha256;
}

/** The same rows as a V2 request. */
function requestOf(rows: readonly Row[]) {
  const datatypes = { text: 'BYTES', integer: 'INT64', number: 'FP64', boolean: 'BOOL', timestamp: 'INT64' } as const;
  return {
    inputs: PLAN.inputs.map(({ name, type }) => ({
      name,
      datatype: datatypes[type],
      shape: [rows.length],
      // An empty text is a missing one; JSON has no such number.
      data: rows.map((row) => row[name] ?? ''),
    })),
  };
}

describe('a model package in a browser', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-browser-'));
  const children: ChildProcess[] = [];
  let browser: Browser;
  let page: Page;
  let producer: MessageProducer;
  let connection: KafkaConnection;
  let packageSha256: string;
  let trainer = '';
  let serving = '';
  let site = '';
  const faults: string[] = [];

  const start = (script: string, args: readonly string[], env: Record<string, string>): ChildProcess => {
    const log = openSync(join(home, 'processes.log'), 'a');
    const child = spawn(process.execPath, [join(cloneRoot(), script), ...args], {
      stdio: ['ignore', 'pipe', log],
      env: { ...environment(), NODE_OPTIONS: '', ...env },
    });
    children.push(child);
    return child;
  };

  beforeAll(async () => {
    built();
    const [kafka, opened] = await Promise.all([startKafka(), openChromium()]);
    browser = opened;
    packageSha256 = writePackage(home);
    const topicPrefix = uniquePrefix();
    connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'browser-test', topicPrefix });
    producer = new MessageProducer(connection);
    await ensureTopics(connection);
    const document = JSON.stringify({
      name: PROJECT,
      data: {
        entity: 'who',
        eventTime: 'at',
        columns: [
          { name: 'at', type: 'timestamp', required: true },
          { name: 'who', type: 'text', required: true },
          { name: 'bought', type: 'boolean', outcome: true },
          ...PLAN.inputs,
        ],
        label: { name: 'bought', column: 'bought' },
      },
      features: [{ name: 'price', kind: 'numeric' }],
    });
    const project = {
      name: PROJECT,
      revision: 1,
      document,
      documentSha256: 'x',
      appliedAtMs: 1,
      labelRuleSinceMs: 0,
      earlierSchemas: [],
      createdAtMs: 0,
    };
    await producer.send('projects.v1', [{ key: PROJECT, value: encodeProject(project) }]);
    const version = {
      project: PROJECT,
      version: 1,
      packagePath: `models/${PROJECT}/1`,
      modelSha256: 'm',
      packageSha256,
      blessed: true,
      verdict: '',
      warnings: [],
      reasons: [],
      championVersion: 0,
      baselines: [],
      slices: [],
      datasetVersions: [],
      trainingId: 't',
      workers: 1,
      seed: 1,
      createdAtMs: 1,
      correlationId: '',
      trainRows: 1,
      trainSeconds: 1,
      origin: 'trained' as const,
      labelRule: '',
    };
    await producer.send('models.v1', [{ key: `${PROJECT}/1`, value: encodeModelVersion(version) }]);
    const route = {
      ...emptyRoute(PROJECT),
      revision: 1,
      targets: [{ version: 1, weight: 100, name: 'blue' }],
      loadedVersions: [1],
    };
    await producer.send('routes.v1', [{ key: PROJECT, value: encodeRoute(route) }]);

    const names = ['TRAINER_HTTP', 'TRAINER_GRPC', 'SERVING_HTTP', 'SERVING_GRPC'];
    const ports = await Promise.all(names.map(() => freePort()));
    const env = {
      ...Object.fromEntries(names.map((name, i) => [`MILLRACE_${name}_PORT`, String(ports[i])])),
      MILLRACE_HOME: home,
      MILLRACE_KAFKA_BROKERS: kafka.brokers.join(','),
      MILLRACE_TOPIC_PREFIX: topicPrefix,
    };
    trainer = `http://127.0.0.1:${ports[0]}`;
    serving = `http://127.0.0.1:${ports[2]}`;
    start('dist/services/trainer/src/main.js', [], env);
    start('dist/services/serving/src/main.js', [], env);
    const served = start('examples/browser/serve.mjs', ['0'], {});
    site = await new Promise((resolve) => served.stdout?.once('data', (line: Buffer) => resolve(String(line).trim())));
    const answers = (url: string) =>
      fetch(url).then(
        ({ ok }) => ok,
        () => false,
      );
    const model = `${trainer}/v1/projects/${PROJECT}/models/1`;
    await eventually('the trainer knows the version', () => answers(model), 30_000);
    await eventually('serving has the version', () => answers(`${serving}/v2/models/${PROJECT}/ready`), 30_000);
    page = await browser.newPage();
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    for (const child of children) child.kill('SIGKILL');
    await producer?.close(1_000);
    await connection?.close();
    rmSync(home, { recursive: true, force: true });
  }, 30_000);

  const artifact = (name: string) => `${trainer}/v1/projects/${PROJECT}/models/1/artifacts/${name}`;
  const open = (more = '') => page.goto(`${site}?trainer=${trainer}&project=${PROJECT}&version=1${more}`);
  const largestDifference = async (rows: readonly Row[]): Promise<number> => {
    const answer = await fetch(`${serving}/v2/models/${PROJECT}/infer`, {
      method: 'POST',
      body: JSON.stringify(requestOf(rows)),
    });
    const body = (await answer.json()) as { error?: string; outputs: { name: string; data: number[] }[] };
    expect(body.error).toBeUndefined();
    const server = body.outputs.find(({ name }) => name === 'probability')?.data as number[];
    const here = await page.evaluate(
      async (values) =>
        (await (globalThis as unknown as { millrace: Promise<{ predict(v: unknown): number[] }> }).millrace).predict(
          values,
        ),
      rows as unknown as Row[],
    );
    expect(here).toHaveLength(rows.length);
    // Not one answer for all: the rows differ.
    expect(Math.max(...server) - Math.min(...server)).toBeGreaterThan(0.1);
    return Math.max(...here.map((value, i) => Math.abs(value - (server[i] as number))));
  };
  it('predicts what the server predicts, within 1e-5', async () => {
    await open();
    await page.waitForSelector('#predict:not([disabled])');
    const rows = rowsOf(ROWS, 2);
    expect(await largestDifference(rows)).toBeLessThanOrEqual(TOLERANCE);
    await page.click('#predict');
    await eventually('an answer', async () => (await page.textContent('#answer'))?.startsWith('probability'));
    expect(faults).toEqual([]);
  }, 60_000);

  it('takes the network from serving as well', async () => {
    await open(`&model=${encodeURIComponent(`${serving}/v2/models/${PROJECT}/versions/1/artifacts/tfjs/model.json`)}`);
    await page.waitForSelector('#predict:not([disabled])');
    const rows = rowsOf(100, 3);
    expect(await largestDifference(rows)).toBeLessThanOrEqual(TOLERANCE);
    expect(faults).toEqual([]);
  }, 60_000);

  it('is told apart by hash: kept for ever, asked again, or not there', async () => {
    const pinned = await fetch(`${artifact('tfjs/weights.bin')}?sha256=${packageSha256}`);
    expect(pinned.headers.get('cache-control')).toContain('immutable');
    expect(pinned.headers.get('access-control-allow-origin')).toBe('*');
    const bytes = Buffer.from(await pinned.arrayBuffer());
    expect(bytes).toEqual(readFileSync(join(home, 'artifacts/models', PROJECT, '1/tfjs/weights.bin')));
    const plain = await fetch(artifact('tfjs/model.json'));
    expect(plain.headers.get('cache-control')).toBe('public, no-cache');
    expect(plain.headers.get('content-type')).toContain('application/json');
    const etag = plain.headers.get('etag') as string;
    const again = await fetch(artifact('tfjs/model.json'), { headers: { 'if-none-match': etag } });
    expect([again.status, await again.text()]).toEqual([304, '']);
    const head = await fetch(artifact('tfjs/model.json'), { method: 'HEAD' });
    expect([head.status, head.headers.get('etag')]).toEqual([200, etag]);
    const preflight = await fetch(artifact('tfjs/model.json'), { method: 'OPTIONS' });
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([
      204,
      'GET, HEAD, OPTIONS',
    ]);
    for (const path of [`tfjs/model.json?sha256=${'0'.repeat(64)}`, 'tfjs/other.bin', '..%2F..%2F..%2Fsecret']) {
      const refused = await fetch(artifact(path));
      expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([404, '*']);
    }
  }, 30_000);
});
