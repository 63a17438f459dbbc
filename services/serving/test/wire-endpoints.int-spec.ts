// Serving with packages and a repository, and a router before it: the wire suite through the router, tritonclient
// against both, fuzzed input through the router, files for browsers.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { environment } from '@millrace/config';
import { cloneRoot, eventually, freePort, startKafka, uniquePrefix } from '@millrace/testing';
import { projectOf, writePackage } from './package-fixture.js';
import { ControlWriter, type ServingProcess, startServing, untilLoaded, untilReady } from './serving-process.js';
import { http } from './wire-client.js';
import {
  BODIES,
  type FuzzTarget,
  fuzzConnections,
  fuzzGrpc,
  fuzzPaths,
  fuzzRest,
  fuzzStream,
  REQUESTS,
} from './wire-fuzz.js';
import { writeRepository } from './wire-repository.js';
import { describeWire, type Endpoint } from './wire-suite.js';

const SEED = 5;
const MODEL = 'demo';
const TFJS = '{"format":"layers-model"}';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Adds tfjs/model.json to a package that writePackage made. */
function addBrowserFile(folder: string): string {
  mkdirSync(join(folder, 'tfjs'));
  writeFileSync(join(folder, 'tfjs/model.json'), TFJS);
  const path = join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8'));
  manifest.files['tfjs/model.json'] = sha256(TFJS);
  const files = Object.keys(manifest.files).sort();
  manifest.packageSha256 = sha256(files.map((file) => `${file} ${manifest.files[file]}\n`).join(''));
  writeFileSync(path, JSON.stringify(manifest));
  return manifest.packageSha256;
}

async function startRouter(
  home: string,
  env: Record<string, string>,
): Promise<{ process: ChildProcess; endpoint: Endpoint; log(): string }> {
  const names = ['HTTP', 'GRPC', 'METRICS', 'CONTROL', 'CONTROL_GRPC'];
  const ports: Record<string, number> = {};
  for (const name of names) ports[name] = await freePort();
  let output = '';
  const child = spawn(process.execPath, [join(cloneRoot(), 'dist/services/router/src/main.js')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...environment(),
      NODE_OPTIONS: '',
      MILLRACE_HOME: home,
      ...Object.fromEntries(names.map((name) => [`MILLRACE_ROUTER_${name}_PORT`, String(ports[name])])),
      ...env,
    },
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => {
      output = (output + text.toString()).slice(-100_000);
    });
  }
  const endpoint = {
    http: `http://127.0.0.1:${ports.HTTP}`,
    grpc: `127.0.0.1:${ports.GRPC}`,
    metrics: `http://127.0.0.1:${ports.METRICS}/metrics`,
  };
  return { process: child, endpoint, log: () => output };
}

describe('both endpoints', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-endpoints-'));
  const prefix = uniquePrefix();
  let control: ControlWriter;
  let serving: ServingProcess;
  let router: Awaited<ReturnType<typeof startRouter>>;
  let packageSha256 = '';

  beforeAll(async () => {
    const { brokers } = await startKafka();
    control = new ControlWriter(brokers, prefix);
    await control.ensureTopics();
    packageSha256 = addBrowserFile(writePackage(home, MODEL, 1).folder);
    await control.project(MODEL, projectOf(MODEL));
    await control.route(MODEL, [1]);
    serving = await startServing({
      home,
      brokers,
      topicPrefix: prefix,
      env: { MILLRACE_SERVING_REPOSITORY: writeRepository(join(home, 'models')) },
    });
    await untilReady(serving);
    await untilLoaded(serving, MODEL, 1);
    router = await startRouter(join(home, 'router'), {
      MILLRACE_KAFKA_BROKERS: brokers.join(','),
      MILLRACE_TOPIC_PREFIX: prefix,
      MILLRACE_SERVING_HTTP_PORT: new URL(serving.http).port,
      MILLRACE_SERVING_GRPC_PORT: serving.grpc.split(':')[1] as string,
    });
    await eventually(
      'the router knows the route and reaches serving',
      () =>
        http(router.endpoint.http, `/v2/models/${MODEL}/ready`).then(
          ({ status }) => status === 200,
          () => false,
        ),
      20_000,
    ).catch((error) => {
      throw new Error(`${error.message}\n${router.log()}`);
    });
  }, 120_000);

  afterAll(async () => {
    const ended = new Promise((resolve) => router?.process.once('exit', resolve));
    router?.process.kill('SIGTERM');
    if (router) await ended;
    await serving?.stop();
    await control?.close();
    rmSync(home, { recursive: true, force: true });
  }, 30_000);

  const servingEndpoint = (): Endpoint => ({
    http: serving.http,
    grpc: serving.grpc,
    metrics: `${serving.http}/metrics`,
  });

  // Metrics of models are serving's; the router's page has its own names.
  describeWire('the router', () => ({ ...router.endpoint, metrics: servingEndpoint().metrics }));

  it.each([
    ['serving', servingEndpoint],
    ['the router', () => router.endpoint],
  ] as const)('tritonclient works unchanged against %s', async (_name, endpoint) => {
    const setup = JSON.parse(readFileSync(join(cloneRoot(), 'node_modules/.millrace/setup.json'), 'utf8'));
    const script = join(cloneRoot(), 'test/e2e/tritonclient_check.py');
    const { grpc, http: base } = endpoint();
    const told = ['--grpc', grpc, '--http', new URL(base).host, '--model', MODEL, '--repository'];
    const run = await promisify(execFile)(setup.python.binary, [script, ...told]).catch((error) => {
      throw new Error(`${error.stdout}\n${error.stderr}`);
    });
    expect(run.stdout).toContain('all checks passed');
  });

  describe('the router under fuzzed input', () => {
    const target = (): FuzzTarget => ({
      ...router.endpoint,
      requests: REQUESTS,
      bodies: BODIES,
      inferPath: '/v2/models/identity/infer',
    });

    it('answers fuzzed gRPC calls cleanly', () => fuzzGrpc(target(), SEED, 1000));
    it('answers streams of fuzzed messages cleanly', () => fuzzStream(target(), SEED, 80));
    it('answers fuzzed REST bodies cleanly', () => fuzzRest(target(), SEED, 800));
    it('answers fuzzed paths cleanly', () => fuzzPaths(target(), SEED, 300));
    it('survives connections of garbage', async () => {
      await fuzzConnections(target(), SEED, 100);
      expect(router.process.exitCode).toBeNull();
      expect((await http(router.endpoint.http, '/v2/health/ready')).status).toBe(200);
    });
  });

  it('files for browsers: readable from everywhere, kept for ever when asked for by hash', async () => {
    const path = `/v2/models/${MODEL}/versions/1/artifacts/tfjs/model.json`;
    const plain = await http(serving.http, path);
    expect([plain.status, plain.body.toString()]).toEqual([200, TFJS]);
    expect(plain.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'cache-control': 'public, no-cache',
      'content-type': 'application/json',
      etag: `"${sha256(TFJS)}"`,
    });
    const again = await http(serving.http, path, { headers: { 'if-none-match': `"${sha256(TFJS)}"` } });
    expect([again.status, again.body.length]).toEqual([304, 0]);
    const pinned = await http(serving.http, `/v2/models/${MODEL}/artifacts/tfjs/model.json?sha256=${packageSha256}`);
    expect(pinned.headers['cache-control']).toMatch(/immutable/);
    expect((await http(serving.http, `${path}?sha256=${'0'.repeat(64)}`)).status).toBe(404);
    expect((await http(serving.http, path, { method: 'OPTIONS' })).status).toBe(204);
    expect((await http(serving.http, path, { method: 'DELETE' })).headers.allow).toBe('GET, HEAD, OPTIONS');
    for (const missing of ['other.json', '..%2fmanifest.json', '%2e%2e/model.onnx']) {
      const answer = await http(serving.http, path.replace('model.json', missing));
      expect([missing, answer.status]).toEqual([missing, 404]);
    }
  });
});
