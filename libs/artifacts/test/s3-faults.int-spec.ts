// A store in a bucket whose server or network fails: what can succeed a moment later does, nothing is there in part,
// and what fails at last says what to do.

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type ArtifactStore, sha256 } from '@millrace/artifacts';
import { counter } from '@millrace/telemetry';
import { startS3, type TestS3 } from '@millrace/testing';
import { FaultyProxy, type Seen } from './faulty-proxy.js';
import { s3Store } from './s3-store.js';

/** A busy machine takes a part of 8 MiB within it. */
const TIMEOUT_MS = 1_000;
const LARGE_BYTES = 17_000_001;

let s3: TestS3;
let proxy: FaultyProxy;
let folder: string;
let tests = 0;
let prefix: string;
let store: ArtifactStore;

/** `more`: settings. */
const opened = (more: Readonly<Record<string, string>> = {}, endpoint = proxy.endpoint): ArtifactStore =>
  s3Store(s3, prefix, join(folder, 'home'), {
    MILLRACE_ARTIFACTS_ENDPOINT: endpoint,
    MILLRACE_ARTIFACTS_TIMEOUT: `${TIMEOUT_MS}ms`,
    ...more,
  });
/** Past the proxy: what other readers see meanwhile, and what is in the bucket. */
const direct = (): ArtifactStore => s3Store(s3, prefix, join(folder, 'other'));
const is =
  (method: string, part: string | RegExp) =>
  (seen: Seen): boolean =>
    seen.method === method && (typeof part === 'string' ? seen.url.includes(part) : part.test(seen.url));
const retried = (operation: string): number => counter('millrace.artifacts.request_retries').value({ operation });

async function largeFile(): Promise<{ file: string; bytes: Buffer }> {
  const file = join(folder, 'large');
  const bytes = randomBytes(LARGE_BYTES);
  await writeFile(file, bytes);
  return { file, bytes };
}

/** Uploads in parts that are begun and neither ended nor aborted. */
async function openUploads(): Promise<number> {
  const text = await (await fetch(`${s3.endpoint}/${s3.bucket}/?uploads`)).text();
  return text.split('<UploadId>').length - 1;
}

beforeAll(async () => {
  s3 = await startS3('gofakes3');
  proxy = await FaultyProxy.before(s3.endpoint);
}, 70_000);
afterAll(async () => {
  await proxy.close();
  await s3.stop();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-s3-faults-'));
  prefix = `faults/${++tests}`;
  proxy.fault = () => undefined;
  proxy.seen.length = 0;
  store = opened();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('what a moment later succeeds', () => {
  it.each([
    ['a server that is overloaded', { kind: 'status', status: 503, code: 'SlowDown' }],
    ['a server that has failed', { kind: 'status', status: 500, code: 'InternalError' }],
    ['a connection that is cut', { kind: 'cut', what: 'answer' }],
    ['an answer that is shortened', { kind: 'shorten' }],
    ['an answer that is changed on the way', { kind: 'change' }],
    ['a server that does not answer', { kind: 'stall', what: 'request' }],
    ['a server that stops in the middle of its answer', { kind: 'stall', what: 'answer' }],
  ] as const)('reads through %s', async (_name, fault) => {
    await direct().put('datasets/demo/a', 'x'.repeat(100_000));
    const before = retried('get');
    for (const read of ['read', 'localFile', 'sha256'] as const) {
      // A copy is made of what a first request has found.
      proxy.first(read === 'localFile' ? 2 : 1, is('GET', 'datasets/demo/a'), fault);
      await store[read]('datasets/demo/a');
    }
    expect(retried('get') - before).toBeGreaterThanOrEqual(3);
    expect(await readFile(await store.localFile('datasets/demo/a'), 'utf8')).toBe('x'.repeat(100_000));
  });

  it.each([
    ['a server that is overloaded', { kind: 'status', status: 503, code: 'SlowDown' }],
    ['a connection that is cut', { kind: 'cut', what: 'request' }],
    ['a server that does not answer', { kind: 'stall', what: 'request' }],
    ['bytes that arrived otherwise', { kind: 'status', status: 400, code: 'BadDigest' }],
  ] as const)('writes through %s, in one request and in parts', async (_name, fault) => {
    proxy.first(2, is('PUT', 'datasets/demo/a'), fault);
    await store.put('datasets/demo/a', 'rows');
    const { file, bytes } = await largeFile();
    proxy.first(2, is('PUT', 'partNumber=2'), fault);
    expect(await store.putFile('datasets/demo/large', file)).toBe(sha256(bytes));
    expect((await direct().read('datasets/demo/large')).equals(bytes)).toBe(true);
    expect(await openUploads()).toBe(0);
  });

  it('ends an upload once whose end was not confirmed', async () => {
    const { file, bytes } = await largeFile();
    proxy.first(1, is('POST', 'uploadId='), { kind: 'cut', what: 'answer' });
    expect(await store.putFile('datasets/demo/large', file)).toBe(sha256(bytes));
    expect((await direct().read('datasets/demo/large')).equals(bytes)).toBe(true);
  });
});

describe('what does not succeed', () => {
  it('ends after five attempts, and tells of the server', async () => {
    proxy.fault = () => ({ kind: 'status', status: 503, code: 'SlowDown' });
    await expect(store.read('datasets/demo/a')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('answered 503 SlowDown'),
    });
    expect(proxy.seen).toHaveLength(5);
  });

  it('leaves no part of a large file when the upload fails, and the file where it was', async () => {
    const { file } = await largeFile();
    proxy.fault = (seen) =>
      seen.url.includes('partNumber=2') ? { kind: 'status', status: 503, code: 'SlowDown' } : undefined;
    await expect(store.putFile('datasets/demo/large', file)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await direct().list('datasets')).toEqual([]);
    expect(await openUploads()).toBe(0);
    expect(existsSync(file)).toBe(true);
  });

  it('shows the folder before, whole, while and after a new one could not be written', async () => {
    await direct().putFolder('models/demo/1', { 'manifest.json': 'old', 'tfjs/model.json': 'old' });
    const during: string[] = [];
    proxy.fault = (seen) => {
      if (!is('PUT', /tfjs\/model\.json/)(seen)) return undefined;
      during.push(seen.url);
      return { kind: 'cut', what: 'request' };
    };
    const written = store.putFolder('models/demo/1', { 'manifest.json': 'new', 'tfjs/model.json': 'new' });
    await expect(written).rejects.toMatchObject({ code: 'unavailable' });
    expect(during.length).toBe(5);
    expect(await direct().list('models')).toEqual(['demo/1/manifest.json', 'demo/1/tfjs/model.json']);
    for (const name of ['manifest.json', 'tfjs/model.json'])
      expect((await direct().read(`models/demo/1/${name}`)).toString()).toBe('old');
    // Taken up by another process, it is written once, and what was begun is no file of its own.
    await opened({}, s3.endpoint).putFolder('models/demo/1', { 'manifest.json': 'new', 'tfjs/model.json': 'new' });
    expect((await direct().read('models/demo/1/tfjs/model.json')).toString()).toBe('new');
    expect(await direct().list('models')).toEqual(['demo/1/manifest.json', 'demo/1/tfjs/model.json']);
  });

  it('refuses what is cut or changed in the bucket itself, and what something else wrote there', async () => {
    await direct().put('datasets/demo/a', 'rows');
    const url = `${s3.endpoint}/${s3.bucket}/${prefix}/datasets/demo/a`;
    await fetch(url, { method: 'PUT', body: 'row', headers: { 'x-amz-meta-sha256': sha256('rows') } });
    for (const read of ['read', 'localFile', 'sha256'] as const)
      await expect(store[read]('datasets/demo/a')).rejects.toMatchObject({ code: 'corrupt' });
    await fetch(url.replace(/a$/, 'b'), { method: 'PUT', body: 'rows' });
    await expect(store.read('datasets/demo/b')).rejects.toThrow(/not written by Millrace/);
    await direct().putFolder('models/demo/1', { 'manifest.json': '{}', 'model.onnx': 'm' });
    const index = `${s3.endpoint}/${s3.bucket}/${prefix}/models/demo/1/.folder.json`;
    await fetch(index, { method: 'PUT', body: '{"files":{}}', headers: { 'x-amz-meta-sha256': sha256('{}') } });
    await expect(store.read('models/demo/1/model.onnx')).rejects.toMatchObject({ code: 'corrupt' });
    await expect(store.localFolder('models/demo/1')).rejects.toMatchObject({ code: 'corrupt' });
  });

  it('makes no copy of what did not come whole', async () => {
    await direct().put('datasets/demo/a', 'rows'.repeat(1000));
    proxy.fault = () => ({ kind: 'shorten' });
    await expect(store.localFile('datasets/demo/a')).rejects.toMatchObject({ code: 'corrupt' });
    expect(await readdir(join(folder, 'home/artifact-copies'))).toEqual([]);
  });
});

describe('errors say what to do', () => {
  const errorOf = async (given: ArtifactStore): Promise<string> =>
    given.check().then(
      () => 'none',
      (error: Error) => error.message,
    );

  it.each([
    ['NoSuchBucket', 404, /no bucket millrace-tests .*create it.*MILLRACE_ARTIFACTS_URL/],
    ['AccessDenied', 403, /refuses access to the bucket.*s3:GetObject/],
    ['InvalidAccessKeyId', 403, /does not know the access key.*MILLRACE_ARTIFACTS_SECRET_KEY/],
    ['SignatureDoesNotMatch', 403, /the secret is another one/],
    ['RequestTimeTooSkewed', 403, /the clock of this machine.*NTP/],
    ['PermanentRedirect', 301, /is not in the region us-east-1.*MILLRACE_ARTIFACTS_REGION/],
  ])('%s', async (code, status, text) => {
    proxy.fault = () => ({ kind: 'status', status, code });
    expect(await errorOf(store)).toMatch(text);
    await expect(store.put('datasets/demo/a', 'x')).rejects.toThrow(text);
    // None of them heals by asking again at once.
    expect(proxy.seen.filter(({ method }) => method === 'PUT')).toHaveLength(1);
  });

  it('a bucket that is not there', async () => {
    const none = opened({ MILLRACE_ARTIFACTS_URL: 's3://no-such-bucket/x' });
    expect(await errorOf(none)).toMatch(/no bucket no-such-bucket/);
    // Not as if the artifact were missing: a service would take the version for one without.
    await expect(none.read('datasets/demo/a')).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('nothing listens there', async () => {
    const free = await new Promise<number>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        server.close(() => resolve(port));
      });
    });
    const down = opened({}, `http://127.0.0.1:${free}`);
    expect(await errorOf(down)).toMatch(/does not answer \(ECONNREFUSED\).*MILLRACE_ARTIFACTS_ENDPOINT/);
  });

  it('no host of that name', async () => {
    expect(await errorOf(opened({}, 'http://no-such-host.invalid'))).toMatch(
      /is not known.*MILLRACE_ARTIFACTS_ENDPOINT/,
    );
  });

  it('TLS where there is none', async () => {
    const plain = opened({}, s3.endpoint.replace('http:', 'https:'));
    expect(await errorOf(plain)).toMatch(/no TLS.*NODE_EXTRA_CA_CERTS/);
  });

  it('never with a key or a secret in it', async () => {
    const keys = {
      MILLRACE_ARTIFACTS_ACCESS_KEY: 'AKIAOFTHETEST',
      MILLRACE_ARTIFACTS_SECRET_KEY: 'secret-of-the-test',
    };
    for (const code of ['AccessDenied', 'SignatureDoesNotMatch', 'Unheard']) {
      proxy.fault = () => ({ kind: 'status', status: 403, code });
      const error = await opened(keys)
        .check()
        .catch((thrown: unknown) => thrown);
      const told = JSON.stringify([String(error), (error as Error).stack, error, (error as Error).cause ?? '']);
      expect(told).not.toMatch(/AKIAOFTHETEST|secret-of-the-test/);
    }
  });
});

it('a server that is killed in the middle of an upload and of a download', async () => {
  const own = await startS3('gofakes3');
  const between = await FaultyProxy.before(own.endpoint);
  const reader = opened({}, between.endpoint);
  const { file } = await largeFile();
  await expect(reader.putFile('datasets/demo/large', file)).resolves.toHaveLength(64);
  await writeFile(file, 'x'.repeat(LARGE_BYTES));
  between.fault = ({ url }) => {
    if (url.includes('partNumber=2')) void own.crash();
    return undefined;
  };
  const upload = reader.putFile('datasets/demo/other', file);
  const failed = { code: 'unavailable', message: expect.stringMatching(/does not answer/) };
  await expect(upload).rejects.toMatchObject(failed);
  expect(existsSync(file)).toBe(true);
  await expect(reader.localFile('datasets/demo/large')).rejects.toMatchObject(failed);
  expect(await readdir(join(folder, 'home')).catch(() => [])).not.toContain('.staging');
  await between.close();
  await own.stop();
}, 60_000);
