// The columnar check of Parquet files against the check of rows: on random tables both give the same version's rows,
// the same refusals and the same dead letters.

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type DeadLetter, decodeRecordBatch, encodeRecordBatch, type RecordBatch } from '@millrace/contracts';
import { ManualClock } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import fc from 'fast-check';
import { tableRows } from '../datasets/import-stream.js';
import { DuckDbVersionTables } from '../datasets/version-table.duckdb.js';
import { compileSchema, type RecordSchema } from '../schema/record-schema.js';
import { ALL_ROWS, ImportRun } from './import-run.js';
import { ParquetSource } from './parquet-source.duckdb.js';
import type { RowIds, RowSource } from './row-source.js';

const NOW = Date.UTC(2024, 5, 1);
const folder = mkdtempSync(join(tmpdir(), 'millrace-columnar-'));
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const DUCK = { memoryMax: '256MB', threads: 1, scratch: folder };
let instance: DuckDBInstance;
let connection: DuckDBConnection;

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  connection = await instance.connect();
});
afterAll(() => {
  connection.closeSync();
  instance.closeSync();
  rmSync(folder, { recursive: true, force: true });
});

interface Column {
  yaml: string;
  /** In the file. */
  type: string;
  /** SQL literals. */
  values: fc.Arbitrary<string>;
}

/** Odd values are few, so that whole runs are good. */
const mostly = (good: fc.Arbitrary<string>, odd: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 40, arbitrary: good }, { weight: 1, arbitrary: odd });
const orNull = (values: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 12, arbitrary: values }, { weight: 1, arbitrary: fc.constant('NULL') });
const rarelyNull = (values: fc.Arbitrary<string>) => mostly(values, fc.constant('NULL'));

const numbers = mostly(
  fc.oneof(fc.integer({ min: 0, max: 99 }).map(String), fc.constantFrom("'-0.0'::DOUBLE")),
  fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => `'${x}'::DOUBLE`),
    fc.constantFrom("'nan'::DOUBLE", "'inf'::DOUBLE", '9007199254740993', '0.5', '-11', '101'),
  ),
);
const wholes = mostly(
  fc.integer({ min: 0, max: 99 }).map(String),
  fc.constantFrom('9007199254740993', '-9007199254740991', '-3', '120'),
);
const text = (found: string) => `'${found.replaceAll("'", "''")}'`;
const texts = mostly(
  fc.constantFrom('car', 'house').map(text),
  fc
    .oneof(
      fc.constantFrom(
        'Car',
        ' car',
        'CAR\t',
        'n/a',
        ' n/a ',
        '',
        'a',
        'bb',
        'größe',
        'x\u0001y',
        '日本語日本',
        'aaaaaaaaaaaaaaaa',
      ),
      fc.string({ maxLength: 12, unit: 'grapheme' }).filter((found) => !found.includes('\0')),
    )
    .map(text),
);
const idTexts = mostly(
  fc.constantFrom('car', 'house').map(text),
  fc.constantFrom('', 'x\u0001y', 'tab\there', 'del\u007f', 'long'.repeat(70), 'ä'.repeat(200)).map(text),
);
const times = mostly(
  fc.integer({ min: NOW - 3e11, max: NOW }).map((ms) => `make_timestamp(${ms} * 1000)`),
  fc.constantFrom(
    "'0001-01-01'::TIMESTAMP",
    "'0000-12-31'::TIMESTAMP",
    `make_timestamp(${NOW + 86_400_000} * 1000)`,
    `make_timestamp(${NOW + 86_400_001} * 1000)`,
  ),
);

const OPTIONAL: readonly Column[] = [
  { yaml: '{ name: n, type: number, min: -10, max: 100 }', type: 'DOUBLE', values: orNull(numbers) },
  { yaml: '{ name: m, type: number, required: true }', type: 'BIGINT', values: rarelyNull(wholes) },
  {
    yaml: '{ name: f, type: number }',
    type: 'FLOAT',
    values: orNull(mostly(fc.constantFrom('0.1', '-0.0'), fc.constant("'nan'::FLOAT"))),
  },
  {
    yaml: '{ name: d, type: number, max: 5 }',
    type: 'DECIMAL(9,2)',
    values: orNull(mostly(fc.constant('1.25'), fc.constant('6.5'))),
  },
  { yaml: '{ name: i, type: integer, min: 0, max: 99 }', type: 'DOUBLE', values: orNull(numbers) },
  { yaml: '{ name: j, type: integer }', type: 'BIGINT', values: orNull(wholes) },
  { yaml: '{ name: h, type: integer }', type: 'HUGEINT', values: orNull(wholes) },
  { yaml: '{ name: t, type: text, lengthMax: 10 }', type: 'VARCHAR', values: orNull(texts) },
  { yaml: '{ name: k, type: text, domain: [car, house, größe] }', type: 'VARCHAR', values: orNull(texts) },
  { yaml: '{ name: q, type: text, missing: ["n/a", "-"] }', type: 'VARCHAR', values: orNull(texts) },
  { yaml: '{ name: r, type: text, required: true }', type: 'BIGINT', values: rarelyNull(wholes) },
  { yaml: '{ name: b, type: boolean }', type: 'BOOLEAN', values: orNull(fc.constantFrom('true', 'false')) },
  { yaml: '{ name: z, type: timestamp }', type: 'TIMESTAMP', values: orNull(times) },
  {
    yaml: '{ name: y, type: timestamp }',
    type: 'DATE',
    values: orNull(fc.constantFrom("'2024-02-29'::DATE", "'1900-01-01'::DATE")),
  },
  { yaml: '{ name: w, type: timestamp }', type: 'BIGINT', values: orNull(wholes) },
  // Not columns of the file: derived, or missing everywhere.
  { yaml: '{ name: hour, type: integer, derive: { from: at, part: hour } }', type: '', values: fc.constant('') },
  { yaml: '{ name: minute, type: integer, derive: { from: at, part: minute } }', type: '', values: fc.constant('') },
  {
    yaml: '{ name: mod, type: integer, derive: { from: at, part: minute_of_day } }',
    type: '',
    values: fc.constant(''),
  },
  { yaml: '{ name: wd, type: integer, derive: { from: at, part: weekday } }', type: '', values: fc.constant('') },
  { yaml: '{ name: dom, type: integer, derive: { from: at, part: day } }', type: '', values: fc.constant('') },
  { yaml: '{ name: month, type: integer, derive: { from: at, part: month } }', type: '', values: fc.constant('') },
  {
    yaml: '{ name: doy, type: integer, derive: { from: at, part: day_of_year } }',
    type: 'DOUBLE',
    values: orNull(fc.constantFrom('7')),
  },
  { yaml: '{ name: absent, type: text }', type: '', values: fc.constant('') },
  { yaml: '{ name: s, type: text, required: true }', type: 'VARCHAR', values: rarelyNull(texts) },
];
const AT: Column = {
  yaml: '{ name: at, type: timestamp, required: true }',
  type: 'TIMESTAMP',
  values: rarelyNull(times),
};
const ENTITIES: readonly Column[] = [
  { yaml: '{ name: who, type: text, required: true, lengthMax: 1000 }', type: 'VARCHAR', values: rarelyNull(idTexts) },
  { yaml: '{ name: who, type: integer, required: true, max: 100 }', type: 'BIGINT', values: rarelyNull(wholes) },
];
const OUTCOMES: readonly Column[] = [
  { yaml: '{ name: out, type: number, min: -50, outcome: true }', type: 'DOUBLE', values: orNull(numbers) },
  { yaml: '{ name: out, type: text, outcome: true }', type: 'VARCHAR', values: orNull(texts) },
  {
    yaml: '{ name: out, type: boolean, outcome: true }',
    type: 'BOOLEAN',
    values: orNull(fc.constantFrom('true', 'false')),
  },
  {
    yaml: '{ name: out, type: number, outcome: true }',
    type: 'DOUBLE',
    values: orNull(mostly(fc.constantFrom('0', '1', "'-0.0'::DOUBLE"), numbers)),
  },
];
const RULES = [
  ['{ operation: gt, value: 15 }', 0],
  ['{ operation: le, value: 0 }', 0],
  ['{ operation: eq, value: 1 }', 0],
  ['{ operation: ne, value: 1 }', 0],
  ['{ operation: eq, value: car }', 1],
  ['{ operation: ne, value: car }', 1],
  ['{ operation: eq, value: true }', 2],
  ['{ operation: identity }', 2],
  ['{ operation: identity }', 3],
] as const;

const IDS: readonly RowIds[] = [{ kind: 'number' }, { kind: 'file' }, { kind: 'column', name: 'own' }];

const table = fc
  .record({
    entity: fc.option(fc.constantFrom(...ENTITIES), { nil: null }),
    rule: fc.constantFrom(...RULES),
    optional: fc.subarray([...OPTIONAL], { maxLength: 7 }),
    ids: fc.constantFrom(...IDS),
    rows: fc.integer({ min: 1, max: 24 }),
  })
  .chain((shape) => {
    const [rule, outcome] = shape.rule;
    const columns = [
      AT,
      ...(shape.entity === null ? [] : [shape.entity]),
      OUTCOMES[outcome] as Column,
      ...shape.optional,
    ];
    const own: Column = {
      yaml: '',
      type: 'VARCHAR',
      values: shape.ids.kind === 'file' ? orNull(idTexts) : rarelyNull(idTexts),
    };
    const filed = [...columns, ...(shape.ids.kind === 'number' ? [] : [own])].filter(({ type }) => type !== '');
    return fc.record({
      shape: fc.constant({ ...shape, rule, columns, filed }),
      cells: fc.array(fc.tuple(...filed.map(({ values }) => values)), { minLength: shape.rows, maxLength: shape.rows }),
    });
  });

const nameOf = (yaml: string) => (yaml === '' ? 'own' : (/name: (\w+)/.exec(yaml)?.[1] as string));

function schemaOf(columns: readonly Column[], entity: Column | null, rule: string): RecordSchema {
  const parsed = parseProject(
    `name: p
data:
${entity === null ? '' : '  entity: who\n'}  eventTime: at
  columns:
${columns.map(({ yaml }) => `    - ${yaml}`).join('\n')}
  label: { name: l, column: out, ${rule.slice(2)}
features: [{ name: at, kind: numeric }]
`,
    'p',
  );
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  return compileSchema(parsed.project, sha256);
}

let files = 0;

/** What an import makes of it: the rows that are staged, and what is refused. */
async function imported(schema: RecordSchema, source: RowSource) {
  const letters: DeadLetter[] = [];
  const batches: RecordBatch[] = [];
  const sink = {
    batch: async (batch: RecordBatch) => void batches.push(decodeRecordBatch(encodeRecordBatch(batch))),
    deadLetters: async (more: readonly DeadLetter[]) => void letters.push(...more),
  };
  const settings = { rowsMax: 5, bytesMax: 1e6, inFlightMax: 2, runRows: 4 };
  const run = new ImportRun(schema, 'i', 'file:s', sink, settings, new ManualClock(NOW), sha256, NOW);
  await run.run([{ name: 'file:s', source, choice: ALL_ROWS }]);
  const rows: unknown[] = [];
  for (const batch of batches) {
    const { bytes } = batch.parquet ?? {};
    if (bytes !== undefined) {
      const file = join(folder, `batch${files++}.parquet`);
      writeFileSync(file, bytes);
      const reader = await connection.runAndReadAll(`SELECT * FROM read_parquet('${file}')`);
      rows.push(...reader.getRows());
    } else {
      const { recordIds, entities, eventTimeMs, labels, columns } = tableRows(schema, batch);
      recordIds.forEach((id, row) => {
        const label = labels[row] as number;
        rows.push([
          id,
          entities[row],
          eventTimeMs[row],
          Number.isNaN(label) ? null : label,
          ...columns.map((one) => one[row]),
        ]);
      });
    }
  }
  const asColumns = batches.filter(({ parquet }) => parquet !== undefined).length;
  return { told: { rows, letters, progress: run.progress, refusals: run.refusals.list() }, asColumns };
}

describe('a Parquet file that is checked as columns', () => {
  it('makes the rows, refusals and dead letters that it makes row by row', async () => {
    let columnar = 0;
    await fc.assert(
      fc.asyncProperty(table, async ({ shape, cells }) => {
        const { columns, filed, entity, rule, ids } = shape;
        const schema = schemaOf(columns, entity, rule);
        const path = join(folder, `t${files++}.parquet`);
        const listed = filed.map(
          ({ yaml, type }, i) =>
            `c${i}::${type} AS "${nameOf(yaml) === 'own' && ids.kind === 'file' ? 'recordId' : nameOf(yaml)}"`,
        );
        const names = filed.map((_, i) => `c${i}`).join(', ');
        // Values one by one: a column of literals would take the type of the widest.
        await connection.run(`CREATE OR REPLACE TABLE t (${filed.map(({ type }, i) => `c${i} ${type}`).join(', ')})`);
        for (const row of cells) {
          const casts = row.map((cell, i) => `TRY_CAST(${cell} AS ${filed[i]?.type})`);
          await connection.run(`INSERT INTO t VALUES (${casts.join(', ')})`);
        }
        await connection.run(
          `COPY (SELECT ${listed.join(', ')} FROM (SELECT ${names} FROM t)) TO '${path}' (FORMAT parquet)`,
        );
        const open = () => ParquetSource.open({ path, name: 't', sha256: sha256(path) }, schema, ids, DUCK);
        const source = await open();
        const again = await open();
        try {
          const byColumns = await imported(schema, source);
          columnar += byColumns.asColumns;
          const { facts } = again;
          const byRows = await imported(schema, {
            facts,
            rowsBetween: (from, to) => again.rowsBetween(from, to),
            read: (first, last) => again.read(first, last),
            close: async () => undefined,
          });
          expect(byRows.asColumns).toBe(0);
          expect(byColumns.told).toEqual(byRows.told);
        } finally {
          await source.close();
          await again.close();
          rmSync(path, { force: true });
        }
      }),
      // Shrinking would open thousands of files.
      { numRuns: 90, endOnFailure: true },
    );
    // Else nothing was compared.
    expect(columnar).toBeGreaterThan(50);
  }, 120_000);

  it('closes as the version that it is row by row', async () => {
    const schema = schemaOf(
      [AT, ENTITIES[0] as Column, OUTCOMES[0] as Column, ...OPTIONAL.slice(0, 1), OPTIONAL[15] as Column],
      ENTITIES[0] as Column,
      '{ operation: gt, value: 15 }',
    );
    const path = join(folder, 'v.parquet');
    await connection.run(
      `COPY (SELECT make_timestamp((1700000000000 + (i * 7919) % 5000 * 1000) * 1000) AS at, 'w' || (i % 13) AS who,
         (i % 40)::DOUBLE AS out, CASE WHEN i = 777 THEN 1000 ELSE (i % 90)::DOUBLE END AS n FROM range(2000) r(i)) TO '${path}' (FORMAT parquet)`,
    );
    const tables = await DuckDbVersionTables.open(
      { scratch: join(folder, 'scratch'), memoryMax: '256MB', threads: 1 },
      {
        place: async () => ({ parquetPath: 'x', parquetSha256: 'x' }),
        localFile: async () => '',
      },
    );
    const idOf = async (byColumns: boolean) => {
      const source = await ParquetSource.open({ path, name: 'v', sha256: 'f' }, schema, { kind: 'number' }, DUCK);
      const table = await tables.create(schema);
      const sink = {
        batch: async (batch: RecordBatch) => {
          if (batch.parquet !== undefined) await table.appendParquet(batch.parquet);
          else await table.append(tableRows(schema, batch));
        },
        deadLetters: async () => undefined,
      };
      const settings = { rowsMax: 50, bytesMax: 1e6, inFlightMax: 1, runRows: 300 };
      const run = new ImportRun(schema, 'i', 'file:s', sink, settings, new ManualClock(NOW), sha256, NOW);
      const { facts } = source;
      const rows: RowSource = byColumns
        ? source
        : {
            facts,
            rowsBetween: (f, t) => source.rowsBetween(f, t),
            read: (f, l) => source.read(f, l),
            close: async () => undefined,
          };
      await run.run([{ name: 's', source: rows, choice: ALL_ROWS }]);
      const written = await table.write();
      await table.drop();
      await source.close();
      return [written?.id, written?.rows, written?.labelledRows, run.progress.rejected];
    };
    const columns = await idOf(true);
    expect(columns).toEqual(await idOf(false));
    expect(columns.slice(1)).toEqual([1999, 1999, 1]);
    tables.close();
  }, 60_000);
});
