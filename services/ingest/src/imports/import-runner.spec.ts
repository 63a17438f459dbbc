// Starting and taking up imports: what is refused before a row is read, and what a second process must know of the
// first one's.

import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { DatasetVersion, ProjectEntry, RecordBatch } from '@millrace/contracts';
import { ManualClock } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { projectTextWith } from '@millrace/testing';
import type { ImportEnd } from '../datasets/import-end.js';
import { ProjectRegistry } from '../projects/project-registry.js';
import { ALL_ROWS, type ImportRequest } from './import-run.js';
import { ImportRunner, type StoredImport } from './import-runner.js';
import type { RowSource } from './row-source.js';

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const BEGUN_MS = Date.UTC(2024, 0, 1);
const REQUEST: ImportRequest = { ...ALL_ROWS, source: 's', upload: null };

function registry(eventTime: boolean, createdAtMs = 0): ProjectRegistry {
  const text = projectTextWith({ recordId: false, entity: false, eventTime, label: false });
  const parsed = parseProject(text.replace('data:\n', 'data:\n  sources: { s: { kind: csv, path: /s.csv } }\n'), 'p');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  const made = new ProjectRegistry(sha256);
  made.put({
    name: 'loans',
    revision: 1,
    document: parsed.document,
    documentSha256: '',
    appliedAtMs: 0,
    labelRuleSinceMs: 0,
    earlierSchemas: [],
    createdAtMs,
  } satisfies ProjectEntry);
  return made;
}

const ONE_ROW: RowSource = {
  facts: { format: 'csv', warnings: [] },
  rowsBetween: async () => ({ kind: 'run', first: 0, count: 1 }),
  read: async function* () {
    const values = [1, 'ann', BEGUN_MS, 5, null];
    yield {
      ...{ rows: 1, rowNumber: () => 0, recordId: () => 'file/1', fault: () => null },
      ...{ value: (_row: number, column: number) => values[column], original: () => new Uint8Array() },
    };
  },
  close: async () => undefined,
};

/** A process at `nowMs` that finds what an earlier one left. */
function processAt(
  nowMs: number,
  left: StoredImport[] = [],
  eventTime = false,
  known = registry(eventTime),
  source = ONE_ROW,
  end: ImportEnd = { kind: 'failed', message: 'nobody closes versions here' },
) {
  const batches: RecordBatch[] = [];
  const begun: StoredImport[] = [];
  let finished: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    finished = resolve;
  });
  const runner = new ImportRunner(
    known,
    {
      openSource: async () => source,
      openUpload: async () => ONE_ROW,
      uploads: { nameOf: () => '', hold: () => undefined, release: async () => undefined },
      begin: async (stored) => void begun.push(stored),
      finish: async () => finished(),
      unfinished: () => left,
      batch: async (batch) => void batches.push(batch),
      deadLetters: async () => undefined,
      end: async () => end,
    },
    { rowsMax: 10, bytesMax: 1e6, inFlightMax: 1, runRows: 1_000, importsMax: 4 },
    new ManualClock(nowMs),
    sha256,
  );
  const times = async () => {
    await done;
    return batches.flatMap((batch) => Array.from(batch.eventTimeMs));
  };
  return { runner, begun, times, done };
}

describe('rows of an import', () => {
  it('without event time have the time at which the import began, also where another process takes it up', async () => {
    const first = processAt(BEGUN_MS);
    await first.runner.start('loans', REQUEST);
    expect(await first.times()).toEqual([BEGUN_MS]);
    const second = processAt(BEGUN_MS + 60_000, first.begun);
    expect(await second.runner.resume()).toBe(1);
    expect(await second.times()).toEqual([BEGUN_MS]);
  });

  it('that an earlier release left unfinished are taken up, too: it said no time, for they had their own', async () => {
    const first = processAt(BEGUN_MS, [], true);
    await first.runner.start('loans', REQUEST);
    const [{ begunAtMs: _, ...stored }] = first.begun as [StoredImport];
    const second = processAt(BEGUN_MS + 60_000, [stored], true);
    expect(await second.runner.resume()).toBe(1);
    expect(await second.times()).toEqual([BEGUN_MS]);
  });

  it('are not chosen by it', async () => {
    const ranged = { ...REQUEST, fromMs: BEGUN_MS };
    await expect(processAt(BEGUN_MS).runner.start('loans', ranged)).rejects.toThrow(/'loans' has none: leave them out/);
    await expect(processAt(BEGUN_MS, [], true).runner.start('loans', ranged)).resolves.toMatch(/^[0-9a-f]{16}$/);
  });
});

it('says how many of its rows the version leaves out because they repeat an id', async () => {
  const three: RowSource = {
    ...ONE_ROW,
    rowsBetween: async () => ({ kind: 'run', first: 0, count: 3 }),
    read: async function* (...range) {
      for await (const one of ONE_ROW.read(...range)) yield { ...one, rows: 3, rowNumber: (row: number) => row };
    },
  };
  const version = { id: 'v', rows: 1 } as DatasetVersion;
  const { runner, done } = processAt(BEGUN_MS, [], false, undefined, three, { kind: 'closed', version });
  const importId = await runner.start('loans', REQUEST);
  await done;
  await new Promise((resolve) => setImmediate(resolve));
  expect(runner.status('loans', importId)).toMatchObject({ state: 'done', accepted: 3, repeatedRows: 2 });
});

describe('an import of a project that is deleted', () => {
  it('ends, though the name is taken anew while it runs', async () => {
    const known = registry(false, 1);
    let goOn: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const slow: RowSource = {
      ...ONE_ROW,
      read: async function* (...range) {
        await held;
        yield* ONE_ROW.read(...range);
      },
    };
    const { runner, done, times } = processAt(BEGUN_MS, [], false, known, slow);
    const importId = await runner.start('loans', REQUEST);
    known.remove('loans');
    known.put({ ...(registry(false).entry('loans') as ProjectEntry), createdAtMs: BEGUN_MS + 1 });
    goOn();
    await done;
    await new Promise((resolve) => setImmediate(resolve));
    expect(runner.status('loans', importId)).toMatchObject({
      state: 'failed',
      message: "project 'loans' was deleted",
    });
    expect(await times()).toEqual([]);
  });

  it('is not taken up again for the next project of the name', async () => {
    const first = processAt(BEGUN_MS);
    await first.runner.start('loans', REQUEST);
    const second = processAt(BEGUN_MS + 60_000, first.begun, false, registry(false, BEGUN_MS + 1));
    expect(await second.runner.resume()).toBe(1);
    await second.done;
    expect(second.begun).toEqual([]);
  });
});
