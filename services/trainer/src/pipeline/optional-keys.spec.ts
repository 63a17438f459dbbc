// Loading and splitting the rows of a training, for each combination of the keys that a project may lack.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DATASET_COLUMNS, type DatasetColumns, datasetColumnsOf } from '@millrace/contracts';
import type { TrainingRequest } from '@millrace/domain';
import { type Project, parseProject, planOf } from '@millrace/project';
import { namesOf, OPTIONAL_KEYS, type OptionalKeys, projectTextWith } from '@millrace/testing';
import { completeRequest } from '../training/request.js';
import { readLabelledRows } from './dataset.duckdb.js';
import { type LabelledRows, loadRows } from './load.js';
import { hashSeedOf, splitRows, splitRule } from './split.js';

const ROWS = 2_000;
const ALL: OptionalKeys = { recordId: true, entity: true, eventTime: true, label: true };
let folder: string;
let files: string[];

/**
 * Two versions of 1,000 records each; a tenth of the second one's were in the first already, which is a file of 0.1.0.
 */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-split-'));
  files = ['a', 'b'].map((name) => join(folder, `${name}.parquet`));
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const write = (file: string, own: DatasetColumns, from: number, atMs: number) =>
    connection.run(`COPY (SELECT 'r' || i AS "${own.recordId}", '' AS "${own.entity}",
      ${atMs}::BIGINT + (i % 7) AS "${own.eventTimeMs}", (i % 3)::DOUBLE % 2 AS "${own.label}",
      i::DOUBLE AS amount FROM range(${from}, ${from + 1_000}) t(i)) TO '${file}' (FORMAT parquet)`);
  await write(files[0] as string, datasetColumnsOf([]), 0, 5_000);
  await write(files[1] as string, DATASET_COLUMNS, 900, 6_000);
  connection.closeSync();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function projectWith(keys: OptionalKeys, more = ''): Project {
  const parsed = parseProject(projectTextWith(keys, more), 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  return parsed.project;
}

const open: TrainingRequest = {
  ...{ project: 'loans', datasetVersions: ['a', 'b'], evaluateFromMs: 0, evaluationShare: 0, warmStartVersion: 0 },
  ...{ workers: 0, seed: 0, trigger: '', correlationId: '' },
};

async function sidesOf(project: Project, changes: Partial<TrainingRequest> = {}) {
  const request = completeRequest({ ...open, ...changes }, project, true);
  const rule = splitRule(project, request);
  const source = {
    versions: () => [],
    read: (
      name: string,
      _versions: readonly string[],
      columns: Parameters<typeof readLabelledRows>[2],
      seed: number | null,
    ) =>
      readLabelledRows(
        name,
        files.map((path) => ({ path, id: path, kind: 'import', source: path })),
        columns,
        seed,
        'labelled',
      ),
  };
  const rows = await loadRows(source, project, request.datasetVersions, planOf(project), hashSeedOf(rule));
  const { train, later } = splitRows(rows, rule);
  const idsOf = (side: LabelledRows) => [...(side.columns.amount as ArrayLike<number>[number][])].map(Number);
  return {
    rows,
    train: idsOf(train),
    later: idsOf(later),
    lastTrained: train.eventTimeMs.at(-1),
    first: later.eventTimeMs[0],
  };
}

describe.each(OPTIONAL_KEYS.map((keys) => [namesOf(keys), keys] as const))('a project with %s', (_names, keys) => {
  const project = projectWith(keys);

  if (!keys.label) {
    it('is not trained, and says what is missing', () => {
      expect(() => completeRequest(open, project, true)).toThrow(/has no label.*add data\.label/);
    });
    return;
  }

  it(keys.eventTime ? 'evaluates the newest rows' : 'evaluates a share by the hash of the record id', async () => {
    const { rows, train, later, lastTrained, first } = await sidesOf(project);
    expect(rows.rows).toBe(ROWS - 100);
    expect(new Set([...train, ...later]).size).toBe(ROWS - 100);
    expect(later.length / rows.rows).toBeCloseTo(0.2, 1);
    if (keys.eventTime) expect(lastTrained).toBeLessThan(first as number);
    // Both versions have rows on both sides.
    else for (const side of [train, later]) expect(new Set(side.map((id) => id < 900)).size).toBe(2);
  });
});

describe('whose rows they are', () => {
  it('is by entity, and a record without one is its own', async () => {
    const path = join(folder, 'entities.parquet');
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const { recordId, entity, eventTimeMs, label } = DATASET_COLUMNS;
    await connection.run(`COPY (SELECT 'r' || i AS "${recordId}", CASE WHEN i < 90 THEN 'e' || (i % 30) ELSE '' END AS "${entity}",
      i::BIGINT AS "${eventTimeMs}", 1.0 AS "${label}", i::DOUBLE AS amount FROM range(100) t(i)) TO '${path}' (FORMAT parquet)`);
    connection.closeSync();
    const source = {
      versions: () => [],
      read: (name: string, _ids: readonly string[], columns: Parameters<typeof readLabelledRows>[2]) =>
        readLabelledRows(name, [{ path, id: 'a', kind: 'import', source: path }], columns, null, 'labelled'),
    };
    const load = (project: Project) => loadRows(source, project, ['a'], planOf(project), null);
    const { entityHashes } = await load(projectWith(ALL));
    const of = [...(entityHashes ?? [])];
    expect(new Set(of).size).toBe(30 + 10);
    expect(of.slice(30, 60)).toEqual(of.slice(0, 30));
    expect((await load(projectWith({ ...ALL, entity: false }))).entityHashes).toBeUndefined();
  });
});

describe('the split by record id', () => {
  const keys = { ...ALL, eventTime: false };

  it("is the same again, whatever the training's own seed, and another for another seed of the project", async () => {
    const { later } = await sidesOf(projectWith(keys));
    expect((await sidesOf(projectWith(keys), { seed: 99 })).later).toEqual(later);
    expect((await sidesOf(projectWith(keys, 'training: { seed: 8 }\n'))).later).not.toEqual(later);
  });

  it('keeps a record on its side when more is evaluated', async () => {
    const { later } = await sidesOf(projectWith(keys));
    const more = new Set((await sidesOf(projectWith(keys), { evaluationShare: 0.4 })).later);
    expect(later.every((id) => more.has(id))).toBe(true);
    expect(more.size).toBeGreaterThan(1.7 * later.length);
  });

  it('refuses an event time to evaluate from, and a share that leaves one side empty', async () => {
    await expect(sidesOf(projectWith(keys), { evaluateFromMs: 5_500 })).rejects.toThrow(
      /is an event time.*data\.eventTime/,
    );
    await expect(sidesOf(projectWith(keys), { evaluationShare: 1e-12 })).rejects.toThrow(
      '1900 would train and 0 evaluate',
    );
  });
});
