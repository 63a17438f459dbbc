// Wiring of dataset versions: the live stream and the imports, what closes versions, and the counters.

import { join } from 'node:path';
import type { ArtifactStore } from '@millrace/artifacts';
import type { MessageProducer } from '@millrace/kafka';
import type { ServiceContext } from '@millrace/service';
import { counter, histogram, logger } from '@millrace/telemetry';
import type { IngestConfig } from '../config.js';
import type { ProjectRegistry } from '../projects/project-registry.js';
import { CounterStore } from './counter-store.fs.js';
import type { DatasetIndex } from './dataset-index.js';
import { ImportStream } from './import-stream.js';
import { type LiveReports, LiveStream } from './live-stream.js';
import { DuckDbSegmentFiles } from './segment-files.duckdb.js';
import { Segments } from './segments.js';
import { DuckDbSpanMerger } from './span-merge.duckdb.js';
import { VersionCloser } from './version-closer.js';
import { DuckDbVersionTables } from './version-table.duckdb.js';
import { KafkaVersionLog } from './versions.kafka.js';
import { writtenOnce } from './written-once.js';

const VERSION_RETRY_MS = 1_000;
/** What is not closed by then is closed after the restart. */
const SETTLE_MS_MAX = 5_000;

const versionsClosed = counter('millrace.ingest.versions_closed');
const versionFailures = counter('millrace.ingest.version_failures');
const versionDuration = histogram('millrace.ingest.version_duration');
const lateRows = counter('millrace.ingest.late');

export function duckDbSettings(config: IngestConfig) {
  return {
    scratch: join(config.home, 'ingest', 'scratch'),
    memoryMax: config.duckdbMemory,
    threads: config.duckdbThreads,
  };
}

export interface DatasetWiring {
  counterStore: CounterStore;
  live: LiveStream;
  segments: Segments;
  importStream: ImportStream;
}

export async function datasets(
  { config, clock, shutdown }: ServiceContext<IngestConfig>,
  store: ArtifactStore,
  producer: MessageProducer,
  registry: ProjectRegistry,
  index: DatasetIndex,
): Promise<DatasetWiring> {
  const files = writtenOnce(store, index);
  const tables = await DuckDbVersionTables.open(duckDbSettings(config), files);
  shutdown.onClose('duckdb', () => tables.close());
  const counterStore = await CounterStore.open(join(config.home, 'ingest'));
  const folder = join(config.home, 'ingest', 'segments');
  const segmentFiles = new DuckDbSegmentFiles(tables.instance, folder);
  const spans = new DuckDbSpanMerger(tables.instance, segmentFiles, files, duckDbSettings(config).scratch);
  const closer = new VersionCloser(spans, new KafkaVersionLog(producer, store), index, clock);
  const segments = new Segments(segmentFiles, {
    bufferBytesMax: config.bufferBytesMax,
    flushAfterMs: config.flushAfter,
    diskBytesMax: config.segmentDiskBytesMax,
  });
  await segments.open();
  shutdown.onDrain('versions', async () => {
    await segments.flush();
    await Promise.race([closer.settled(), new Promise((resolve) => setTimeout(resolve, SETTLE_MS_MAX))]);
    await counterStore.stop();
  });
  const live = new LiveStream(
    registry,
    index,
    segments,
    closer,
    counterStore.counters,
    {
      allowanceMs: config.closeAllowance,
      idleAfterMs: config.partitionIdleAfter,
      retryAfterMs: VERSION_RETRY_MS,
    },
    clock,
    liveReports(),
  );
  const importStream = new ImportStream(
    registry,
    tables,
    closer,
    { openMax: config.importsMax, abandonAfterMs: config.importAbandonAfter },
    clock,
  );
  return { counterStore, live, segments, importStream };
}

function liveReports(): LiveReports {
  const log = logger('versions');
  return {
    closed: ({ project, rows, labelledRows, lateRows: late, repeatedRows, nulled }, tookMs) => {
      versionsClosed.add(1, { project, kind: 'live' });
      versionDuration.record(tookMs, { project });
      if (late > 0) lateRows.add(late, { project });
      const facts = { project, rows, labelledRows, late, repeatedRows, tookMs: Math.round(tookMs) };
      log.info('dataset version closed', facts);
      for (const { column, values } of nulled)
        log.warn('values of an older schema are none by the newest', { project, column, values });
    },
    failed: (project, error) => {
      versionFailures.add(1, { project });
      log.error('dataset version not written, tried again', { project }, error);
    },
  };
}
