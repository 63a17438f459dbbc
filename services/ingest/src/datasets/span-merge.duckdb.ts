// One dataset version out of the segments of a span, by DuckDB: sorted on disk where memory does not do.
//
//   rows    of records with one id the first by (ingested at, partition, offset); one that was read again is the same
//           row. Those that a closed version of their time holds are left out.
//   labels  by record id; the one that became known later counts, then the greater value. Those that were made by
//           another label rule are none, and counted.
//   order   event time, record id; without event time as the records came: ingested at, partition, offset.
//   schemas rows that were checked by another schema are read as the newest says: columns by name, each value cast
//           where that loses nothing, else it is none and counted.
//
// Memory: DuckDB's bound, whatever the span holds. Disk: one more copy of the version in the scratch folder.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { type DatasetVersion, datasetColumnsOf, LABEL_KNOWN_COLUMN } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { type ColumnSpec, type ColumnType, labelRuleText, sameLabelRule } from '@millrace/project';
import type { RecordSchema } from '../schema/record-schema.js';
import { numberedRows } from './numbered-rows.duckdb.js';
import { type ClosePlan, type LabelExpiry, SEGMENT_COLUMNS, type SegmentFile, schemaOf } from './segment.js';
import type { DuckDbSegmentFiles } from './segment-files.duckdb.js';
import { isTimed } from './span-times.js';
import {
  literal,
  nameOf,
  numbers,
  OWN,
  placeVersion,
  quoted,
  storedColumns,
  type VersionStore,
  WRITTEN,
} from './version-file.duckdb.js';
import type { MergedSpan, MergedVersion, RefreshedVersion, SpanMerger } from './version-table.js';

const PARTITION = quoted(SEGMENT_COLUMNS.partition);
const OFFSET = quoted(SEGMENT_COLUMNS.offset);
const INGESTED = quoted(SEGMENT_COLUMNS.ingestedAtMs);
const KNOWN = quoted(SEGMENT_COLUMNS.knownAtMs);
const LABEL_KNOWN = quoted(LABEL_KNOWN_COLUMN);
/** Of rows whose labels are looked at: names that no column of a project has. */
const ROW = quoted('@row');
const ROW_KNOWN = quoted('@row_known');
const ARRIVAL = `${INGESTED}, ${PARTITION}, ${OFFSET}`;

export class DuckDbSpanMerger implements SpanMerger {
  private merges = 0;

  constructor(
    private readonly instance: DuckDBInstance,
    private readonly segments: DuckDbSegmentFiles,
    private readonly store: VersionStore,
    private readonly scratch: string,
  ) {}

  async merge(schema: RecordSchema, plan: ClosePlan, closed: readonly DatasetVersion[]): Promise<MergedSpan> {
    const file = join(this.scratch, `span_${++this.merges}.parquet`);
    const connection = await this.instance.connect();
    try {
      return await this.merged(connection, schema, plan, closed, file);
    } catch (error) {
      throw PlatformError.from(error, 'unavailable');
    } finally {
      connection.closeSync();
      await rm(file, { force: true });
    }
  }

  private async merged(
    connection: DuckDBConnection,
    schema: RecordSchema,
    plan: ClosePlan,
    closed: readonly DatasetVersion[],
    file: string,
  ): Promise<MergedSpan> {
    const groups = await this.groups(connection, schema, plan.records);
    await connection.run(`CREATE TEMP VIEW read AS ${groups.map(({ query }) => query).join(' UNION ALL ')}`);
    await connection.run(`CREATE TEMP VIEW all_labels AS ${await this.labels(plan)}`);
    await connection.run(`CREATE TEMP VIEW labels AS SELECT * FROM all_labels WHERE ${isNewEnough(schema)}`);
    const [total, ids] = await numbers(
      connection,
      `SELECT count(*)::DOUBLE, count(DISTINCT ${OWN.recordId})::DOUBLE FROM read`,
    );
    const [records] =
      total === ids
        ? [ids]
        : await numbers(
            connection,
            `SELECT count(*)::DOUBLE FROM (SELECT DISTINCT ${PARTITION}, ${OFFSET}, ${OWN.recordId} FROM read)`,
          );
    const once =
      total === ids ? '' : `QUALIFY row_number() OVER (PARTITION BY ${OWN.recordId} ORDER BY ${ARRIVAL}) = 1`;
    const columns = [
      `r.${OWN.recordId}`,
      `r.${OWN.entity}`,
      `CAST(r.${OWN.eventTimeMs} AS BIGINT) AS ${OWN.eventTimeMs}`,
      `l.won.label AS ${OWN.label}`,
      `CAST(l.won.known AS BIGINT) AS ${LABEL_KNOWN}`,
      ...storedColumns(schema).map(({ name }) => `r.${quoted(name)}`),
    ];
    await connection.run(
      `COPY (
         WITH r AS (SELECT * FROM read ${once}),
         l AS (SELECT ${OWN.recordId}, max({known: ${KNOWN}, label: ${OWN.label}}) AS won FROM labels GROUP BY 1)
         SELECT ${columns.join(', ')}
         FROM r LEFT JOIN l USING (${OWN.recordId}) ${await this.withoutClosed(connection, closed)}
         ORDER BY ${isTimed(schema) ? `r.${OWN.eventTimeMs}, r.${OWN.recordId}` : `r.${ARRIVAL}`}
       ) TO ${literal(file)} (FORMAT parquet)`,
    );
    const nulled = [...(await this.nulled(connection, groups)), ...(await oldLabels(connection, schema, file))];
    const [lateRows] = await numbers(
      connection,
      `SELECT count(*)::DOUBLE FROM read_parquet(${literal(file)}) WHERE ${OWN.eventTimeMs} < ${plan.spanStartMs}`,
    );
    const offsets = [
      ...(await this.offsets(connection, 'records.v1', 'read', file)),
      ...(await this.offsets(connection, 'labels.v1', 'all_labels', file)),
    ];
    const placed = await placeVersion(connection, schema, file, this.store);
    const left = await this.left(connection, plan.labels, placed === null ? [] : [placed]);
    if (placed === null) return { version: null, duplicates: records as number, left };
    const duplicates = (records as number) - placed.rows;
    const version: MergedVersion = { ...placed, duplicates, lateRows: lateRows as number, offsets, nulled };
    return { version, left };
  }

  async isStored({ parquetPath }: DatasetVersion): Promise<boolean> {
    try {
      await this.store.localFile(parquetPath);
      return true;
    } catch (thrown) {
      if (PlatformError.from(thrown).code === 'not_found') return false;
      throw thrown;
    }
  }

  async leftOf(
    labels: readonly SegmentFile[],
    versions: readonly DatasetVersion[],
    expiry: LabelExpiry,
  ): Promise<SegmentFile[]> {
    const connection = await this.instance.connect();
    try {
      return await this.left(connection, labels, versions, expiry);
    } finally {
      connection.closeSync();
    }
  }

  /** The rows of a closed version with the labels that win against its own; null where none does. */
  async refresh(
    schema: RecordSchema,
    version: DatasetVersion,
    labels: readonly SegmentFile[],
    others: readonly DatasetVersion[],
  ): Promise<RefreshedVersion | null> {
    const meant = others.filter((other) => isOfRule(schema, other));
    if (labels.length + meant.length === 0) return null;
    const file = join(this.scratch, `span_${++this.merges}.parquet`);
    const connection = await this.instance.connect();
    try {
      const path = await this.store.localFile(version.parquetPath, version.parquetSha256);
      const types = await typesOf(connection, `read_parquet(${literal(path)})`);
      const { table: from, row } = numberedRows(path, types.keys());
      const own = datasetColumnsOf([...types.keys()]);
      const said = types.has(LABEL_KNOWN_COLUMN) ? LABEL_KNOWN : 'NULL::BIGINT';
      // The labels of a file do not say when they were known: as the project says of one that says nothing.
      const delayMs = schema.project.data.label?.delayMs ?? 0;
      const known = `coalesce(${said}, ${quoted(own.eventTimeMs)} + ${delayMs})`;
      // Labels of another rule say something else: beside newer ones they are none.
      const label = isOfRule(schema, version) ? quoted(own.label) : 'NULL::DOUBLE';
      const values = storedColumns(schema).map((column) => ({
        column,
        from: types.has(column.name) ? quoted(column.name) : null,
        value:
          version.schemaHash === schema.hash
            ? quoted(column.name)
            : castValue(schema, column, stagedType(types.get(column.name))),
      }));
      await connection.run(
        `CREATE TEMP VIEW old AS SELECT ${quoted(own.recordId)} AS ${OWN.recordId}, ${quoted(own.entity)} AS ${OWN.entity},
         ${quoted(own.eventTimeMs)} AS ${OWN.eventTimeMs}, ${label} AS ${OWN.label}, ${said} AS ${LABEL_KNOWN}, ${known} AS ${ROW_KNOWN},
         ${[...values.map(({ column, value }) => `${value} AS ${quoted(column.name)}`), `${row} AS ${ROW}`].join(', ')} FROM ${from}`,
      );
      await connection.run(
        `CREATE TEMP TABLE won AS SELECT l.${OWN.recordId} AS id, l.won.label AS label, CAST(l.won.known AS BIGINT) AS known
         FROM (SELECT ${OWN.recordId}, max({known: ${KNOWN}, label: ${OWN.label}}) AS won
           FROM (${await this.labelsThatCame(connection, schema, labels, meant)}) GROUP BY 1) l
         JOIN old USING (${OWN.recordId})
         WHERE old.${OWN.label} IS NULL OR l.won.known > old.${ROW_KNOWN}
           OR (l.won.known = old.${ROW_KNOWN} AND l.won.label > old.${OWN.label})`,
      );
      const [changed] = await numbers(connection, 'SELECT count(*)::DOUBLE FROM won');
      if (changed === 0) return null;
      const columns = storedColumns(schema).map(({ name }) => `old.${quoted(name)}`);
      await connection.run(
        `COPY (SELECT old.${OWN.recordId}, old.${OWN.entity}, old.${OWN.eventTimeMs},
         CASE WHEN won.id IS NULL THEN old.${OWN.label} ELSE won.label END AS ${OWN.label},
         CASE WHEN won.id IS NULL THEN old.${LABEL_KNOWN} ELSE won.known END AS ${LABEL_KNOWN}, ${columns.join(', ')}
         FROM old LEFT JOIN won ON old.${OWN.recordId} = won.id ORDER BY old.${ROW})
         TO ${literal(file)} (FORMAT parquet)`,
      );
      const nulled =
        version.schemaHash === schema.hash ? [] : await this.nulled(connection, [{ files: from, casts: values }]);
      if (!isOfRule(schema, version)) nulled.push(...nulledLabels(schema, version.labelledRows));
      const placed = await placeVersion(connection, schema, file, this.store, { always: true });
      return placed === null ? null : { ...placed, nulled };
    } catch (error) {
      throw PlatformError.from(error, 'unavailable');
    } finally {
      connection.closeSync();
      await rm(file, { force: true });
    }
  }

  /** In segments, and of versions that they have been joined to: not those that a file brought. */
  private async labelsThatCame(
    connection: DuckDBConnection,
    schema: RecordSchema,
    labels: readonly SegmentFile[],
    versions: readonly DatasetVersion[],
  ): Promise<string> {
    const queries: string[] = [];
    if (labels.length > 0)
      queries.push(
        `SELECT ${OWN.recordId}, ${KNOWN}, ${OWN.label} FROM ${await this.segments.paths(labels)} WHERE ${isNewEnough(schema)}`,
      );
    for (const { parquetPath, parquetSha256 } of versions) {
      const file = `read_parquet(${literal(await this.store.localFile(parquetPath, parquetSha256))})`;
      if (!(await typesOf(connection, file)).has(LABEL_KNOWN_COLUMN)) continue;
      queries.push(
        `SELECT ${OWN.recordId}, ${LABEL_KNOWN}::DOUBLE AS ${KNOWN}, ${OWN.label} FROM ${file} WHERE ${LABEL_KNOWN} IS NOT NULL`,
      );
    }
    if (queries.length > 0) return queries.join(' UNION ALL ');
    return `SELECT ''::VARCHAR AS ${OWN.recordId}, 0::DOUBLE AS ${KNOWN}, 0::DOUBLE AS ${OWN.label} WHERE false`;
  }

  private async labels({ labels }: ClosePlan): Promise<string> {
    const columns = [OWN.recordId, OWN.label, KNOWN, PARTITION, OFFSET, INGESTED];
    if (labels.length === 0)
      return `SELECT ''::VARCHAR AS ${OWN.recordId}, 0::DOUBLE AS ${OWN.label}, 0::DOUBLE AS ${KNOWN}, 0::DOUBLE AS ${PARTITION},
        0::DOUBLE AS ${OFFSET}, 0::DOUBLE AS ${INGESTED} WHERE false`;
    return `SELECT ${columns.join(', ')} FROM ${await this.segments.paths(labels)}`;
  }

  /** The rows of each schema as the newest one sees them. */
  private async groups(connection: DuckDBConnection, schema: RecordSchema, records: readonly SegmentFile[]) {
    const bySchema = new Map<string, SegmentFile[]>();
    for (const file of records) bySchema.set(file.schema, [...(bySchema.get(file.schema) ?? []), file]);
    const groups = [];
    for (const [hash, files] of bySchema) {
      const own = hash === schemaOf(schema);
      const paths = await this.segments.paths(files);
      const types = await typesOf(connection, paths);
      const columns = storedColumns(schema).map((column) => ({
        column,
        from: types.has(column.name) ? quoted(column.name) : null,
        value: own ? ownValue(schema, column) : castValue(schema, column, types.get(column.name)),
      }));
      const fixed = [OWN.recordId, OWN.entity, OWN.eventTimeMs, PARTITION, OFFSET, INGESTED];
      const selected = columns.map(({ column, value }) => `${value} AS ${quoted(column.name)}`);
      groups.push({
        query: `SELECT ${[...fixed, ...selected].join(', ')} FROM ${paths}`,
        files: paths,
        casts: own ? [] : columns,
      });
    }
    return groups;
  }

  private async nulled(
    connection: DuckDBConnection,
    groups: readonly { files: string; casts: readonly { column: ColumnSpec; from: string | null; value: string }[] }[],
  ) {
    const counts = new Map<string, number>();
    for (const { files, casts } of groups) {
      const cast = casts.filter(({ from }) => from !== null);
      if (cast.length === 0) continue;
      const each = cast.map(({ from, value }) => `count_if(${from} IS NOT NULL AND ${value} IS NULL)::DOUBLE`);
      const found = await numbers(
        connection,
        `SELECT ${each.join(', ')} FROM (SELECT DISTINCT ON (${OWN.recordId}) * FROM ${files})`,
      );
      cast.forEach(({ column }, index) => {
        const values = found[index] as number;
        if (values > 0) counts.set(column.name, (counts.get(column.name) ?? 0) + values);
      });
    }
    return [...counts].map(([column, values]) => ({ column, values }));
  }

  private async withoutClosed(connection: DuckDBConnection, closed: readonly DatasetVersion[]): Promise<string> {
    if (closed.length === 0) return '';
    return `LEFT JOIN (SELECT DISTINCT id FROM (${await this.idsOf(connection, closed)})) closed ON r.${OWN.recordId} = closed.id
      WHERE closed.id IS NULL`;
  }

  private async idsOf(
    connection: DuckDBConnection,
    versions: readonly Pick<DatasetVersion, 'parquetPath' | 'parquetSha256'>[],
  ) {
    const ids: string[] = [];
    for (const { parquetPath, parquetSha256 } of versions) {
      const file = `read_parquet(${literal(await this.store.localFile(parquetPath, parquetSha256))})`;
      const names = (await connection.runAndReadAll(`SELECT * FROM ${file} LIMIT 0`)).columnNames();
      ids.push(`SELECT ${quoted(datasetColumnsOf(names).recordId)} AS id FROM ${file}`);
    }
    return ids.join(' UNION ALL ');
  }

  private async left(
    connection: DuckDBConnection,
    labels: readonly SegmentFile[],
    versions: readonly Pick<DatasetVersion, 'parquetPath' | 'parquetSha256'>[],
    expiry?: LabelExpiry,
  ): Promise<SegmentFile[]> {
    const ids = versions.length === 0 ? null : await this.idsOf(connection, versions);
    return this.segments.leftLabels(labels, ids, expiry);
  }

  private async offsets(connection: DuckDBConnection, topic: string, view: 'read' | 'all_labels', file: string) {
    const reader = await connection.runAndReadAll(
      `SELECT ${PARTITION}, min(${OFFSET}), max(${OFFSET}) FROM ${view}
       SEMI JOIN (SELECT ${OWN.recordId} FROM read_parquet(${literal(file)})) version USING (${OWN.recordId})
       GROUP BY 1 ORDER BY 1`,
    );
    return reader.getRows().map((row) => {
      const [partition, first, last] = row.map(Number) as [number, number, number];
      return { topic, partition, first, last };
    });
  }
}

/** Whether a label in a segment was made by the rule of now. */
const isNewEnough = ({ labelRuleSinceMs }: RecordSchema): string =>
  labelRuleSinceMs === 0 ? 'true' : `${INGESTED} >= ${labelRuleSinceMs}`;

const nulledLabels = ({ project }: RecordSchema, values: number): { column: string; values: number }[] =>
  values === 0 || project.data.label === undefined ? [] : [{ column: project.data.label.column, values }];

/** Labels of another rule that rows of this file had. */
async function oldLabels(connection: DuckDBConnection, schema: RecordSchema, file: string) {
  if (schema.labelRuleSinceMs === 0) return [];
  const [values = 0] = await numbers(
    connection,
    `SELECT count(DISTINCT ${OWN.recordId})::DOUBLE FROM all_labels SEMI JOIN read_parquet(${literal(file)}) version
     USING (${OWN.recordId}) WHERE NOT (${isNewEnough(schema)})`,
  );
  return nulledLabels(schema, values);
}

const isOfRule = ({ project }: RecordSchema, { labelRule }: DatasetVersion): boolean =>
  sameLabelRule(labelRule, labelRuleText(project.data.label));

async function typesOf(connection: DuckDBConnection, files: string): Promise<Map<string, string>> {
  const result = await connection.runAndReadAll(`SELECT * FROM ${files} LIMIT 0`);
  const types = result.columnTypes();
  return new Map(result.columnNames().map((name, index) => [name, String(types[index])]));
}

function ownValue(schema: RecordSchema, column: ColumnSpec): string {
  const name = nameOf(schema, column);
  // What another writer put on the topic may name itself as it likes: then the column has no value.
  if (name !== null) return `TRY_CAST(${name} AS ${WRITTEN[column.type]})`;
  return column.type === 'integer' || column.type === 'timestamp' ? whole(quoted(column.name)) : quoted(column.name);
}

/** A value of another schema: none where it says something else than a value of this type. */
function castValue(schema: RecordSchema, column: ColumnSpec, type: string | undefined): string {
  if (nameOf(schema, column) !== null) return ownValue(schema, column);
  if (type === undefined) return `NULL::${WRITTEN[column.type]}`;
  const from = quoted(column.name);
  return CASTS[column.type](from, type);
}

/** A version has BIGINT where a segment has DOUBLE; the casts read both alike. */
const stagedType = (type: string | undefined): string | undefined => (type === 'BIGINT' ? 'DOUBLE' : type);

const whole = (from: string): string =>
  `CASE WHEN ${from} = floor(${from}) AND abs(${from}) < 1e18 THEN TRY_CAST(${from} AS BIGINT) END`;
const finite = (from: string, type: string): string =>
  type === 'DOUBLE' ? from : `CASE WHEN isfinite(TRY_CAST(${from} AS DOUBLE)) THEN TRY_CAST(${from} AS DOUBLE) END`;

const CASTS: Readonly<Record<ColumnType, (from: string, type: string) => string>> = {
  number: finite,
  integer: (from, type) => whole(`(${finite(from, type)})`),
  timestamp: (from, type) => (type === 'DOUBLE' ? whole(from) : 'NULL::BIGINT'),
  text: (from, type) =>
    type === 'DOUBLE'
      ? `coalesce(CAST(${whole(from)} AS VARCHAR), CAST(${from} AS VARCHAR))`
      : `CAST(${from} AS VARCHAR)`,
  boolean: (from, type) =>
    type === 'DOUBLE' ? `CASE ${from} WHEN 1 THEN true WHEN 0 THEN false END` : `TRY_CAST(${from} AS BOOLEAN)`,
};
