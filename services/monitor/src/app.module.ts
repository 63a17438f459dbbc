// Wiring of the monitor: which edge fills which port, a function a subject. Consumers join when the compacted topics
// are read to their end, the saved state is restored and the references of its open windows are loaded; they start at
// the saved positions. At the end the state is saved once more before Kafka is let go.

import { join } from 'node:path';
import { monitorApi } from '@millrace/api';
import { openArtifactStore } from '@millrace/artifacts';
import { MonitorService } from '@millrace/contracts';
import { hostAndPort, monitorSettings } from '@millrace/deployment';
import {
  CompactedReader,
  ensureTopics,
  KafkaConnection,
  KafkaStrategy,
  MessageProducer,
  untilAvailable,
} from '@millrace/kafka';
import { defineService, type ServiceContext, type Tick } from '@millrace/service';
import { counter, gauge, logger } from '@millrace/telemetry';
import type { FastifyInstance } from 'fastify';
import { registerDashboard } from './api/dashboard.http.js';
import { LiveStreams } from './api/live.http.js';
import { MonitorGrpc } from './api/monitor.grpc.js';
import { CLOCK, MonitorHttp, VIEW_SOURCES } from './api/monitor.http.js';
import type { ViewSources } from './api/views.js';
import type { MonitorConfig } from './config.js';
import { Annotations } from './live/annotations.js';
import { LiveTrafficByProject } from './live/live-traffic.js';
import { Loops } from './live/loops.js';
import { Marks } from './live/marks.js';
import { trainerLoops } from './live/trainer-loop.http.js';
import { metadataEntries } from './metadata/metadata.kafka.js';
import { MetadataCache } from './metadata/metadata-cache.js';
import { StoredPackages } from './metadata/packages.fs.js';
import { References } from './metadata/references.js';
import { termsOf } from './quality/task-terms.js';
import { RouterScrape } from './software/router-scrape.http.js';
import { askStarts } from './software/service-starts.http.js';
import { ServiceStarts } from './software/service-starts.js';
import { TrafficHistory } from './software/traffic-history.js';
import { Checkpointer } from './state/checkpoint.js';
import { FolderStateStore } from './state/state-store.fs.js';
import { KafkaPublisher } from './windows/closed-windows.kafka.js';
import { Engine } from './windows/engine.js';
import { Intake } from './windows/intake.js';
import { LabelsConsumer } from './windows/labels.kafka.js';
import { partitionBounds, STREAM_OF_TOPIC } from './windows/partition-bounds.kafka.js';
import type { Stream } from './windows/positions.js';
import { PredictionsConsumer } from './windows/predictions.kafka.js';
import type { ProjectMonitor } from './windows/project-monitor.js';

/** Bodies of the dashboard's API are small. */
const BODY_BYTES_MAX = 65_536;
/** Idle partitions let the watermark pass, checkpoints come due: looked at this often. */
const SETTLE_EVERY_MS = 250;
const BEAT_EVERY_MS = 1_000;
/** A service says when it started, so that a restart need not be seen at once. */
const STARTS_EVERY_MS = 5_000;

const topicsRecreated = counter('millrace.monitor.partitions_recreated');

type Context = ServiceContext<MonitorConfig>;

export const monitor = defineService({
  name: 'monitor',
  settings: monitorSettings,
  build: (context) => {
    const { config, clock } = context;
    const kafka = kafkaEdges(context);
    const metadata = metadataOf(context);
    const windows = windowsOf(context, kafka, metadata);
    const marks = new Marks(clock.nowMs());
    const sources: ViewSources = {
      engine: windows.engine,
      metadata: metadata.metadata,
      traffic: windows.traffic,
      liveTraffic: windows.liveTraffic,
      annotations: new Annotations(),
      loops: new Loops(trainerLoops(config.trainerHost, config.trainerHttpPort)),
      marks,
    };
    const strategy = consumer(context, kafka, metadata, windows, sources);
    const live = new LiveStreams(sources, clock);
    context.shutdown.onClose('live streams', () => live.close());
    const metricsUrl = `http://${hostAndPort(config.routerHost, config.routerMetricsPort)}/metrics`;
    const isWatched = (project: string): boolean => metadata.metadata.project(project) !== undefined;
    const scrape = new RouterScrape(metricsUrl, windows.traffic, clock, isWatched);
    context.shutdown.onClose('scrape', () => scrape.stop());
    return {
      http: {
        port: config.httpPort,
        bodyBytesMax: BODY_BYTES_MAX,
        api: monitorApi,
        prepare: (app) => {
          const instance = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
          registerDashboard(instance);
          live.register(instance);
        },
      },
      grpc: { port: config.grpcPort, services: [MonitorService] },
      controllers: [MonitorHttp, MonitorGrpc, PredictionsConsumer, LabelsConsumer],
      provide: [
        [Intake, windows.intake],
        [VIEW_SOURCES, sources],
        [CLOCK, clock],
      ],
      consumers: [strategy],
      start: () => {
        observe(windows);
        scrape.start(config.scrapeEveryMs);
      },
      ticks: [...ticks(context, strategy, windows, live), restarts(config, marks)],
    };
  },
});

function kafkaEdges({ config, shutdown }: Context) {
  const connection = new KafkaConnection({
    brokers: config.kafkaBrokers,
    clientId: `monitor-${config.replica}`,
    topicPrefix: config.topicPrefix,
  });
  const producer = new MessageProducer(connection);
  shutdown.onClose('connection', () => connection.close());
  shutdown.onClose('producer', () => producer.close());
  return { connection, producer };
}

/** What the compacted topics and the packages say about projects and versions. */
function metadataOf({ config, clock, log }: Context) {
  const metadata = new MetadataCache();
  const packages = new StoredPackages(openArtifactStore(config));
  const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const references = new References(metadata, packages, clock, sleep, (project, version, error) =>
    log.warn('version is counted but not tested: no reference', { project, version }, error),
  );
  return { metadata, references };
}

/** The engine with its state, and what brings predictions and labels to it. */
function windowsOf(
  { config, clock }: Context,
  { connection, producer }: ReturnType<typeof kafkaEdges>,
  { metadata, references }: ReturnType<typeof metadataOf>,
) {
  const traffic = new TrafficHistory();
  const engine = new Engine({
    project: (name) => metadata.project(name),
    metadata,
    traffic,
    idleMs: { predictions: config.predictionIdleMs, labels: config.labelIdleMs },
    joinRowsMax: config.joinRowsMax,
    retainedWindows: config.retainedWindows,
    windowsKept: config.windowsKept,
    terms: termsOf,
  });
  const store = new FolderStateStore(join(config.home, 'monitor', config.replica));
  const checkpointer = new Checkpointer(engine, store, clock, config.checkpointEveryMs);
  const liveTraffic = new LiveTrafficByProject();
  const intake = new Intake(
    engine,
    {
      reference: (project, version) =>
        references.settled(project, version) ? undefined : references.ensure(project, version),
      publisher: new KafkaPublisher(producer, clock),
      ends: () => partitionBounds(connection),
      recreated,
      touched: () => checkpointer.touched(),
      checkpoint: () => checkpointer.write(),
      seen: {
        prediction: ({ project, modelVersion, latencyUs }) => {
          if (metadata.project(project) !== undefined) liveTraffic.of(project).prediction(modelVersion, latencyUs);
        },
        label: ({ project }) => {
          if (metadata.project(project) !== undefined) liveTraffic.of(project).label();
        },
      },
    },
    clock,
  );
  return { engine, store, checkpointer, intake, liveTraffic, traffic };
}

/** The consumer of predictions and labels, and the state that it waits for. */
function consumer(
  { config, clock, log, readiness, shutdown }: Context,
  { connection, producer }: ReturnType<typeof kafkaEdges>,
  { metadata, references }: ReturnType<typeof metadataOf>,
  { engine, store, checkpointer }: ReturnType<typeof windowsOf>,
  { traffic, liveTraffic, annotations, loops, marks }: ViewSources,
): KafkaStrategy {
  const removed = (project: string): void => {
    engine.projectRemoved(project);
    for (const kept of [traffic, liveTraffic, annotations, loops, marks]) kept.forget(project);
    checkpointer.touched();
  };
  const reader = new CompactedReader(connection, {
    name: `monitor-${config.replica}`,
    topics: metadataEntries(
      metadata,
      references,
      (project) => engine.projectChanged(project, clock.nowMs()),
      removed,
      (before, route) => marks.routed(before, route),
    ),
  });
  shutdown.onClose('reader', () => reader.close());
  const restore = async (): Promise<void> => {
    await untilAvailable('topics', () => ensureTopics(connection));
    await untilAvailable('projects and versions', () => reader.caughtUp());
    const saved = await store.load();
    if (saved.kind === 'other_format')
      log.warn('state set aside, everything is counted again', { reason: saved.reason });
    if (saved.kind === 'saved') {
      engine.restore(saved.state, saved.history);
      for (const { project, version } of engine.savedVersions()) await references.ensure(project, version);
    }
    // Not before: an end without the state must not write an empty one over it.
    shutdown.onClose('state', () => checkpointer.write());
    for (const name of metadata.projectNames()) engine.monitor(name, clock.nowMs());
    log.info('state restored', { projects: metadata.projectNames().length, fresh: saved.kind !== 'saved' });
  };
  const strategy = new KafkaStrategy({
    connection,
    // A group of this process alone: it reads every partition, because windows span partitions, and a restart after a
    // crash does not wait for the old member to be given up. Nothing is committed, so the broker forgets the group.
    groupId: `monitor-${config.replica}-${process.pid}-${clock.nowMs()}`,
    service: 'monitor',
    producer,
    startWhen: restore,
    // Positions are those of the checkpoint.
    seekTo: (topic, partition) => engine.positions.next(STREAM_OF_TOPIC[topic] as Stream, partition),
    onAssigned: async () => {
      for (const { stream, partition, start, end } of await partitionBounds(connection)) {
        if (engine.positions.begunAnew(stream, partition, start, end)) recreated(stream, partition);
        engine.positions.startsAt(stream, partition, start);
        engine.positions.reaches(stream, partition, end);
      }
    },
  });
  readiness.register('kafka', () => strategy.isReady());
  readiness.register('metadata', () => reader.isCaughtUp());
  return strategy;
}

/** What of the deleted topic was not read is lost; what is in the new one counts. */
function recreated(stream: Stream, partition: number): void {
  logger('monitor').warn('a topic was deleted and created again: it is read from its beginning', { stream, partition });
  topicsRecreated.add(1, { stream });
}

function observe({ engine, checkpointer }: ReturnType<typeof windowsOf>): void {
  const sum = (of: (monitor: ProjectMonitor) => number) => engine.all().reduce((total, each) => total + of(each), 0);
  gauge('millrace.monitor.lag').observe(() => engine.positions.lag);
  gauge('millrace.monitor.active_alarms').observe(() => sum(({ alarms }) => alarms.active));
  gauge('millrace.monitor.labels_joined').observe(() => sum(({ counters }) => counters.labelsJoined));
  gauge('millrace.monitor.reused_ids').observe(() => sum(({ counters }) => counters.reusedIds));
  gauge('millrace.monitor.checkpoint_duration').observe(() => checkpointer.lastTookMs);
}

function restarts(config: MonitorConfig, marks: Marks): Tick {
  const starts = new ServiceStarts((service, atMs) => marks.restarted(service, atMs));
  const at = (host: string, port: number): string => `http://${hostAndPort(host, port)}`;
  const urls = {
    ingest: at(config.ingestHost, config.ingestHttpPort),
    trainer: at(config.trainerHost, config.trainerHttpPort),
    serving: at(config.servingHost, config.servingHttpPort),
    router: at(config.routerHost, config.routerControlPort),
  };
  return { name: 'starts', everyMs: STARTS_EVERY_MS, work: () => askStarts(urls, starts) };
}

function ticks(
  { clock }: Context,
  strategy: KafkaStrategy,
  { intake, checkpointer, liveTraffic }: ReturnType<typeof windowsOf>,
  live: LiveStreams,
): Tick[] {
  const settle = async (): Promise<void> => {
    if (!strategy.isReady()) return;
    await intake.settle();
    await checkpointer.maybe();
  };
  const beat = (): void => {
    liveTraffic.beat(clock.nowMs());
    live.beat();
  };
  return [
    { name: 'settle', everyMs: SETTLE_EVERY_MS, work: settle },
    { name: 'beat', everyMs: BEAT_EVERY_MS, work: beat },
  ];
}
