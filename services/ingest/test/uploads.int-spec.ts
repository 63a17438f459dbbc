// Files that are sent: interrupted and gone on with, over a restart; refused for what is wrong with them; imported as
// one version with reasons for what was refused; and dead letters of every way in that are taken in again.

import { createHash } from 'node:crypto';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeRecord, IngestService, ingestPb, messageKey } from '@millrace/contracts';
import { openToImports } from '@millrace/files';
import { createClient } from '@millrace/grpc';
import { KafkaConnection, MessageProducer } from '@millrace/kafka';
import { eventually } from '@millrace/testing';
import { type Answer, buildServices, IngestProcess, PROJECT, START_MS } from './ingest-process.js';

let ingest: IngestProcess;

beforeAll(async () => {
  await buildServices();
  ingest = await IngestProcess.create({
    MILLRACE_INGEST_UPLOAD_BYTES_MAX: '50000000',
    MILLRACE_INGEST_UPLOADS_MAX: '3',
    MILLRACE_INGEST_UPLOAD_DISK_BYTES_MAX: '80000000',
  });
  expect((await ingest.apply(PROJECT, ingest.home)).status).toBe(200);
}, 120_000);
afterAll(() => ingest?.remove());

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

function announce(content: string, name = 'loans.csv', changes: object = {}): Promise<Answer> {
  const bytes = Buffer.byteLength(content);
  return ingest.post('/v1/projects/loans/uploads', { name, bytes, sha256: sha256(content), ...changes });
}

async function put(id: string, offset: number, body: string | ReadableStream): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${ingest.port}/v1/projects/loans/uploads/${id}?offset=${offset}`, {
    method: 'PUT',
    body,
    headers: { 'content-type': 'application/octet-stream' },
    ...{ duplex: 'half' },
  });
  return { status: response.status, body: await response.json() };
}

async function uploaded(content: string, name?: string): Promise<string> {
  const { uploadId } = (await announce(content, name)).body;
  expect((await put(uploadId, 0, content)).body).toEqual({ receivedBytes: Buffer.byteLength(content) });
  return uploadId;
}

async function imported(request: object): Promise<Answer['body']> {
  const started = await ingest.post('/v1/projects/loans/imports', request);
  expect([started.status, started.body]).toEqual([202, { importId: expect.any(String) }]);
  return eventually(
    'the import ends',
    async () => {
      const { body } = await ingest.get(`/v1/projects/loans/imports/${started.body.importId}`);
      return body.state === 'running' ? null : body;
    },
    30_000,
  );
}

const HEADER = 'at,customer,amount,kind,paid\n';
const rows = (count: number) =>
  Array.from({ length: count }, (_, i) => `${START_MS + i * 1_000},c${i % 7},${i % 500},car,${i % 2}\n`).join('');
const letterOf = (part: string) =>
  eventually('the dead letter is listed', async () => {
    const { deadLetters } = (await ingest.get('/v1/deadletters?project=loans&limit=1000')).body;
    return deadLetters.find(({ payload }: { payload: string }) => payload.includes(part)) ?? null;
  });

describe('an upload', () => {
  it('goes on in the middle after a restart, becomes one version, and leaves', async () => {
    const content = HEADER + rows(20_000);
    const { uploadId, receivedBytes } = (await announce(content)).body;
    expect(receivedBytes).toBe(0);
    const half = 100_001;
    // A sender that dies: its body ends with an error, and what came before stays.
    const dying = new ReadableStream({
      pull(controller) {
        controller.enqueue(Buffer.from(content.slice(0, half)));
        controller.error(new Error('gone'));
      },
    });
    await put(uploadId, 0, dying).catch(() => undefined);
    const kept = await eventually('what came is counted', async () => {
      const { body } = await announce(content);
      return body.receivedBytes > 0 || body.receivedBytes === half
        ? body.receivedBytes
        : put(uploadId, 0, content.slice(0, half)).then(() => null);
    });
    expect(await ingest.stop()).toBe(0);
    await ingest.start();
    expect((await announce(content)).body).toEqual({ uploadId, receivedBytes: kept });
    const wrong = await put(uploadId, 5, 'x');
    expect([wrong.status, wrong.body.error.facts]).toEqual([409, { receivedBytes: kept }]);
    expect((await ingest.post('/v1/projects/loans/imports', { upload: uploadId })).body.error.message).toContain(
      `${kept} of`,
    );
    expect((await put(uploadId, kept, content.slice(kept))).body.receivedBytes).toBe(content.length);

    const status = await imported({ upload: uploadId });
    expect(status).toMatchObject({
      state: 'done',
      source: 'upload:loans.csv',
      format: 'csv',
      csv: { delimiter: ',', decimal: '.', encoding: 'utf-8' },
      accepted: 20_000,
      rejected: 0,
      reasons: [],
      warnings: [],
    });
    const { datasets } = (await ingest.get('/v1/projects/loans/datasets')).body;
    expect(datasets).toMatchObject([
      { id: status.datasetVersion, rows: 20_000, kind: 'import', source: 'upload:loans.csv' },
    ]);
    expect(await readdir(join(ingest.home, 'ingest/0/uploads'))).toEqual([]);
    expect((await ingest.post('/v1/projects/loans/imports', { upload: uploadId })).status).toBe(404);
  }, 120_000);

  it('is streamed whole in one request, however large the service’s other bodies may be', async () => {
    const content = `${HEADER}${'#'.repeat(20_000_000)}`;
    const id = await uploaded(content, 'large.csv');
    expect((await announce(content)).body).toEqual({ uploadId: id, receivedBytes: content.length });
  }, 60_000);

  it('is refused with a wrong hash, too many bytes, too large, or as one too many', async () => {
    const content = HEADER + rows(3);
    const { uploadId } = (await announce(content, 'x.csv', { sha256: sha256('other') })).body;
    expect((await put(uploadId, 0, content)).body.error.message).toContain('the file changed while it was sent');
    expect((await announce(content, 'x.csv', { sha256: sha256('other') })).body.receivedBytes).toBe(0);
    expect((await put(uploadId, 0, `${content}x`)).body.error.message).toContain('more bytes than were announced');
    expect((await announce(content, 'x', { bytes: 50_000_001 })).body.error.message).toContain(
      'an upload has at most 50000000',
    );
    expect((await announce(content, 'x', { bytes: 40_000_000 })).status).toBe(200);
    expect((await announce(content, 'x', { bytes: 41_000_000 })).body.error.code).toBe('overloaded');
    expect((await put('../../etc/passwd', 0, 'x')).status).toBe(404);
    expect(
      (await ingest.post('/v1/projects/nothing/uploads', { name: 'a', bytes: 1, sha256: sha256('x') })).status,
    ).toBe(404);
  });
});

describe('an import', () => {
  beforeAll(async () => {
    // Without the bounds of the uploads above, and their leftovers.
    await ingest.remove();
    ingest = await IngestProcess.create();
    expect((await ingest.apply(PROJECT, ingest.home)).status).toBe(200);
  }, 60_000);

  it('counts refused rows by reason, with row, column and value, and keeps their ids', async () => {
    const content =
      'at;customer;amount;kind;paid\n2024-01-01;ann;1,5;car;1\n2024-01-02;bob;viel;car;0\n2024-01-03;;3;car;1\n2024-01-04;eve;much;boat;1\n';
    const status = await imported({ upload: await uploaded(content), csv: { decimal: ',' } });
    expect(status).toMatchObject({ state: 'done', accepted: 1, rejected: 3, csv: { delimiter: ';', decimal: ',' } });
    expect(status.reasons[0]).toEqual({
      code: 'wrong_type',
      column: 'amount',
      count: 2,
      example: {
        file: 'upload:loans.csv',
        row: 2,
        column: 'amount',
        value: '"viel"',
        reason: '"viel" is not a number',
      },
    });
    expect(
      status.reasons.map(({ code, column }: { code: string; column: string }) => `${code} ${column}`).sort(),
    ).toEqual(['missing_field customer', 'not_in_domain kind', 'wrong_type amount']);
    const letter = await letterOf('viel');
    expect(letter).toMatchObject({
      row: 2,
      source: 'upload:loans.csv',
      reasons: [{ field: 'amount', value: '"viel"' }],
    });
    expect(JSON.parse(letter.payload).recordId).toBe(`${sha256(content).slice(0, 16)}/2`);
  });

  it.each([
    [
      'no good row',
      'at,customer,amount\n1,ann,x\n',
      {},
      'no row of 1 was accepted: 1 × amount: "x" is not a number (row 1); `millrace dlq list loans`',
    ],
    ['a header alone', HEADER, {}, 'has a header and no rows'],
    [
      'a declared delimiter that is another',
      'at;customer;amount\n1;a;2\n',
      { csv: { delimiter: ',' } },
      "say --delimiter ';'",
    ],
    [
      'missing columns',
      'at,costumer,amount\n1,a,2\n',
      {},
      'no column "customer"; its first line names "at", "costumer", "amount"; customer may be "costumer"',
    ],
    ['a workbook', 'PK\u0003\u0004', {}, 'save the sheet as CSV'],
  ])('of a file with %s fails with the reason', async (_what, content, terms, words) => {
    const status = await imported({ upload: await uploaded(content), ...terms });
    expect([status.state, status.message]).toEqual(['failed', expect.stringContaining(words)]);
  });

  it('takes NDJSON, and a source with an upload beside it as one version', async () => {
    await mkdir(join(ingest.home, 'project'));
    await writeFile(join(ingest.home, 'project/history.csv'), `id,${HEADER}h1,2024-01-01,ann,1,car,1\n`);
    await openToImports(ingest.home, [join(ingest.home, 'project')]);
    await ingest.apply(PROJECT, join(ingest.home, 'project'));
    const more =
      '{"recordId":"u1","at":"2024-01-02","customer":"bob","amount":2}\n{"at":"2024-01-03","customer":"eve"}\n';
    const status = await imported({ source: 'history', upload: await uploaded(more, 'more.ndjson') });
    expect(status).toMatchObject({ state: 'done', source: 'file:history', accepted: 2, rejected: 1 });
    expect(status.reasons).toMatchObject([
      { code: 'missing_field', column: 'amount', example: { file: 'upload:more.ndjson', row: 2 } },
    ]);
  });

  it('reads sources inside of the roots only, links resolved', async () => {
    await writeFile(join(ingest.home, 'secret.csv'), `id,${HEADER}h1,2024-01-01,root:x:0:0,1,car,1\n`);
    await mkdir(join(ingest.home, 'project/linked'));
    await symlink(join(ingest.home, 'secret.csv'), join(ingest.home, 'project/linked/history.csv'));
    for (const folder of ['', 'project/linked', 'project/..']) {
      await ingest.apply(PROJECT, join(ingest.home, folder));
      await writeFile(join(ingest.home, 'history.csv'), `id,${HEADER}`);
      const status = await imported({ source: 'history' });
      expect([folder, status.state, status.message]).toEqual([
        folder,
        'failed',
        expect.stringContaining('outside of the import roots'),
      ]);
    }
    expect(ingest.log).not.toContain('root:x');
    expect((await ingest.post('/v1/projects/loans/imports', {})).body.error.message).toContain('name a source');
    expect(
      (await ingest.post('/v1/projects/loans/imports', { source: 'history', extraFile: '/etc/passwd' })).body.error
        .message,
    ).toContain('unknown field extraFile');
  });
});

describe('a dead letter', () => {
  const redrive = async (id: string) => (await ingest.post(`/v1/deadletters/${id}/redrive`, '')).body;

  it('of an upload, of live records and of labels by HTTP, gRPC and Kafka is taken in again once it is good', async () => {
    expect((await ingest.apply(PROJECT, ingest.home)).status).toBe(200);
    const upload = await uploaded('at;customer;amount;kind;paid\n2024-01-01;up;1,5;boat;1\n2024-01-01;ok;1,5;car;1\n');
    expect(await imported({ upload, csv: { decimal: ',' } })).toMatchObject({ accepted: 1, rejected: 1 });
    const record = { recordId: 'http', values: { at: START_MS, customer: 'web', amount: 1, kind: 'boat' } };
    expect((await ingest.post('/v1/projects/loans/records', record)).status).toBe(400);

    const connection = new KafkaConnection({
      brokers: ingest.brokers,
      clientId: 'redrive-test',
      topicPrefix: ingest.prefix,
    });
    const producer = new MessageProducer(connection);
    const message = {
      project: 'loans',
      recordId: 'foreign',
      entity: 'kaf',
      eventTimeMs: START_MS,
      values: { at: START_MS, customer: 'kaf', amount: 5, kind: 'boat' },
      schemaHash: 'another',
      source: 'kafka:elsewhere',
      ingestedAtMs: START_MS,
    };
    await producer.send('records.v1', [{ key: messageKey('loans', 'kaf'), value: encodeRecord(message) }]);
    await producer.close();
    await connection.close();

    const client = createClient(IngestService, `127.0.0.1:${ingest.grpcPort}`);
    const stream = client.ingestLabels();
    const told = new Promise<ingestPb.IngestLabelsResponse>((resolve) => stream.on('data', resolve));
    stream.on('error', () => undefined);
    const outcome = { case: 'value' as const, value: 1 };
    const label = { recordId: 'grpc-label', entity: 'x'.repeat(300), eventTimeMs: BigInt(START_MS), outcome };
    stream.write(create(ingestPb.IngestLabelsRequestSchema, { project: 'loans', sequence: 1n, labels: [label] }));
    expect((await told).accepted).toBe(0);
    stream.end();
    client.close();

    const letters = {
      upload: await letterOf('"customer":"up"'),
      http: await letterOf('"web"'),
      kafka: await letterOf('foreign'),
      grpcLabel: await letterOf('grpc-label'),
    };
    const total = async () => (await ingest.get('/v1/deadletters?project=loans')).body.total;
    const before = await total();
    // Still bad; and the beginning of an id is enough.
    for (const { id } of Object.values(letters)) expect(await redrive(id.slice(0, 12))).toMatchObject({ accepted: 0 });
    expect((await redrive(letters.grpcLabel.id)).rejected[0].reasons[0].field).toBe('entity');

    await ingest.apply(PROJECT.replace('[car, house]', '[car, house, boat]'), ingest.home);
    for (const key of ['upload', 'http', 'kafka'] as const)
      expect([key, await redrive(letters[key].id)]).toEqual([
        key,
        { accepted: 1, rejected: [], project: 'loans', kind: 'record' },
      ]);
    await eventually('they are live records', async () => {
      return (await ingest.get('/v1/stats')).body.projects.loans.recordsAccepted === 3;
    });
    expect(await total()).toBe(before);
    const ids = async (query = '') =>
      (await ingest.get(`/v1/deadletters?project=loans&limit=1000${query}`)).body.deadLetters.map(
        ({ id }: { id: string }) => id,
      );
    expect(await ids()).not.toContain(letters.http.id);
    const again = await ingest.post(`/v1/deadletters/${letters.http.id}/redrive`, '');
    expect([again.status, JSON.stringify(again.body)]).toEqual([409, expect.stringContaining('already')]);
    expect((await ingest.post(`/v1/deadletters/${letters.http.id}/redrive?again=true`, '')).body.accepted).toBe(1);
    expect((await ingest.post('/v1/deadletters/ffffffffffff/redrive', '')).status).toBe(404);
    // What was taken in is on the topic: another process knows it.
    expect(await ingest.stop()).toBe(0);
    await ingest.start();
    await eventually('the mark is read again', async () => (await ids('&redriven=true')).includes(letters.http.id));
    expect(await ids()).not.toContain(letters.http.id);
    expect((await ingest.get('/v1/deadletters?project=loans')).body.redriven).toBe(3);
  }, 60_000);
});
