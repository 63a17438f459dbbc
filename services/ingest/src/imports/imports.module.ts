// Wiring of imports: where files are read, how their batches go to Kafka, what survives a crash.

import { join } from 'node:path';
import { sha256 } from '@millrace/artifacts';
import { encodeRecordBatch } from '@millrace/contracts';
import { ingestSettings } from '@millrace/deployment';
import { FolderUploads, firstBytesOf, openImportRoots, Uploads } from '@millrace/files';
import type { MessageProducer } from '@millrace/kafka';
import type { SourceSpec } from '@millrace/project';
import type { ServiceContext } from '@millrace/service';
import { formatOf } from '@millrace/tabular';
import { counter } from '@millrace/telemetry';
import type { IngestConfig } from '../config.js';
import type { DatasetIndex } from '../datasets/dataset-index.js';
import { duckDbSettings } from '../datasets/datasets.module.js';
import { importEnd } from '../datasets/import-end.js';
import type { OpenSpans } from '../datasets/open-spans.js';
import type { DeadLetterSender } from '../deadletters/dead-letters.kafka.js';
import { processFolder } from '../process-folder.fs.js';
import type { ProjectRegistry } from '../projects/project-registry.js';
import type { RecordSchema } from '../schema/record-schema.js';
import { CsvSource } from './csv-source.fs.js';
import { ImportRunner } from './import-runner.js';
import { NdjsonSource } from './ndjson-source.fs.js';
import { ParquetSource } from './parquet-source.duckdb.js';
import type { FileTerms, ImportFile, RowIds, RowSource } from './row-source.js';
import { readablePath } from './source-path.fs.js';
import { UnfinishedImports } from './unfinished-imports.fs.js';

/** Batches of one import that wait for Kafka: the file is read on meanwhile. */
const BATCHES_IN_FLIGHT_MAX = 4;

/** Rows of a Parquet file that are checked together: thirty of DuckDB's vectors; flights make 0.7 MB of them. */
const RUN_ROWS = 61_440;

const versionsClosed = counter('millrace.ingest.versions_closed');

/** Where the ends of imports are told, whichever process made their versions. */
interface KnownImports {
  spans: OpenSpans;
  datasetIndex: DatasetIndex;
  upToNow(): Promise<void>;
}

export function imports(
  { config, clock }: ServiceContext<IngestConfig>,
  producer: MessageProducer,
  registry: ProjectRegistry,
  { spans, datasetIndex, upToNow }: KnownImports,
  deadLetters: DeadLetterSender,
): { importRunner: ImportRunner; uploads: Uploads } {
  const unfinished = new UnfinishedImports(join(processFolder(config), 'imports'));
  const uploads = new Uploads(
    new FolderUploads(join(processFolder(config), 'uploads')),
    {
      bytesMax: config.uploadBytesMax,
      uploadsMax: config.uploadsMax,
      diskBytesMax: config.uploadDiskBytesMax,
      keepMs: config.uploadKeep,
      bytesMaxSetting: ingestSettings.uploadBytesMax.env,
    },
    clock,
    sha256,
  );
  const importRunner = new ImportRunner(
    registry,
    {
      openSource: async (schema, source, terms) => {
        const spec = schema.project.data.sources[source] as SourceSpec;
        const roots = async () => [...config.importRoots, ...(await openImportRoots(config.home))];
        const path = await readablePath(spec.path, roots);
        const file = { path, name: spec.path, sha256: null };
        return opened(config, file, schema, idsOf(spec), { format: spec.kind, ...terms });
      },
      openUpload: (schema, upload, terms) => opened(config, uploads.file(upload), schema, { kind: 'file' }, terms),
      uploads,
      begin: (stored) => unfinished.begin(stored),
      finish: (importId) => unfinished.finish(importId),
      unfinished: () => unfinished.unfinished(),
      batch: (batch) =>
        producer.send('batches.v1', [{ key: `${batch.project}/${batch.source}`, value: encodeRecordBatch(batch) }]),
      deadLetters: (bad) => deadLetters.sendLetters(bad),
      end: async (importId) => {
        const ended = await importEnd({ spans, index: datasetIndex, upToNow }, importId);
        if (ended.kind === 'closed') versionsClosed.add(1, { project: ended.version.project, kind: 'import' });
        return ended;
      },
    },
    {
      rowsMax: config.importBatchRows,
      bytesMax: config.importBatchBytes,
      inFlightMax: BATCHES_IN_FLIGHT_MAX,
      runRows: RUN_ROWS,
      importsMax: config.importsMax,
    },
    clock,
    sha256,
  );
  return { importRunner, uploads };
}

function idsOf({ recordId }: SourceSpec): RowIds {
  if (recordId === undefined) return { kind: 'file' };
  return recordId === 'row-number' ? { kind: 'number' } : { kind: 'column', name: recordId };
}

async function opened(
  config: IngestConfig,
  file: ImportFile,
  schema: RecordSchema,
  ids: RowIds,
  terms: FileTerms,
): Promise<RowSource> {
  switch (formatOf(file.name, await firstBytesOf(file), terms.format)) {
    case 'csv':
      return CsvSource.open(file, schema, ids, terms);
    case 'ndjson':
      return NdjsonSource.open(file, schema, ids, terms);
    case 'parquet':
      return ParquetSource.open(file, schema, ids, duckDbSettings(config));
  }
}
