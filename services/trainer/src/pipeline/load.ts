// Loads the rows of a training: labelled ones only, in event-time order, with every column that the model takes or that
// the evaluation is sliced by.

import type { RawColumns, SignatureInput } from '@millrace/features';
import type { Project } from '@millrace/project';

export interface LabelledRows {
  columns: RawColumns;
  labels: Float32Array;
  eventTimeMs: Float64Array;
  rows: number;
}

export interface RowSource {
  /** A record that is in two dataset versions counts once. */
  read(project: string, datasetVersions: readonly string[], columns: readonly SignatureInput[]): Promise<LabelledRows>;
}

export function loadRows(
  source: RowSource,
  project: Project,
  datasetVersions: readonly string[],
  inputs: readonly SignatureInput[],
): Promise<LabelledRows> {
  const taken = new Set(inputs.map(({ name }) => name));
  const sliced = project.data.columns
    .filter(({ name }) => project.evaluation.slices.includes(name) && !taken.has(name))
    .map(({ name, type }) => ({ name, type: type as SignatureInput['type'] }));
  return source.read(project.name, datasetVersions, [...inputs, ...sliced]);
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
    rows: end - start,
  };
}
