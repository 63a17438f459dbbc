// Wiring of imports: where files are read, how their batches go to Kafka, what survives a crash.

import { join } from 'node:path';
import { sha256 } from '@millrace/artifacts';
import { encodeRecordBatch } from '@millrace/contracts';
import type { MessageProducer } from '@millrace/kafka';
import type { ServiceContext } from '@millrace/service';
import { counter } from '@millrace/telemetry';
import type { IngestConfig } from '../config.js';
import { duckDbSettings } from '../datasets/datasets.module.js';
import type { ImportStream } from '../datasets/import-stream.js';
import type { DeadLetterSender } from '../deadletters/dead-letters.kafka.js';
import type { ProjectRegistry } from '../projects/project-registry.js';
import { CsvSource } from './csv-source.fs.js';
import { readExtraRows, resolveSourcePath, UnfinishedImports } from './import-files.fs.js';
import { ImportRunner } from './import-runner.js';
import { ParquetSource } from './parquet-source.duckdb.js';

/** Batches of one import that wait for Kafka: the file is read on meanwhile. */
const BATCHES_IN_FLIGHT_MAX = 4;

const versionsClosed = counter('millrace.ingest.versions_closed');

export function imports(
  { config, clock }: ServiceContext<IngestConfig>,
  producer: MessageProducer,
  registry: ProjectRegistry,
  stream: ImportStream,
  deadLetters: DeadLetterSender,
): ImportRunner {
  const unfinished = new UnfinishedImports(join(config.home, 'ingest', 'imports'));
  return new ImportRunner(
    registry,
    {
      openSource: async (schema, source) => {
        const path = resolveSourcePath(source.path);
        return source.kind === 'csv'
          ? new CsvSource(path, schema, source.recordId)
          : ParquetSource.open(path, schema, source.recordId, duckDbSettings(config));
      },
      readExtras: readExtraRows,
      begin: (stored) => unfinished.begin(stored),
      finish: (importId) => unfinished.finish(importId),
      unfinished: () => unfinished.unfinished(),
      batch: (batch) =>
        producer.send('batches.v1', [{ key: `${batch.project}/${batch.source}`, value: encodeRecordBatch(batch) }]),
      deadLetters: (bad) => deadLetters.sendLetters(bad),
      end: async (importId) => {
        const end = await stream.end(importId);
        if (end.kind === 'closed') versionsClosed.add(1, { project: end.version.project, kind: 'import' });
        return end;
      },
    },
    {
      rowsMax: config.importBatchRows,
      bytesMax: config.importBatchBytes,
      inFlightMax: BATCHES_IN_FLIGHT_MAX,
      importsMax: config.importsMax,
    },
    clock,
    sha256,
  );
}
