// Labels that are sent to the records of imported files, on a real broker: versions with them come by themselves, and
// stand in the place of the imports.

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DatasetVersion } from '@millrace/contracts';
import { fileRowIdOf, newestVersions } from '@millrace/domain';
import { openToImports } from '@millrace/files';
import { eventually } from '@millrace/testing';
import { buildServices, IngestProcess, PROJECT, START_MS } from './ingest-process.js';

const SOON = PROJECT.replace('delay: 10m', 'delay: 10m, refresh: 1s');
const CSV = `id,at,customer,amount,kind,paid\n${[0, 1, 2].map((i) => `r${i},${START_MS + i},c${i},5,car,`).join('\n')}\n`;

let ingest: IngestProcess;
beforeAll(async () => {
  await buildServices();
  ingest = await IngestProcess.create();
  await writeFile(join(ingest.home, 'history.csv'), CSV);
  await writeFile(join(ingest.home, 'numbered.csv'), CSV.replace('r2', 'other'));
  const roots = SOON.replace('csv, path: history.csv }', 'csv, path: numbered.csv }');
  await openToImports(ingest.home, [ingest.home]);
  expect((await ingest.apply(roots, ingest.home)).status).toBe(200);
}, 120_000);
afterAll(() => ingest?.remove());

const datasets = async (): Promise<DatasetVersion[]> => (await ingest.get('/v1/projects/loans/datasets')).body.datasets;

async function load(source: string): Promise<void> {
  const { body, status } = await ingest.post('/v1/projects/loans/imports', { source });
  expect([status, body]).toEqual([202, { importId: expect.any(String) }]);
  await eventually('the import is done', async () => {
    const { state, message } = (await ingest.get(`/v1/projects/loans/imports/${body.importId}`)).body;
    if (state === 'failed') throw new Error(message);
    return state === 'done';
  });
}

it('become versions of the files that have the records, at the declared time, by the id of their row too', async () => {
  await load('history');
  await load('numbered');
  const sha256 = createHash('sha256').update(CSV.replace('r2', 'other')).digest('hex');
  const labels = [
    { recordId: 'r1', entity: 'c1', eventTimeMs: START_MS + 1, value: 1 },
    { recordId: fileRowIdOf(sha256, 1), entity: 'c1', eventTimeMs: START_MS + 1, value: 0 },
    { recordId: 'nobody', entity: 'c9', eventTimeMs: START_MS + 1, value: 0 },
  ];
  expect((await ingest.post('/v1/projects/loans/labels', labels)).body).toMatchObject({ accepted: 3 });
  const inPlace = await eventually(
    'both files have a version with the label',
    async () => {
      const newest = newestVersions(await datasets());
      return newest.every(({ labelledRows }) => labelledRows === 1) ? newest : null;
    },
    30_000,
  );
  const [first, second] = await datasets();
  expect(inPlace).toMatchObject([
    { kind: 'import', source: first?.source, parent: first?.id, rowsOf: 1, rows: 3 },
    { kind: 'import', source: second?.source, parent: second?.id, rowsOf: 2, rows: 3 },
  ]);
  const stats = await eventually('the label of no record waits', async () => {
    const { loans } = (await ingest.get('/v1/stats')).body.projects;
    return loans.lateLabels === 1 ? loans : null;
  });
  expect(stats).toMatchObject({ openLabels: 0, rowsImported: 6 });

  // Over a restart, and a correction: what the version has counts, not what the file has.
  await ingest.kill();
  await ingest.start();
  const corrected = { ...labels[0], value: 0, knownAtMs: START_MS + 3_600_000 };
  expect((await ingest.post('/v1/projects/loans/labels', [corrected])).body).toMatchObject({ accepted: 1 });
  await eventually('it is corrected', async () => (await datasets()).length === 5, 30_000);
  const [, , , , fifth] = await datasets();
  expect(fifth).toMatchObject({ parent: inPlace[0]?.id, rowsOf: 1, labelledRows: 1 });
}, 120_000);
