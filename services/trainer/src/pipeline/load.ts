// Loads the rows of a training: labelled ones only, in event-time order, with every column that the model takes or that
// the evaluation is sliced by.

import type { RawColumns, SignatureInput } from '@millrace/features';
import type { Project } from '@millrace/project';
import type { VersionFacts } from './fitting-versions.js';
import type { WantedColumn } from './version-columns.js';

export interface LabelledRows {
  columns: RawColumns;
  /** NaN where a row has none, which only `all` rows may. */
  labels: Float32Array;
  eventTimeMs: Float64Array;
  /** Of the record ids, where rows are split by them (split.ts). */
  idHashes: Uint32Array | null;
  /** Of the entities, where the project has some: rows of one are not independent. Absent: each row is its own. */
  entityHashes?: Float64Array | undefined;
  rows: number;
}

/** Rows of the dataset versions that are not read. */
export interface LeftOutRows {
  /** 0 where `all` rows are read. */
  withoutLabel: number;
  /** Of a record that is in more than one version: all but its newest row. */
  repeats: number;
}

export interface ReadRows extends LabelledRows {
  leftOut: LeftOutRows;
  /** Which values some of the versions lack: a sentence each. */
  warnings: readonly string[];
}

export interface RowSource {
  /** @throws PlatformError 'not_found' where one is not there */
  versions(project: string, ids: readonly string[]): readonly VersionFacts[];
  /** A record that is in two dataset versions counts once. `hashSeed`: of the hashes of ids; null = none are wanted. */
  read(
    project: string,
    datasetVersions: readonly string[],
    columns: readonly WantedColumn[],
    hashSeed: number | null,
    which: WhichRows,
  ): Promise<ReadRows>;
}

export type WhichRows = 'labelled' | 'all';

/** `compared`: what the version takes that the new one is compared with. */
export async function loadRows(
  source: RowSource,
  project: Project,
  datasetVersions: readonly string[],
  { inputs, compared = [] }: { inputs: readonly SignatureInput[]; compared?: readonly SignatureInput[] | undefined },
  hashSeed: number | null,
  which: WhichRows = 'labelled',
): Promise<ReadRows> {
  const sliced = project.data.columns.filter(({ name }) => project.evaluation.slices.includes(name));
  const wanted = [
    ...inputs.map((input): WantedColumn => ({ ...input, of: 'model' })),
    ...compared.map((input): WantedColumn => ({ ...input, of: 'champion' })),
    ...sliced.map(({ name, type }): WantedColumn => ({ name, type: type as SignatureInput['type'], of: 'slices' })),
  ];
  const first = wanted.filter(({ name }, at) => wanted.findIndex((other) => other.name === name) === at);
  const { entityHashes, ...read } = await source.read(project.name, datasetVersions, first, hashSeed, which);
  // Without an entity in the project what files say of it means nothing.
  return project.data.entity === undefined ? read : { ...read, entityHashes };
}

/** Rows [start, end). */
export function rowRange(rows: LabelledRows, start: number, end: number): LabelledRows {
  const columns = Object.fromEntries(
    Object.entries(rows.columns).map(([name, values]) => [name, Array.prototype.slice.call(values, start, end)]),
  );
  return {
    columns,
    labels: rows.labels.slice(start, end),
    eventTimeMs: rows.eventTimeMs.slice(start, end),
    idHashes: rows.idHashes?.slice(start, end) ?? null,
    entityHashes: rows.entityHashes?.slice(start, end),
    rows: end - start,
  };
}

/** The rows at these places, in their order. */
export function pickRows(rows: LabelledRows, places: readonly number[]): LabelledRows {
  const columns = Object.fromEntries(
    Object.entries(rows.columns).map(([name, values]) => [name, places.map((row) => values[row])]),
  );
  const { idHashes, entityHashes } = rows;
  return {
    columns: columns as LabelledRows['columns'],
    labels: Float32Array.from(places, (row) => rows.labels[row] as number),
    eventTimeMs: Float64Array.from(places, (row) => rows.eventTimeMs[row] as number),
    idHashes: idHashes === null ? null : Uint32Array.from(places, (row) => idHashes[row] as number),
    entityHashes: entityHashes && Float64Array.from(places, (row) => entityHashes[row] as number),
    rows: places.length,
  };
}
