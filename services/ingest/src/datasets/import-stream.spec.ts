// An import whose rows cannot be taken in fails and says so; read again, its batch would count as repeated.

import { expect, it } from '@jest/globals';
import type { EndImportAction, RecordBatch } from '@millrace/contracts';
import { ManualClock, PlatformError } from '@millrace/domain';
import type { RecordSchema } from '../schema/record-schema.js';
import { ImportStream } from './import-stream.js';
import type { VersionTables } from './version-table.js';

const schema = { project: { name: 'p' }, hash: 's', stored: [], columns: [] } as unknown as RecordSchema;
const batch = (sequence: number, last: boolean): RecordBatch => ({
  ...{ project: 'p', source: 'f', importId: 'i', sequence, last, schemaHash: 's', ingestedAtMs: 1 },
  ...{ recordIds: ['a'], entities: [''], eventTimeMs: [1], columns: [], labels: [] },
});

it('ends an import whose rows the disk does not take, and no batch of it makes a version', async () => {
  const dropped: string[] = [];
  const tables: VersionTables = {
    create: async () => ({
      append: async () => {
        throw new PlatformError('internal', 'No space left on device');
      },
      appendParquet: async () => undefined,
      write: async () => null,
      drop: async () => void dropped.push('table'),
    }),
  };
  const closed: unknown[] = [];
  const ends: EndImportAction[] = [];
  const closer = { written: async (...given: unknown[]) => void closed.push(given) };
  const registry = { createdAtMs: () => 0, find: () => schema };
  const stream = new ImportStream(
    registry as never,
    tables,
    closer as never,
    async (_project, action) => void ends.push(action),
    { openMax: 2, abandonAfterMs: 1e9 },
    new ManualClock(1),
  );
  const messages = [batch(0, false), batch(1, true)].map((message, offset) => ({ offset, timestampMs: 1, message }));
  expect(await stream.batches(0, messages)).toEqual({ bad: [], nextOffset: 2 });
  expect(ends).toEqual([{ kind: 'endImport', importId: 'i', failure: '[internal] No space left on device' }]);
  expect(await stream.batches(0, messages.slice(1))).toMatchObject({ bad: [] });
  expect([dropped.length, closed.length]).toEqual([1, 0]);
});
