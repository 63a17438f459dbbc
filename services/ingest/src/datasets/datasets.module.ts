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
import { VersionCloser } from './version-closer.js';
import { VersionHistory } from './version-history.js';
import { DuckDbVersionTables } from './version-table.duckdb.js';
import { KafkaVersionLog } from './versions.kafka.js';

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
  importStream: ImportStream;
}

export async function datasets(
  { config, clock, shutdown }: ServiceContext<IngestConfig>,
  store: ArtifactStore,
  producer: MessageProducer,
  registry: ProjectRegistry,
  index: DatasetIndex,
): Promise<DatasetWiring> {
  const tables = await DuckDbVersionTables.open(duckDbSettings(config), store);
  shutdown.onClose('duckdb', () => tables.close());
  const counterStore = await CounterStore.open(join(config.home, 'ingest'));
  const history = new VersionHistory(index, tables, config.historyVersionsMax);
  const closer = new VersionCloser(tables, new KafkaVersionLog(producer, store), index, history, clock);
  shutdown.onDrain('versions', async () => {
    await Promise.race([closer.settled(), new Promise((resolve) => setTimeout(resolve, SETTLE_MS_MAX))]);
    await counterStore.stop();
  });
  const live = new LiveStream(
    registry,
    index,
    history,
    closer,
    counterStore.counters,
    {
      rowsMax: config.openRowsMax,
      pendingLabelsMax: config.pendingLabelsMax,
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
  return { counterStore, live, importStream };
}

function liveReports(): LiveReports {
  const log = logger('versions');
  return {
    closed: (project, rows, tookMs) => {
      versionsClosed.add(1, { project, kind: 'live' });
      versionDuration.record(tookMs, { project });
      log.info('dataset version closed', { project, rows, tookMs: Math.round(tookMs) });
    },
    failed: (project, error) => {
      versionFailures.add(1, { project });
      log.error('dataset version not written, tried again', { project }, error);
    },
    lateRows: (project, rows) => lateRows.add(rows, { project }),
  };
}
