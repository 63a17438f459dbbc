// A project that is applied and deleted stands in the audit, in a real ingest with a real Kafka: who, with what, why.

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AuditChains } from '@millrace/audit';
import { type AuditEntry, decodeAuditEntry } from '@millrace/contracts';
import { CompactedReader } from '@millrace/kafka';
import { buildServices, IngestProcess, PROJECT } from './ingest-process.js';

let ingest: IngestProcess;

beforeAll(async () => {
  await buildServices();
  ingest = await IngestProcess.create();
}, 120_000);

afterAll(() => ingest.remove());

const headers = { 'millrace-tool': 'cli', connection: 'close' };
const at = (path: string, query: Record<string, string>) =>
  `http://127.0.0.1:${ingest.port}${path}?${new URLSearchParams(query)}`;

/** All that is in the topic. */
const audited = () =>
  ingest.withKafka(async (connection) => {
    const entries: AuditEntry[] = [];
    const topics = {
      'audit.v1': (_key: string, value: Buffer | null) =>
        void (value !== null && entries.push(decodeAuditEntry(value))),
    };
    const reader = new CompactedReader(connection, { name: 'audit-test', topics });
    await reader.caughtUp();
    await reader.close();
    return entries;
  });

it('says who has applied a project and who has deleted it, and nothing of a file that changes nothing', async () => {
  const apply = (query: Record<string, string>) =>
    fetch(at('/v1/projects', { folder: '/nowhere', ...query }), {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/yaml' },
      body: PROJECT,
    });
  expect((await apply({ by: 'Zoë', reason: 'the first one' })).status).toBe(200);
  expect((await apply({ by: 'Zoë', reason: 'again' })).status).toBe(200);
  const gone = await fetch(at('/v1/projects/loans', { by: 'bob', reason: 'nobody needs it' }), {
    method: 'DELETE',
    headers,
  });
  expect(gone.status).toBe(200);
  const entries = await audited();
  const from = { project: 'loans', tool: 'cli', address: '127.0.0.1', subject: 'the project', result: 'applied' };
  expect(entries).toMatchObject([
    { ...from, action: 'project.apply', who: 'Zoë', reason: 'the first one' },
    { ...from, action: 'project.delete', who: 'bob', reason: 'nobody needs it' },
  ]);
  expect(entries[0]?.detail).toMatch(/^revision 1, SHA-256 [0-9a-f]{64}$/);
  const chains = new AuditChains();
  expect(entries.map((entry) => chains.hear(entry))).toEqual(['sound', 'sound']);
}, 60_000);
