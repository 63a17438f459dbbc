// The columns that the Parquet file of a dataset version has of its own, beside those of its project. '@' begins no
// column of a project (COLUMN_NAME in libs/project), so that a project may call its columns as its files do. 0.1.0
// wrote the same columns without it, and let no project use their names; such files are read for good.

export interface DatasetColumns {
  readonly recordId: string;
  readonly entity: string;
  readonly eventTimeMs: string;
  readonly label: string;
}

export const DATASET_COLUMNS: DatasetColumns = {
  recordId: '@record_id',
  entity: '@entity',
  eventTimeMs: '@event_time_ms',
  label: '@label',
};

/** When the label became known: decides whether a later one counts. Files before 0.2 lack it. */
export const LABEL_KNOWN_COLUMN = '@label_known_ms';

const OF_0_1: DatasetColumns = {
  recordId: 'record_id',
  entity: 'entity',
  eventTimeMs: 'event_time_ms',
  label: 'label',
};

/** What a file calls its own columns. @param names all columns of the file */
export function datasetColumnsOf(names: readonly string[]): DatasetColumns {
  return names.includes(DATASET_COLUMNS.recordId) ? DATASET_COLUMNS : OF_0_1;
}
