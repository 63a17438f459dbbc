// Wiring of ingest: which edge fills which port. No decisions here.

import { join } from 'node:path';
import { ArtifactStore, sha256 } from '@millrace/artifacts';
import { encodeRecordBatch } from '@millrace/contracts';
import { systemClock } from '@millrace/domain';
import { type RunningGrpcServer, startGrpcServer } from '@millrace/grpc';
import { CompactedReader, ensureTopics, KafkaConnection, MessageProducer } from '@millrace/kafka';
import { OnlineFeatureStore, RedisConnection } from '@millrace/redis';
import { Readiness, Shutdown } from '@millrace/service';
import { counter, gauge, histogram, logger } from '@millrace/telemetry';
import { type DynamicModule, Module, type OnApplicationBootstrap, type Provider } from '@nestjs/common';
import { ControlController } from './api/control.http.js';
import { ingestBinding } from './api/ingest.grpc.js';
import { RecordsController } from './api/records.http.js';
import { announceEnds, GatedStrategy, patiently } from './boot.kafka.js';
import { INGEST_CONFIG, type IngestConfig } from './config.js';
import { CounterStore } from './datasets/counter-store.fs.js';
import { DatasetIndex } from './datasets/dataset-index.js';
import { ImportStream } from './datasets/import-stream.js';
import { LiveStream } from './datasets/live-stream.js';
import { IMPORT_TRANSPORT, LIVE_TRANSPORT, StreamsController } from './datasets/streams.kafka.js';
import { VersionCloser } from './datasets/version-closer.js';
import { VersionHistory } from './datasets/version-history.js';
import { DuckDbVersionTables } from './datasets/version-table.duckdb.js';
import { KafkaVersionLog, versionEntry } from './datasets/versions.kafka.js';
import { DeadLetterList } from './deadletters/dead-letter-list.js';
import { DeadLetterSender, deadLetterEntry } from './deadletters/dead-letters.kafka.js';
import { CsvSource } from './imports/csv-source.fs.js';
import { readExtraRows, resolveSourcePath, UnfinishedImports } from './imports/import-files.fs.js';
import { ImportRunner } from './imports/import-runner.js';
import { ParquetSource } from './imports/parquet-source.duckdb.js';
import { OnlineFeatureReader } from './online/online-features.kafka.js';
import { ONLINE_TOPIC, OnlineProjection } from './online/online-projection.js';
import { ProjectRegistry } from './projects/project-registry.js';
import { ProjectPublisher, projectEntry } from './projects/projects.kafka.js';
import { RecordPublisher } from './records/record-publisher.kafka.js';
import { Redrive } from './redrive/redrive.js';
import { Statistics } from './stats/statistics.js';

const LIVE_GROUP = 'ingest-live';
const IMPORT_GROUP = 'ingest-imports';
/** How often versions are looked at besides after every batch. */
const CLOSE_CHECK_MS = 250;
const VERSION_RETRY_MS = 1_000;
const IMPORTS_IN_FLIGHT_MAX = 4;
/** Streams end when their senders end them; unanswered requests are sent again to the next process. */
const GRPC_GRACE_MS = 1_000;
const SETTLE_MS_MAX = 5_000;
const DEAD_LETTER_IDS_MAX = 200_000;
/** One write holds at most a batch of 1,000 records: some milliseconds of Redis; beyond this it counts as away. */
const ONLINE_WRITE_MS = 2_000;

export const STRATEGIES = Symbol('kafka strategies');

const versionsClosed = counter('millrace.ingest.versions_closed');
const versionFailures = counter('millrace.ingest.version_failures');
const versionDuration = histogram('millrace.ingest.version_duration');
const lateRows = counter('millrace.ingest.late');
const openRows = gauge('millrace.ingest.open_rows');
const onlineRecords = counter('millrace.ingest.online_records');
const onlineEntities = gauge('millrace.ingest.online_entities');
const onlineRebuilds = counter('millrace.ingest.online_rebuilds');

class Ingest implements OnApplicationBootstrap {
  private readonly log = logger('ingest');
  private started: Promise<void> = Promise.resolve();
  private grpc: RunningGrpcServer | null = null;
  private timer: NodeJS.Timeout | null = null;
  readonly strategies: readonly GatedStrategy[];

  constructor(
    readonly parts: Awaited<ReturnType<typeof assemble>>,
    private readonly config: IngestConfig,
    readiness: Readiness,
    shutdown: Shutdown,
  ) {
    const { connection, producer, live, reader, closer, counterStore, tables, online } = parts;
    const common = { connection, producer, service: 'ingest' };
    const gate = () => this.started;
    const liveStrategy = new GatedStrategy(
      {
        ...common,
        groupId: LIVE_GROUP,
        concurrency: 8,
        onAssigned: (assignment) =>
          patiently('positions', () => announceEnds(connection, LIVE_GROUP, assignment, live)),
      },
      LIVE_TRANSPORT,
      gate,
    );
    const importStrategy = new GatedStrategy(
      { ...common, groupId: IMPORT_GROUP, concurrency: 2, batchMessagesMax: 4, fetchBytesMin: 1 },
      IMPORT_TRANSPORT,
      gate,
    );
    this.strategies = [liveStrategy, importStrategy];
    // Not the consumers: after a crash they wait for the broker to forget the dead member, while records can be taken.
    readiness.register('projects', () => parts.registry.complete);
    readiness.register('kafka', () => connection.ping().then(() => true));
    readiness.register('stream', () => live.wholeStream);
    readiness.register('grpc', () => this.grpc !== null);
    shutdown.onDrain('grpc', () => this.grpc?.close(GRPC_GRACE_MS));
    shutdown.onDrain('versions', async () => {
      if (this.timer !== null) clearInterval(this.timer);
      // What is not closed by then is closed after the restart.
      await Promise.race([closer.settled(), new Promise((resolve) => setTimeout(resolve, SETTLE_MS_MAX))]);
      await counterStore.stop();
    });
    shutdown.onDrain('online features', () => online.close());
    shutdown.onClose('connection', () => connection.close());
    shutdown.onClose('duckdb', () => tables.close());
    shutdown.onClose('producer', () => producer.close());
    shutdown.onClose('reader', () => reader.close());
  }

  onApplicationBootstrap(): void {
    this.started = this.start();
    // Told again by the strategies that wait for it.
    this.started.catch(() => undefined);
  }

  /** After the consumers have started. */
  async resume(): Promise<void> {
    const resumed = await this.parts.imports.resume();
    if (resumed > 0) this.log.info('unfinished imports start again', { imports: resumed });
  }

  private async start(): Promise<void> {
    const { connection, reader, registry, publisher, datasetIndex, live, counterStore, producer } = this.parts;
    await patiently('topics', () => ensureTopics(connection));
    await patiently('state', () => reader.caughtUp());
    await producer.connect();
    registry.complete = true;
    counterStore.start();
    this.parts.online.start();
    this.timer = setInterval(() => {
      live.closeDue();
      for (const { name } of registry.list()) openRows.set(live.state(name).openRows, { project: name });
    }, CLOSE_CHECK_MS);
    this.timer.unref();
    this.grpc = await startGrpcServer({
      port: this.config.grpcPort,
      services: [ingestBinding(registry, publisher, datasetIndex, this.config)],
    });
    this.grpc.health.setServing(true);
    this.log.info('gRPC listens', { port: this.grpc.port });
  }
}

/** Everything but Nest: edges into ports, in the order of need. */
async function assemble(config: IngestConfig) {
  const clock = systemClock;
  const log = logger('versions');
  const store = new ArtifactStore(join(config.home, 'artifacts'));
  const connection = new KafkaConnection({
    brokers: config.kafkaBrokers,
    clientId: `ingest-${config.replica}`,
    topicPrefix: config.topicPrefix,
  });
  const producer = new MessageProducer(connection);
  const registry = new ProjectRegistry(sha256);
  const datasetIndex = new DatasetIndex();
  const letters = new DeadLetterList({
    entriesMax: config.deadLettersMax,
    payloadBytesMax: config.deadLetterBytesMax,
    idsMax: DEAD_LETTER_IDS_MAX,
  });
  const reader = new CompactedReader(connection, {
    name: `ingest-${config.replica}`,
    topics: {
      'projects.v1': projectEntry(registry),
      'datasets.v1': versionEntry(datasetIndex),
      'deadletter.v1': deadLetterEntry(letters),
    },
  });
  const duckdb = {
    scratch: join(config.home, 'ingest', 'scratch'),
    memoryMax: config.duckdbMemory,
    threads: config.duckdbThreads,
  };
  const tables = await DuckDbVersionTables.open(duckdb, store);
  const counterStore = await CounterStore.open(store);
  const history = new VersionHistory(datasetIndex, tables, config.historyVersionsMax);
  const versionLog = new KafkaVersionLog(producer, store);
  const closer = new VersionCloser(tables, versionLog, datasetIndex, history, clock);
  const live = new LiveStream(
    registry,
    datasetIndex,
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
    {
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
    },
  );
  const importStream = new ImportStream(
    registry,
    tables,
    closer,
    { openMax: config.importsMax, abandonAfterMs: config.importAbandonAfter },
    clock,
  );
  const online = onlineFeatures(config, connection, producer, registry);
  const deadLetters = new DeadLetterSender(producer, clock, sha256);
  const publisher = new RecordPublisher(producer, deadLetters, clock);
  const unfinished = new UnfinishedImports(join(config.home, 'ingest', 'imports'));
  const imports = new ImportRunner(
    registry,
    {
      openSource: async (schema, source) => {
        const path = resolveSourcePath(source.path);
        return source.kind === 'csv'
          ? new CsvSource(path, schema, source.recordId)
          : ParquetSource.open(path, schema, source.recordId, duckdb);
      },
      readExtras: readExtraRows,
      begin: (stored) => unfinished.begin(stored),
      finish: (importId) => unfinished.finish(importId),
      unfinished: () => unfinished.unfinished(),
      batch: (batch) =>
        producer.send('batches.v1', [{ key: `${batch.project}/${batch.source}`, value: encodeRecordBatch(batch) }]),
      deadLetters: (bad) => deadLetters.sendLetters(bad),
      end: async (importId) => {
        const end = await importStream.end(importId);
        if (end.kind === 'closed') versionsClosed.add(1, { project: end.version.project, kind: 'import' });
        return end;
      },
    },
    {
      rowsMax: config.importBatchRows,
      bytesMax: config.importBatchBytes,
      inFlightMax: IMPORTS_IN_FLIGHT_MAX,
      importsMax: config.importsMax,
    },
    clock,
    sha256,
  );
  const statistics = new Statistics(registry, counterStore.counters, datasetIndex, letters, live);
  const projectPublisher = new ProjectPublisher(registry, producer, clock, sha256);
  const redrive = new Redrive(letters, registry, publisher);
  return {
    connection,
    producer,
    registry,
    datasetIndex,
    letters,
    reader,
    tables,
    counterStore,
    closer,
    live,
    online,
    importStream,
    publisher,
    imports,
    statistics,
    projectPublisher,
    redrive,
  };
}

/** Redis is asked for nothing, not even a connection, until a project wants online features. */
function onlineFeatures(
  config: IngestConfig,
  connection: KafkaConnection,
  producer: MessageProducer,
  registry: ProjectRegistry,
): OnlineFeatureReader {
  let redis: RedisConnection | undefined;
  const store = (): OnlineFeatureStore => {
    redis ??= new RedisConnection({ url: config.redisUrl, commandMs: ONLINE_WRITE_MS });
    return new OnlineFeatureStore(redis);
  };
  const projection = new OnlineProjection(registry, systemClock, {
    store: {
      positions: (...args) => store().positions(...args),
      write: (step) => store().write(step),
      remove: (...args) => store().remove(...args),
    },
    ends: () => connection.highWatermarks(ONLINE_TOPIC),
    seek: (partition, offset) => reader.seek(partition, offset),
    written: (project, records, entities) => {
      onlineRecords.add(records, { project });
      onlineEntities.set(entities, { project });
    },
    rebuilding: (project, partition, from) => {
      onlineRebuilds.add(1, { project });
      logger('online-features').info('online features are built from the topic', { project, partition, from });
    },
  });
  const reader = new OnlineFeatureReader(connection, producer, projection, () => redis?.close());
  return reader;
}

type Parts = Awaited<ReturnType<typeof assemble>>;

function part<T>(token: abstract new (...args: never[]) => T, pick: (parts: Parts) => T): Provider {
  return { provide: token, useFactory: (ingest: Ingest) => pick(ingest.parts), inject: [Ingest] };
}

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest modules are classes.
export class AppModule {
  static with(config: IngestConfig): DynamicModule {
    const ingest: Provider = {
      provide: Ingest,
      useFactory: async (readiness: Readiness, shutdown: Shutdown) => {
        const built = new Ingest(await assemble(config), config, readiness, shutdown);
        return built;
      },
      inject: [Readiness, Shutdown],
    };
    return {
      module: AppModule,
      controllers: [RecordsController, ControlController, StreamsController],
      providers: [
        ingest,
        { provide: INGEST_CONFIG, useValue: config },
        { provide: STRATEGIES, useFactory: (built: Ingest) => built.strategies, inject: [Ingest] },
        { provide: RESUME, useFactory: (built: Ingest) => () => built.resume(), inject: [Ingest] },
        part(ProjectRegistry, (parts) => parts.registry),
        part(RecordPublisher, (parts) => parts.publisher),
        part(ProjectPublisher, (parts) => parts.projectPublisher),
        part(ImportRunner, (parts) => parts.imports),
        part(DatasetIndex, (parts) => parts.datasetIndex),
        part(LiveStream, (parts) => parts.live),
        part(ImportStream, (parts) => parts.importStream),
        part(DeadLetterList, (parts) => parts.letters),
        part(Redrive, (parts) => parts.redrive),
        part(Statistics, (parts) => parts.statistics),
      ],
    };
  }
}

/** Starts unfinished imports again, once the consumers run. */
export const RESUME = Symbol('resume');
