import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { clientOf, errorOf, type HttpAnswer, type HttpRequest } from './client.js';
import { ingestApi, routerApi, servingApi } from './index.js';

const JOB = {
  name: 'j',
  model: 'm',
  version: '',
  input: 'a',
  output: 'b',
  follow: false,
  state: 'running',
  answered: 0,
  refused: 0,
  error: '',
  startedAtMs: 1,
};

function recorded(answer: Partial<HttpAnswer> = {}) {
  const sent: HttpRequest[] = [];
  const send = async (request: HttpRequest): Promise<HttpAnswer> => {
    sent.push(request);
    return { status: 200, text: '{}', ...answer };
  };
  return { sent, send };
}

describe('clientOf', () => {
  it('fills the path in, escaped, and sends the body as JSON', async () => {
    const { sent, send } = recorded({ text: JSON.stringify({ importId: 'i' }) });
    const client = clientOf(ingestApi, 'http://127.0.0.1:8010', send);
    expect(await client.startImport({ path: { project: 'a/b' }, body: { source: 's', rows: 'all' } })).toEqual({
      importId: 'i',
    });
    expect(sent).toEqual([
      {
        method: 'POST',
        url: 'http://127.0.0.1:8010/v1/projects/a%2Fb/imports',
        contentType: 'application/json',
        body: '{"source":"s","rows":"all"}',
      },
    ]);
  });

  it('sends integers with all their digits', async () => {
    const { sent, send } = recorded({ text: '{"accepted":1,"rejected":[]}' });
    const body = [{ recordId: 9_007_199_254_740_993n }];
    await clientOf(ingestApi, '', send).sendRecords({ path: { project: 'p' }, body });
    expect(sent[0]?.body).toBe('[{"recordId":9007199254740993}]');
  });

  it('sends a text as it is, under the media type that the call has', async () => {
    const applied = { name: 'p', revision: 1, documentSha256: 'a'.repeat(64), appliedAtMs: 1, changed: true };
    const { sent, send } = recorded({ text: JSON.stringify(applied) });
    await clientOf(ingestApi, '', send).applyProject({ body: 'name: p', query: { file: 'my file.yaml' } });
    expect(sent[0]).toEqual({
      method: 'POST',
      url: '/v1/projects?file=my%20file.yaml',
      contentType: 'application/yaml',
      body: 'name: p',
    });
  });

  it('sends bytes as they are, with the query beside them', async () => {
    const { sent, send } = recorded({ text: '{"receivedBytes":5}' });
    const body = Uint8Array.from([0, 255, 10]);
    const path = { project: 'p', id: 'u' };
    await clientOf(ingestApi, '', send).sendUpload({ path, query: { offset: 2 }, body });
    expect(sent).toEqual([
      { method: 'PUT', url: '/v1/projects/p/uploads/u?offset=2', contentType: 'application/octet-stream', body },
    ]);
  });

  it('leaves out parameters that are not set, and sends no body with a GET or a DELETE', async () => {
    const stats = recorded({ text: JSON.stringify({ total: 0, redriven: 0, deadLetters: [] }) });
    await clientOf(ingestApi, '', stats.send).deadLetters({ query: { project: undefined, limit: 5 } });
    const job = recorded({ text: JSON.stringify(JOB) });
    await clientOf(servingApi, '', job.send).stopJob({ path: { name: 'j' } });
    expect([...stats.sent, ...job.sent]).toEqual([
      { method: 'GET', url: '/v1/deadletters?limit=5' },
      { method: 'DELETE', url: '/v1/jobs/j' },
    ]);
  });

  it('throws what the service threw', async () => {
    const error = { code: 'conflict', message: 'expected revision 3, it is 4', facts: { revision: 4 } };
    const { send } = recorded({ status: 409, text: JSON.stringify({ error }) });
    const call = clientOf(routerApi, '', send).rollback({ path: { project: 'p' } });
    await expect(call).rejects.toMatchObject({ code: 'conflict', reason: error.message, facts: error.facts });
  });

  it('refuses an answer that is none of the API’s', async () => {
    const { send } = recorded({ text: '{"route":1}' });
    await expect(clientOf(routerApi, '', send).route({ path: { project: 'p' } })).rejects.toThrow(
      'router: GET /v1/projects/p/route answered something else than its API says: route is an object',
    );
    const text = recorded({ text: '<html>' });
    await expect(clientOf(routerApi, '', text.send).routes()).rejects.toThrow('answered no JSON: <html>');
  });

  it('knows at compile time what a call takes and gives', () => {
    const client = clientOf(routerApi, '', recorded().send);
    // @ts-expect-error the path names a project
    const withoutPath = () => client.route();
    // @ts-expect-error a version is a number
    const withText = () => client.promote({ path: { project: 'p' }, body: { version: '3' } });
    // @ts-expect-error no such field
    const withMore = () => client.promote({ path: { project: 'p' }, body: { version: 3, verion: 4 } });
    const revision = async (): Promise<number> => (await client.route({ path: { project: 'p' } })).route.revision;
    expect([withoutPath, withText, withMore, revision]).toHaveLength(4);
  });
});

describe('errorOf', () => {
  it.each<[number, string, string]>([
    [404, 'Not Found', 'not_found'],
    [405, '', 'unimplemented'],
    [413, '{"error":"too large"}', 'invalid_argument'],
    [418, '', 'invalid_argument'],
    [502, '<html>', 'internal'],
    [409, '{"error":{"code":"nobody knows","message":"m"}}', 'already_exists'],
  ])('reads status %i with %j as %s', (status, text, code) => {
    const error = errorOf(status, text, 'GET /x');
    expect(error).toBeInstanceOf(PlatformError);
    expect(error.code).toBe(code);
  });
});
