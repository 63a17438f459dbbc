// Wiring of dataset versions: the live stream and the imports, what closes versions, how processes share partitions.

import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type ArtifactStore, isInHome } from '@millrace/artifacts';
import { type DatasetAction, encodeCommand } from '@millrace/contracts';
import { hash32, PlatformError, RequestIds, seededRng } from '@millrace/domain';
import {
  FencedWriters,
  type KafkaConnection,
  type MessageProducer,
  partitionOfKey,
  untilAvailable,
} from '@millrace/kafka';
import type { ServiceContext } from '@millrace/service';
import { counter, histogram, logger } from '@millrace/telemetry';
import type { IngestConfig } from '../config.js';
import { processFolder } from '../process-folder.fs.js';
import type { ProjectRegistry } from '../projects/project-registry.js';
import type { DatasetIndex } from './dataset-index.js';
import { ImportStream } from './import-stream.js';
import { LiveStream } from './live-stream.js';
import type { OpenSpans } from './open-spans.js';
import { OwnerCommands } from './owner-commands.js';
import type { OwnerLabelPorts } from './owner-labels.js';
import type { VersionCollector } from './owner-retention.js';
import { KafkaProgressLog } from './progress.kafka.js';
import type { ProgressFollower } from './progress-follower.js';
import { DuckDbSegmentFiles } from './segment-files.duckdb.js';
import { DuckDbSpanMerger } from './span-merge.duckdb.js';
import type { LiveReports } from './span-owner.js';
import { StreamBounds } from './stream-bounds.kafka.js';
import { VersionCloser } from './version-closer.js';
import { versionFiles } from './version-files.fs.js';
import { DuckDbVersionTables } from './version-table.duckdb.js';

const VERSION_RETRY_MS = 1_000;
/** By then the partitions of a dead process are read on by another one, where there is one. */
const BARRIER_MS = 30_000;
/** What is not closed by then is closed after the restart, or by another process. */
const SETTLE_MS_MAX = 5_000;

const versionsClosed = counter('millrace.ingest.versions_closed');
const versionFailures = counter('millrace.ingest.version_failures');
const versionDuration = histogram('millrace.ingest.version_duration');
const lateRows = counter('millrace.ingest.late');
const doubted = counter('millrace.ingest.doubted_times');
const fitted = counter('millrace.ingest.fitted_records');
const rowsLost = counter('millrace.ingest.unread_lost');

export function duckDbSettings(config: IngestConfig) {
  return {
    scratch: join(processFolder(config), 'scratch'),
    memoryMax: config.duckdbMemory,
    threads: config.duckdbThreads,
  };
}

export interface DatasetWiring {
  live: LiveStream;
  commands: OwnerCommands;
  importStream: ImportStream;
  writers: FencedWriters;
  bounds: StreamBounds;
}

export interface KnownDatasets {
  registry: ProjectRegistry;
  index: DatasetIndex;
  spans: OpenSpans;
  follower: ProgressFollower;
  collector: VersionCollector;
  expired: OwnerLabelPorts['expired'];
}

export async function datasets(
  { config, clock, shutdown }: ServiceContext<IngestConfig>,
  store: ArtifactStore,
  connection: KafkaConnection,
  producer: MessageProducer,
  { registry, index, spans, follower, collector, expired }: KnownDatasets,
  lost: (partition: number, error: PlatformError) => void,
): Promise<DatasetWiring> {
  const files = versionFiles(store, index);
  const duckDb = duckDbSettings(config);
  // Of no other process and no earlier run.
  const ids = new RequestIds(seededRng(hash32(config.replica) ^ clock.nowMs() ^ process.pid));
  const tables = await DuckDbVersionTables.open(duckDb, files);
  shutdown.onClose('duckdb', () => tables.close());
  const segmentFiles = new DuckDbSegmentFiles(tables.instance, store, duckDb.scratch, ids, () => freeBytes(config));
  const merger = new DuckDbSpanMerger(tables.instance, segmentFiles, files, duckDb.scratch);
  const closer = new VersionCloser(merger, index, clock);
  const writers = new FencedWriters(connection, 'ingest');
  shutdown.onClose('writers', () => writers.close());
  const bounds = new StreamBounds(connection);
  const reports = liveReports();
  const commandOf = (project: string, action: DatasetAction, id: string) => ({
    ...{ id, project, action, issuedBy: 'ingest', issuedAtMs: clock.nowMs() },
    ...{ expectedRevision: 0, correlationId: id, reason: '' },
  });
  const send = async (project: string, action: DatasetAction): Promise<string> => {
    const id = ids.next();
    await producer.send('commands.v1', [{ key: project, value: encodeCommand(commandOf(project, action, id)) }]);
    return id;
  };
  const live = new LiveStream(
    {
      bufferBytesMax: config.bufferBytesMax,
      flushAfterMs: config.flushAfter,
      diskBytesMax: config.segmentDiskBytesMax,
    },
    {
      allowanceMs: config.closeAllowance,
      idleAfterMs: config.partitionIdleAfter,
      retryAfterMs: VERSION_RETRY_MS,
      barrierMs: BARRIER_MS,
    },
    {
      ...{ registry, index, spans, files: segmentFiles, closer, collector, expired, clock, reports, send },
      log: new KafkaProgressLog(writers, store, follower, ids, lost),
      holder: `ingest-${config.replica}`,
      doubted: (project) => doubted.add(1, { project }),
      fitted: (project) => fitted.add(1, { project }),
      commandsDone: (partition) => commands.position(partition),
      ends: () => bounds.ends(),
      partitionOf: (project) => partitionOfKey(project, bounds.partitions),
      lost: (topic, partition, rows) => {
        rowsLost.add(rows, { topic });
        logger('versions').error('messages were gone before they were read', { topic, partition, messages: rows });
      },
    },
  );
  const commands: OwnerCommands = new OwnerCommands(
    (command) => live.carryOut(command),
    (project, error) => reports.failed(project, error),
    () => new Promise((resolve) => setTimeout(resolve, VERSION_RETRY_MS).unref()),
  );
  shutdown.onDrain('versions', async () => {
    // What is not told is read again by whoever comes next.
    await live.flush().catch(() => undefined);
    await Promise.race([closer.settled(), new Promise((resolve) => setTimeout(resolve, SETTLE_MS_MAX).unref())]);
  });
  const importStream = new ImportStream(
    registry,
    tables,
    closer,
    async (project, action) => {
      await untilAvailable('the end of an import', () =>
        send(project, action).catch((error: unknown) => {
          // A queue that is full empties when the broker is back.
          throw PlatformError.from(error).code === 'overloaded' ? PlatformError.from(error, 'unavailable') : error;
        }),
      );
    },
    { openMax: config.importsMax, abandonAfterMs: config.importAbandonAfter },
    clock,
  );
  return { live, commands, importStream, writers, bounds };
}

/** Of the file system of the artifacts; a bucket has no end that is known here. */
async function freeBytes(config: IngestConfig): Promise<number> {
  if (!isInHome(config)) return Number.POSITIVE_INFINITY;
  const { bavail, bsize } = await statfs(config.home);
  return bavail * bsize;
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
    swept: (partition, removed, error) => {
      if (error === undefined) log.info('what a killed process left was removed', { partition, files: removed });
      else log.warn('what a killed process left takes room still', { partition }, error);
    },
  };
}
