// "Which version for this user" with OpenFeature's own providers, of npm and of PyPI, against a real router: what they
// are told is what the same entity's predictions are answered by.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeProject } from '@millrace/contracts';
import { parseProject } from '@millrace/project';
import { cloneRoot, LOANS_PROJECT, startKafka } from '@millrace/testing';
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { type Client, OpenFeature } from '@openfeature/server-sdk';
import { inferRequest } from './load.js';
import { Platform } from './platform.js';

const ENTITIES = Array.from({ length: 200 }, (_, i) => `customer-${i}`);
const NOT_ASKED = -1;

let platform: Platform;
let client: Client;
/** Bodies that an OpenTelemetry collector was sent, by path. */
const collected: { path: string; body: Buffer }[] = [];
const collector = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    collected.push({ path: request.url ?? '', body: Buffer.concat(parts) });
    response.writeHead(200).end();
  });
});

beforeAll(async () => {
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const { port } = collector.address() as AddressInfo;
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` };
  platform = await Platform.start((await startKafka()).brokers, env);
  await platform.rollOut(1);
  await platform.rollOut(2);
  const weights = [
    { version: 1, weight: 60 },
    { version: 2, weight: 40 },
  ];
  const split = await platform.router.post('/v1/projects/p/weights', { weights });
  if (split.status !== 200) throw new Error(JSON.stringify(split.body));
  await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: base() }));
  client = OpenFeature.getClient();
}, 90_000);

afterAll(async () => {
  await OpenFeature.close();
  await platform?.stop();
  collector.closeAllConnections();
  collector.close();
}, 30_000);

const base = () => `http://127.0.0.1:${platform.router.controlPort}`;

function ask(path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  const type = { 'content-type': 'application/json', ...headers };
  return fetch(`${base()}/ofrep/v1/evaluate/flags${path}`, { method: 'POST', headers: type, body });
}

/** What is answered for an entity. */
const askOnce = async (path: string) =>
  (await (await ask(path, context('customer-1'))).json()) as { metadata?: { sticky: boolean } };

const context = (targetingKey: string, more: object = {}) => JSON.stringify({ context: { targetingKey, ...more } });

/** The versions that predictions of these entities are answered by. */
function answeredBy(entities: readonly string[], id = (_entity: string) => ''): Promise<number[]> {
  const inference = platform.router.inference();
  return Promise.all(
    entities.map(async (entity) => {
      const answer = await inference.modelInfer(inferRequest(entity, id(entity)), { deadlineMs: 20_000 });
      return Number(answer.modelVersion);
    }),
  );
}

/** Project p again, with another say on whether entities stay with a version. */
async function apply(sticky: boolean): Promise<void> {
  const text = `${LOANS_PROJECT.replace('loans', 'p')}rollout: { sticky: ${sticky} }\n`;
  const parsed = parseProject(text, 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  const value = encodeProject({
    ...{ name: 'p', revision: 2, document: parsed.document, documentSha256: 'y', appliedAtMs: 2 },
    ...{ labelRuleSinceMs: 0, earlierSchemas: [], createdAtMs: 0 },
  });
  await platform.producer.send('projects.v1', [{ key: 'p', value }]);
  await platform.router.until(async () => (await askOnce('/p')).metadata?.sticky === sticky);
}

describe('OFREP', () => {
  it('tells npm’s provider of 200 entities the very version that answers their predictions', async () => {
    const told = await Promise.all(
      ENTITIES.map((targetingKey) => client.getNumberDetails('p', NOT_ASKED, { targetingKey })),
    );
    expect(told.map(({ value }) => value)).toEqual(await answeredBy(ENTITIES));
    expect(new Set(told.map(({ value }) => value))).toEqual(new Set([1, 2]));
    const { revision } = (await platform.router.get('/v1/projects/p/route')).body.route;
    expect(told[0]).toMatchObject({ reason: 'SPLIT', flagMetadata: { revision, sticky: true } });
  });

  it('tells PyPI’s provider the same', async () => {
    const setup = JSON.parse(readFileSync(join(cloneRoot(), 'node_modules/.millrace/setup.json'), 'utf8'));
    const script = join(cloneRoot(), 'services/router/test/ofrep_check.py');
    const { stdout } = await promisify(execFile)(setup.python.binary, [script, base(), 'p', ...ENTITIES]);
    expect(JSON.parse(stdout)).toEqual({
      versions: await answeredBy(ENTITIES),
      reasons: ['SPLIT'],
      missing: { value: NOT_ASKED, errorCode: 'FLAG_NOT_FOUND' },
      keyless: { value: NOT_ASKED, errorCode: 'TARGETING_KEY_MISSING' },
    });
  });

  it('tells the provider what is wrong in OpenFeature’s words, and the default holds', async () => {
    const missing = await client.getNumberDetails('nobody', NOT_ASKED, { targetingKey: 'a' });
    expect(missing).toMatchObject({ value: NOT_ASKED, errorCode: 'FLAG_NOT_FOUND' });
    expect(await client.getNumberDetails('p', NOT_ASKED, {})).toMatchObject({
      value: NOT_ASKED,
      errorCode: 'TARGETING_KEY_MISSING',
    });
  });

  it.each([
    ['/p', '{', 400, { key: 'p', errorCode: 'PARSE_ERROR' }],
    ['/p', '[]', 400, { key: 'p', errorCode: 'PARSE_ERROR' }],
    ['/p', '{"context": 1}', 400, { key: 'p', errorCode: 'INVALID_CONTEXT' }],
    ['/p', context('a'.repeat(70_000)), 400, { key: 'p', errorCode: 'INVALID_CONTEXT' }],
    ['/nobody', context('a'), 404, { key: 'nobody', errorCode: 'FLAG_NOT_FOUND' }],
    ['', '{"context": {}}', 400, { errorCode: 'TARGETING_KEY_MISSING' }],
  ])('%s with a body that does not do is refused', async (path, body, status, expected) => {
    const answer = await ask(path, body);
    expect([answer.status, await answer.json()]).toEqual([
      status,
      { ...expected, errorDetails: expect.stringMatching(/\w{3}/) },
    ]);
  });

  it('reads no other media type, and takes nothing from a web page of another origin', async () => {
    const text = await ask('/p', context('a'), { 'content-type': 'text/plain' });
    expect([text.status, await text.json()]).toEqual([400, expect.objectContaining({ errorCode: 'PARSE_ERROR' })]);
    expect((await ask('/p', context('a'), { origin: 'http://evil.example' })).status).toBe(403);
  });

  it('tells all flags at once, and that nothing changed while nothing did', async () => {
    const first = await ask('', context('customer-1'));
    const etag = first.headers.get('etag') as string;
    const { flags } = (await first.json()) as { flags: { key: string; value: number }[] };
    expect(flags.map(({ key, value }) => [key, value])).toEqual([['p', (await answeredBy(['customer-1']))[0]]]);
    const again = await ask('', context('customer-1'), { 'if-none-match': etag });
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
    const weights = [
      { version: 1, weight: 50 },
      { version: 2, weight: 50 },
    ];
    await platform.router.post('/v1/projects/p/weights', { weights });
    expect((await ask('', context('customer-1'), { 'if-none-match': etag })).status).toBe(200);
  });

  it('says of a sampled request alone, within its trace, which version it got and why', async () => {
    const traceOf = (digit: string) => digit.repeat(32);
    const send = (trace: string, sampled: '00' | '01') =>
      platform.router.inference().modelInfer(inferRequest('customer-1'), {
        metadata: { traceparent: `00-${trace}-${'b'.repeat(16)}-${sampled}` },
      });
    const events = () => Buffer.concat(collected.flatMap(({ path, body }) => (path === '/v1/logs' ? body : [])));
    await send(traceOf('2'), '00');
    const { modelVersion } = await send(traceOf('1'), '01');
    // Roots are drawn, too: what is looked for is of this trace.
    const ofTrace = () => events().includes(Buffer.from(traceOf('1'), 'hex'));
    await platform.router.until(ofTrace);
    const { targets } = (await platform.router.get('/v1/projects/p/route')).body.route;
    const { name } = targets.find(({ version }: { version: number }) => String(version) === modelVersion);
    const told = [
      'feature_flag.evaluation',
      'feature_flag.key',
      'feature_flag.result.reason',
      'split',
      'customer-1',
      name,
    ];
    for (const text of told) expect([text, events().includes(text)]).toEqual([text, true]);
    expect(events().includes(Buffer.from(traceOf('2'), 'hex'))).toBe(false);
  });

  it('names the experiment and the arm of a request that takes part in one, and of no other', async () => {
    const arms = [
      { version: 1, weight: 50 },
      { version: 2, weight: 50 },
    ];
    const began = await platform.router.post('/v1/projects/p/experiment', { name: 'prices', arms, forMs: 60_000 });
    expect(began).toMatchObject({ status: 200 });
    const flag = await askOnce('/p');
    const { value, variant } = flag as { value: number; variant: string };
    expect(flag).toMatchObject({ reason: 'SPLIT', metadata: { experiment: 'prices', weight: 50 } });
    expect(variant).toBe(value === began.body.route.experiment.control ? 'control' : `v${value}`);
    expect(await client.getNumberDetails('p', NOT_ASKED, { targetingKey: 'customer-1' })).toMatchObject({
      flagMetadata: { experiment: 'prices' },
    });
    const traceparent = `00-${'3'.repeat(32)}-${'b'.repeat(16)}-01`;
    const asked = platform.router.inference().modelInfer(inferRequest('customer-1'), { metadata: { traceparent } });
    expect((await asked).modelVersion).toBe(String(value));
    const sent = (to: string) => Buffer.concat(collected.flatMap(({ path, body }) => (path === to ? body : [])));
    for (const to of ['/v1/logs', '/v1/traces']) {
      await platform.router.until(() => sent(to).includes(Buffer.from('3'.repeat(32), 'hex')));
      for (const text of ['millrace.experiment', 'prices', variant])
        expect([to, text, sent(to).includes(text)]).toEqual([to, text, true]);
    }
    expect(await platform.router.post('/v1/projects/p/experiment/end', {})).toMatchObject({ status: 200 });
    expect(await askOnce('/p')).not.toHaveProperty('metadata.experiment');
  });

  it('knows no version for an entity where each request is drawn by itself, but one for a request’s id', async () => {
    await apply(false);
    const unknown = await askOnce('/p');
    expect(unknown).toMatchObject({ key: 'p', reason: 'UNKNOWN', metadata: { sticky: false, split: '1=50%, 2=50%' } });
    expect(unknown).not.toHaveProperty('value');
    expect(await client.getNumberValue('p', NOT_ASKED, { targetingKey: 'customer-1' })).toBe(NOT_ASKED);
    const id = (entity: string) => `request-of-${entity}`;
    const told = await Promise.all(
      ENTITIES.map(
        async (entity) =>
          (await client.getNumberValue('p', NOT_ASKED, { targetingKey: entity, requestId: id(entity) })) as number,
      ),
    );
    expect(told).toEqual(await answeredBy(ENTITIES, id));
    expect(new Set(told)).toEqual(new Set([1, 2]));
    await apply(true);
  });
});
