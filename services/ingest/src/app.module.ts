// Wiring of ingest: which edge fills which port; the subjects with many parts have a module of their own. Consumers
// join when projects, versions and dead letters are read; unfinished imports go on when the consumers have joined.
// Not before all of that is known does a request for an unknown project get "not found"; until then it is
// "unavailable".

import { ingestApi } from '@millrace/api';
import { openArtifactStore, sha256 } from '@millrace/artifacts';
import { AuditTrail, openAuditTrail } from '@millrace/audit';
import { decodeLabel, decodeRecord } from '@millrace/contracts';
import { ingestSettings, topicTerms } from '@millrace/deployment';
import { Uploads } from '@millrace/files';
import { type RunningHttp2Server, startHttp2Server } from '@millrace/grpc';
import {
  CompactedReader,
  ensureTopics,
  KafkaConnection,
  KafkaStrategy,
  MessageProducer,
  TakingAgain,
  untilAvailable,
} from '@millrace/kafka';
import { defineService, type ServiceContext, within } from '@millrace/service';
import { gauge } from '@millrace/telemetry';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ControlController } from './api/control.http.js';
import { ingestService } from './api/ingest.grpc.js';
import { RecordsController } from './api/records.http.js';
import { RetentionController } from './api/retention.http.js';
import { UploadsController } from './api/uploads.http.js';
import { INGEST_CONFIG, type IngestConfig } from './config.js';
import { DatasetIndex } from './datasets/dataset-index.js';
import { datasets } from './datasets/datasets.module.js';
import { ImportStream } from './datasets/import-stream.js';
import { LiveStream } from './datasets/live-stream.js';
import { OpenSpans } from './datasets/open-spans.js';
import { OwnerCommands } from './datasets/owner-commands.js';
import { progressEntry } from './datasets/progress.kafka.js';
import { ProgressFollower } from './datasets/progress-follower.js';
import { IMPORT_TRANSPORT, LIVE_TRANSPORT, StreamsController } from './datasets/streams.kafka.js';
import { versionEntry } from './datasets/versions.kafka.js';
import { DeadLetterList } from './deadletters/dead-letter-list.js';
import { DeadLetterSender, deadLetterEntry } from './deadletters/dead-letters.kafka.js';
import { ImportRunner } from './imports/import-runner.js';
import { imports } from './imports/imports.module.js';
import { expiredLabels } from './labels/expired-labels.kafka.js';
import { HeapKeeper } from './memory/heap.process.js';
import { onlineFeatures } from './online/online.module.js';
import { ProjectRegistry } from './projects/project-registry.js';
import { ProjectPublisher, projectEntry } from './projects/projects.kafka.js';
import { RecordPublisher } from './records/record-publisher.kafka.js';
import { Redrive, type RedrivePorts } from './redrive/redrive.js';
import { DatasetCollector } from './retention/dataset-collector.js';
import { datasetCollector } from './retention/retention.module.js';
import { UsedDatasets } from './retention/used-datasets.js';
import { usedDatasetEntries } from './retention/used-datasets.kafka.js';
import { Statistics } from './stats/statistics.js';

const LIVE_GROUP = 'ingest-live';
const IMPORT_GROUP = 'ingest-imports';
/** Streams end when their senders end them; what is not answered then is sent again to the next process. */
const GRPC_GRACE_MS = 1_000;
/** The broker takes no less. By then, and a rebalance of a second or two, the partitions of a dead process go on. */
const LIVE_MEMBER_TIMEOUT_MS = 6_000;
/** How often versions are looked at besides after every batch. */
const CLOSE_CHECK_MS = 250;
/** How often uploads are looked at whose time may be over. */
const UPLOADS_CHECK_MS = 60_000;

/** Without a broker it listens all the same, so that its health can be asked. */
const KNOWN_BEFORE_LISTENING_MS = 15_000;
/** How often it is looked at whether memory can go back to the system. */
const MEMORY_CHECK_MS = 5_000;
/** How often gauges are set, and a stop of reading is told again. */
const GAUGES_MS = 5_000;

const openRows = gauge('millrace.ingest.open_rows');
const unlabelledRows = gauge('millrace.ingest.unlabelled_rows');
const lateLabels = gauge('millrace.ingest.late_labels');
const waitingLabels = gauge('millrace.ingest.waiting_labels');
const holds = gauge('millrace.ingest.holds');
const segmentBytes = gauge('millrace.ingest.segment_bytes');
const readingStopped = gauge('millrace.ingest.reading_stopped');

type Context = ServiceContext<IngestConfig>;

export const ingest = defineService({
  name: 'ingest',
  settings: ingestSettings,
  build: async (context) => {
    const { config, clock, log, readiness, shutdown } = context;
    const { connection, producer, audit } = kafkaEdges(context);
    const known = knownState(context, connection);
    const { registry, datasetIndex, letters, spans } = known;
    const store = openArtifactStore(config);
    const deadLetters = new DeadLetterSender(producer, clock, sha256);
    const takingAgain = new TakingAgain({
      group: () => streams.live,
      topic: 'progress.v1',
      isEnding: () => shutdown.begun,
    });
    const collector = datasetCollector(store, {
      ...{ index: datasetIndex, used: known.used, clock, upToNow: known.upToNow },
    });
    const { live, commands, importStream, writers, bounds } = await datasets(
      context,
      store,
      connection,
      producer,
      {
        registry,
        index: datasetIndex,
        spans,
        follower: known.follower,
        collector,
        expired: expiredLabels(deadLetters),
      },
      (partition, error) => takingAgain.begin(partition, error),
    );
    const online = onlineFeatures(context, connection, producer, registry);
    const publisher = new RecordPublisher(producer, deadLetters, clock);
    const { importRunner, uploads } = imports(context, producer, registry, known, deadLetters);
    const statistics = new Statistics(registry, datasetIndex, letters, live);
    const streams = consumers(connection, producer, () => restored(), {
      assigned: async (numbers) => {
        live.letGo(writers.held(numbers));
        await writers.hold(numbers);
        // What a predecessor wrote before it was fenced is known now.
        await known.upToNow();
        const ranges = await bounds.ranges(LIVE_GROUP);
        commands.hold(numbers);
        await live.hold(numbers, ranges);
      },
      position: (topic, partition) => live.position(topic, partition) ?? undefined,
    });
    const heap = new HeapKeeper(clock);
    let grpc: RunningHttp2Server | undefined;
    shutdown.onDrain('grpc', async () => {
      grpc?.health.setServing(false);
      await grpc?.close(GRPC_GRACE_MS);
    });
    shutdown.onDrain('positions', async () => commitPositions(streams.live, live, commands));
    let restoring: Promise<void> | undefined;
    const restored = (): Promise<void> => {
      restoring ??= known.read().then(async () => {
        await producer.connect();
        registry.complete = true;
        online.start();
      });
      return restoring;
    };
    // Not the consumers: after a crash they wait for the broker to forget the dead member, while records can be
    // taken.
    readiness.register('projects', () => registry.complete);
    readiness.register('kafka', () => connection.ping().then(() => true));
    return {
      http: {
        port: config.httpPort,
        bodyBytesMax: config.requestBytesMax,
        api: ingestApi,
        streams: true,
        prepare: bodiesAsTexts(config),
      },
      controllers: [RecordsController, ControlController, RetentionController, UploadsController, StreamsController],
      provide: [
        [INGEST_CONFIG, config],
        [ProjectRegistry, registry],
        [AuditTrail, audit],
        [ProjectPublisher, new ProjectPublisher(registry, producer, clock, sha256, known.upToNow)],
        [RecordPublisher, publisher],
        [ImportRunner, importRunner],
        [Uploads, uploads],
        [DatasetIndex, datasetIndex],
        [LiveStream, live],
        [DatasetCollector, collector],
        [OwnerCommands, commands],
        [ImportStream, importStream],
        [DeadLetterList, letters],
        [Redrive, new Redrive(letters, registry, redrivePorts(publisher, deadLetters, letters), clock)],
        [Statistics, statistics],
      ],
      consumers: [streams.live, streams.imports],
      holds: () => streams.live.partitions(),
      start: async () => {
        // Records that come to whoever listens are not refused for a start that is under way.
        await within(KNOWN_BEFORE_LISTENING_MS, restored());
        const service = ingestService({ registry, publisher, datasetIndex, limits: config });
        grpc = await startHttp2Server({ port: config.grpcPort, clock, services: [service] });
        grpc.health.setServing(false);
      },
      ticks: [
        {
          name: 'close versions',
          everyMs: CLOSE_CHECK_MS,
          work: async () => {
            if (!registry.complete || shutdown.begun) return;
            live.closeDue();
            await live.flushDue(clock.nowMs());
            commitPositions(streams.live, live, commands);
          },
        },
        {
          name: 'tell of open rows',
          everyMs: GAUGES_MS,
          work: () => {
            for (const { name } of registry.list()) {
              const { openRows: rows, lateLabels: labels } = live.state(name);
              openRows.set(rows, { project: name });
              lateLabels.set(labels, { project: name });
              holds.set(live.holds(name).filter(({ removedAtMs }) => removedAtMs === 0).length, { project: name });
              for (const [age, count] of Object.entries(statistics.unlabelledRows(name)))
                unlabelledRows.set(count, { project: name, age });
              for (const [age, count] of Object.entries(statistics.waitingLabels(name)))
                waitingLabels.set(count, { project: name, age });
            }
            segmentBytes.set(live.bytesOnDisk);
            const { blocked } = live;
            readingStopped.set(blocked === null ? 0 : 1);
            if (blocked !== null) log.error('reading has stopped, nothing is lost', { why: blocked.message });
          },
        },
        {
          name: 'give memory back',
          everyMs: MEMORY_CHECK_MS,
          work: () => {
            const given = heap.tick();
            if (given !== null) log.info('memory was given back', given);
          },
        },
        {
          name: 'expire uploads',
          everyMs: UPLOADS_CHECK_MS,
          work: async () => {
            for (const name of await uploads.expire()) log.info('an upload that made no version has left', { name });
          },
        },
      ],
      opened: async () => {
        grpc?.health.setServing(true);
        await uploads.restore();
        const resumed = await importRunner.resume();
        if (resumed > 0) log.info('unfinished imports start again', { imports: resumed });
      },
    };
  },
});

/** With a broker it takes some milliseconds. */
const AUDIT_CLOSE_MS = 1_000;

function kafkaEdges({ config, clock, log, shutdown }: Context) {
  const connection = new KafkaConnection({
    brokers: config.kafkaBrokers,
    clientId: `ingest-${config.replica}`,
    topicPrefix: config.topicPrefix,
    topics: topicTerms(config),
  });
  const producer = new MessageProducer(connection);
  shutdown.onClose('connection', () => connection.close());
  shutdown.onClose('producer', () => producer.close());
  const audit = openAuditTrail({ service: 'ingest', replica: config.replica, clock, log, producer });
  shutdown.onClose('audit', () => audit.close(AUDIT_CLOSE_MS));
  return { connection, producer, audit };
}

/** What the compacted topics and the dead letters say. */
function knownState({ config, clock, shutdown }: Context, connection: KafkaConnection) {
  const registry = new ProjectRegistry(sha256);
  const datasetIndex = new DatasetIndex((project) => registry.createdAtMs(project));
  const spans = new OpenSpans();
  const follower = new ProgressFollower(spans);
  const letters = new DeadLetterList({
    entriesMax: config.deadLettersMax,
    payloadBytesMax: config.deadLetterBytesMax,
  });
  const inForce = (project: string) => spans.holdsOf(project).filter(({ removedAtMs }) => removedAtMs === 0);
  const used = new UsedDatasets(inForce, clock);
  const reader = new CompactedReader(connection, {
    name: `ingest-${config.replica}`,
    topics: {
      'projects.v1': projectEntry(registry),
      'datasets.v1': versionEntry(datasetIndex),
      'progress.v1': progressEntry(follower),
      'deadletter.v1': deadLetterEntry(letters),
      ...usedDatasetEntries(used),
    },
  });
  shutdown.onClose('reader', () => reader.close());
  const read = async (): Promise<void> => {
    await untilAvailable('topics', () => ensureTopics(connection));
    await untilAvailable('state', () => reader.caughtUp());
  };
  return { registry, datasetIndex, letters, spans, follower, used, read, upToNow: () => reader.upToNow() };
}

function redrivePorts(publisher: RecordPublisher, sender: DeadLetterSender, letters: DeadLetterList): RedrivePorts {
  return {
    records: (...given) => publisher.records(...given),
    labels: (...given) => publisher.labels(...given),
    decodeRecord,
    decodeLabel,
    mark: async (letter) => {
      await sender.sendLetters([letter]);
      // The reader brings it as well; who asks right after sees it.
      letters.add(letter);
    },
  };
}

/** Bodies are read as texts: what is no JSON must reach the dead letters as it came. */
function bodiesAsTexts(config: IngestConfig): (app: NestFastifyApplication) => void {
  return (app) => {
    app.useBodyParser('application/json', { bodyLimit: config.requestBytesMax }, (_request, body, done) =>
      done(null, body.toString()),
    );
  };
}

interface LiveAssignment {
  assigned(numbers: readonly number[]): Promise<void>;
  position(topic: string, partition: number): number | undefined;
}

function consumers(
  connection: KafkaConnection,
  producer: MessageProducer,
  startWhen: () => Promise<void>,
  { assigned, position }: LiveAssignment,
): { live: KafkaStrategy; imports: KafkaStrategy } {
  const common = { connection, producer, service: 'ingest', startWhen };
  const live: KafkaStrategy = new KafkaStrategy({
    ...common,
    groupId: LIVE_GROUP,
    transportId: LIVE_TRANSPORT,
    concurrency: 8,
    sharing: 'by number',
    memberTimeoutMs: LIVE_MEMBER_TIMEOUT_MS,
    onAssigned: () => untilAvailable('partitions', () => assigned(live.numbers())),
    seekTo: position,
  });
  return {
    live,
    imports: new KafkaStrategy({
      ...common,
      groupId: IMPORT_GROUP,
      transportId: IMPORT_TRANSPORT,
      concurrency: 2,
      batchMessagesMax: 4,
      fetchBytesMin: 1,
    }),
  };
}

/** Rows that were written since their batch ended let the committed position follow, also where no more come. */
function commitPositions(strategy: KafkaStrategy, live: LiveStream, commands: OwnerCommands): void {
  for (const [topic, partitions] of Object.entries(strategy.partitions())) {
    for (const partition of partitions) {
      const position = topic === 'commands.v1' ? commands.position(partition) : live.durable(topic, partition);
      if (position !== null) strategy.setPosition(topic, partition, position);
    }
  }
}
