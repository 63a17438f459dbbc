// A project that names no record id, entity, event time or label, as a stranger's first file is: it is imported and
// streamed, and both make dataset versions; what needs one of the four is refused with what to write.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dataPb, IngestService, ingestPb } from '@millrace/contracts';
import { openToImports } from '@millrace/files';
import { createClient } from '@millrace/grpc';
import { eventually, projectTextWith } from '@millrace/testing';
import { buildServices, IngestProcess } from './ingest-process.js';

const NONE = { recordId: false, entity: false, eventTime: false, label: false };
const BIG_ID = '9007199254740993';
const ROWS = 250;
let ingest: IngestProcess;

const textWith = (keys: typeof NONE, name: string) =>
  projectTextWith(keys)
    .replace('name: loans', `name: ${name}`)
    .replace('data:\n', 'data:\n  sources: { history: { kind: csv, path: history.csv } }\n  versionEvery: 1s\n')
    .concat('monitoring: { allowedLateness: 0s }\n');

beforeAll(async () => {
  await buildServices();
  ingest = await IngestProcess.create();
  await openToImports(ingest.home, [ingest.home]);
  const lines = Array.from({ length: ROWS }, (_, i) => `${ROWS - i},c${i % 9},2024-01-01T00:00:00Z,${i / 2},true`);
  await writeFile(join(ingest.home, 'history.csv'), ['id,customer,at,amount,paid', ...lines].join('\n'));
  for (const [keys, name] of [
    [NONE, 'bare'],
    [{ ...NONE, recordId: true }, 'named'],
  ] as const)
    expect((await ingest.apply(textWith(keys, name), ingest.home)).body).toMatchObject({ name, revision: 1 });
}, 120_000);

afterAll(() => ingest?.remove());

async function imported(project: string) {
  const { importId } = (await ingest.post(`/v1/projects/${project}/imports`, { source: 'history' })).body;
  return eventually(
    'the import is done',
    async () => {
      const { body } = await ingest.get(`/v1/projects/${project}/imports/${importId}`);
      if (body.state === 'failed') throw new Error(body.message);
      return body.state === 'done' ? body : null;
    },
    60_000,
  );
}

const datasets = async (project: string) => (await ingest.get(`/v1/projects/${project}/datasets`)).body.datasets;

describe('a project without record id, entity, event time and label', () => {
  it('imports a file at one time, once and again as one version', async () => {
    const fromMs = Date.now();
    const { accepted, datasetVersion, startedAtMs } = await imported('bare');
    expect(accepted).toBe(ROWS);
    const [version] = await datasets('bare');
    expect(version).toMatchObject({ id: datasetVersion, kind: 'import', rows: ROWS, labelledRows: 0 });
    expect([version.eventTimeFromMs, version.eventTimeToMs]).toEqual([startedAtMs, startedAtMs]);
    expect(startedAtMs).toBeGreaterThanOrEqual(fromMs);
    expect((await imported('bare')).datasetVersion).toBe(datasetVersion);
    expect(await datasets('bare')).toHaveLength(1);
  }, 60_000);

  it('streams records at the times of their arrival, into versions that wait for no label', async () => {
    const send = (from: number) => {
      const lines = Array.from({ length: 20 }, (_, i) => ({ id: i, customer: 'ann', at: 0, amount: from + i }));
      return ingest.post(`/v1/projects/bare/records?clientId=c&sequence=${from}`, lines);
    };
    expect((await send(0)).body).toMatchObject({ accepted: 20, rejected: [] });
    let from = 20;
    const live = await eventually(
      'a live version closes as time goes on',
      async () => {
        await send(from);
        from += 20;
        return (await datasets('bare')).find(({ kind }: { kind: string }) => kind === 'live');
      },
      60_000,
    );
    expect(live).toMatchObject({ labelledRows: 0 });
    expect(live.eventTimeFromMs).toBeGreaterThan(Date.now() - 120_000);
  }, 90_000);

  it('asks for a record id by name, and for what else is missing', async () => {
    const record = { id: 1, customer: 'a', at: 0 };
    const nameless = await ingest.post('/v1/projects/bare/records', record);
    expect(nameless.body.error.message).toContain('recordId is missing or empty; ');
    expect(nameless.body.error.message).toContain('data.recordId, or send clientId and sequence');
    const labels = await ingest.post('/v1/projects/bare/labels', { recordId: 'c/0', value: 1 });
    expect(labels.status).toBe(400);
    expect(labels.body.error.message).toMatch(/'bare' has no label.*add data\.label/);
    const ranged = await ingest.post('/v1/projects/bare/imports', { source: 'history', fromMs: 5 });
    expect(ranged.status).toBe(400);
    expect(ranged.body.error.message).toMatch(/by event time, and project 'bare' has none: leave them out/);
  });

  it('takes them over gRPC by client id and sequence, and says so where a record has neither', async () => {
    const client = createClient(IngestService, `127.0.0.1:${ingest.grpcPort}`);
    const stream = client.ingestRecords();
    const value = (kind: dataPb.Value['kind']) => create(dataPb.ValueSchema, { kind });
    const good = {
      id: value({ case: 'number', value: 1 }),
      customer: value({ case: 'text', value: 'ann' }),
      at: value({ case: 'timestampMs', value: 0n }),
    };
    const bad = { ...good, amount: value({ case: 'text', value: 'high' }) };
    const answers = new Promise<ingestPb.IngestRecordsResponse[]>((resolve, reject) => {
      const all: ingestPb.IngestRecordsResponse[] = [];
      stream.on('data', (answer: ingestPb.IngestRecordsResponse) => void (all.push(answer) === 2 && resolve(all)));
      stream.on('error', reject);
    });
    const send = (sequence: bigint, clientId: string, values: (typeof good)[]) =>
      stream.write(
        create(ingestPb.IngestRecordsRequestSchema, {
          project: 'bare',
          sequence,
          clientId,
          recordSequence: 7n,
          records: values.map((given) => create(ingestPb.RecordInputSchema, { values: given })),
        }),
      );
    send(1n, '', [good]);
    send(2n, 'g', [good, bad]);
    const [nameless, named] = await answers;
    expect(nameless?.rejections[0]?.reasons[0]?.message).toContain('(gRPC: client_id and record_sequence)');
    expect(named).toMatchObject({ accepted: 1, rejections: [{ index: 1, recordId: 'g/8' }] });
    stream.end();
    client.close();
  });

  it('takes the record id from the column that the project names, with all its digits, from files and live', async () => {
    expect((await imported('named')).accepted).toBe(ROWS);
    // As text: JSON.stringify of a test cannot write the number.
    const line = `{"id":${BIG_ID},"customer":"a","at":0,"amount":"high"}`;
    const refused = await ingest.post('/v1/projects/named/records', line);
    expect(refused.body.rejected).toMatchObject([{ recordId: BIG_ID, reasons: [{ field: 'amount' }] }]);
    const good = await ingest.post('/v1/projects/named/records', line.replace('"high"', '1'));
    expect(good.body).toMatchObject({ accepted: 1 });
  }, 60_000);
});
