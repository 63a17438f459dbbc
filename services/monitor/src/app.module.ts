// Wiring of the monitor: which edge fills which port, a function a subject. Consumers join when the compacted topics
// are read to their end. What the group gives this process is fenced off, restored from its checkpoints with the
// references of its open windows, and read from the positions in them. At the end the state is saved once more
// before the group is left.

import { monitorApi, routerApi, trainerApi } from '@millrace/api';
import { openArtifactStore } from '@millrace/artifacts';
import { MonitorService } from '@millrace/contracts';
import { hostAndPort, monitorSettings, replicaPlaces, topicTerms } from '@millrace/deployment';
import { PlatformError } from '@millrace/domain';
import {
  CompactedReader,
  ensureTopics,
  KafkaConnection,
  KafkaStrategy,
  MessageProducer,
  partitionOfKey,
  TakingAgain,
  untilAvailable,
} from '@millrace/kafka';
import { defineService, type ServiceContext, type Tick } from '@millrace/service';
import { counter, gauge, logger } from '@millrace/telemetry';
import type { FastifyInstance } from 'fastify';
import { ARCHIVE_SOURCES, ArchiveHttp } from './api/archive.http.js';
import type { ArchiveSources } from './api/archive-views.js';
import { AUDIT_IS_READ, AuditHttp } from './api/audit.http.js';
import { registerDashboard } from './api/dashboard.http.js';
import { LiveStreams } from './api/live.http.js';
import { MonitorGrpc } from './api/monitor.grpc.js';
import { CLOCK, MonitorHttp, VIEW_SOURCES } from './api/monitor.http.js';
import { ROUTERS, SteeringHttp, TRAINERS } from './api/steering.http.js';
import type { ViewSources } from './api/views.js';
import { SENDS_WEBHOOKS, WebhooksHttp } from './api/webhooks.http.js';
import { archiveOfProcess, lateLabels } from './archive/archive.module.js';
import { holdEntries } from './archive/archive-holds.kafka.js';
import { auditOf } from './audit/audit.kafka.js';
import { AuditBook } from './audit/audit-book.js';
import type { MonitorConfig } from './config.js';
import { GoodGauge } from './goodness/good-gauge.js';
import { Annotations } from './live/annotations.js';
import { LastTold } from './live/last-told.js';
import { LiveTrafficByProject } from './live/live-traffic.js';
import { Loops } from './live/loops.js';
import { Marks } from './live/marks.js';
import { Replicas } from './live/replicas.http.js';
import { metadataEntries } from './metadata/metadata.kafka.js';
import { MetadataCache } from './metadata/metadata-cache.js';
import { StoredPackages } from './metadata/packages.fs.js';
import { References } from './metadata/references.js';
import { termsOf } from './quality/task-terms.js';
import { RouterScrape } from './software/router-scrape.http.js';
import { askStarts } from './software/service-starts.http.js';
import { ServiceStarts, WATCHED, type Watched } from './software/service-starts.js';
import { TrafficHistory } from './software/traffic-history.js';
import { Checkpointer } from './state/checkpoint.js';
import { StoredCheckpoints } from './state/checkpoints.fs.js';

import { WebhookDesk } from './webhooks/desk.http.js';
import { WebhookConsumer } from './webhooks/webhooks.kafka.js';
import { webhooks } from './webhooks/webhooks.module.js';
import { JudgementMessages } from './windows/closed-windows.kafka.js';
import { Engine } from './windows/engine.js';
import { Intake } from './windows/intake.js';
import { LabelsConsumer } from './windows/labels.kafka.js';
import { partitionBounds, STREAM_OF_TOPIC } from './windows/partition-bounds.kafka.js';
import type { PartitionPart } from './windows/partition-part.js';
import type { Stream } from './windows/positions.js';
import { PredictionsConsumer, WINDOWS_TRANSPORT } from './windows/predictions.kafka.js';
import { BoardWriters, boardReader } from './windows/profiles.kafka.js';
import { Reports } from './windows/reports.js';
import { Sharing } from './windows/sharing.js';

/** Bodies of the dashboard's API are small. */
const BODY_BYTES_MAX = 65_536;
/** Idle partitions let the watermark pass, checkpoints come due: looked at this often. */
const SETTLE_EVERY_MS = 250;
const BEAT_EVERY_MS = 1_000;
/** A service says when it started, so that a restart need not be seen at once. */
const STARTS_EVERY_MS = 5_000;

/** A scrape is seldom more frequent. */
const GOOD_EVERY_MS = 5_000;

/** The least that Kafka takes by default: a lost process's numbers are taken over within 8 s. */
const MEMBER_TIMEOUT_MS = 6_000;

/**
 * Decoded messages of four partitions live at a time: with 1,000 of each the collector copied them, which took a
 * quarter of what decoding and counting take (3.7 and 2.9 µs of CPU a prediction; with 100 it is 2.8).
 */
const BATCH_MESSAGES_MAX = 250;

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
    const trainers = new Replicas(trainerApi, placesOf(config, 'trainer').map(urlAt));
    const routersToAsk = new Replicas(routerApi, placesOf(config, 'router').map(urlAt));
    const sources: ViewSources = {
      engine: windows.engine,
      metadata: metadata.metadata,
      traffic: windows.traffic,
      liveTraffic: windows.liveTraffic,
      annotations: new Annotations(),
      loops: new Loops((project) => trainers.ask((trainer) => trainer.loop({ path: { project } }))),
      analyses: new LastTold((project) => analysisOf(routersToAsk, project)),
      marks,
    };
    const archiveSources: ArchiveSources = {
      ...windows.archive,
      monitor: (project) => windows.engine.monitor(project, clock.nowMs()),
    };
    const notices = webhooks(context, kafka.connection, () => windows.group.entriesKnown());
    const strategy = consumer(context, kafka, metadata, windows, sources, notices.desk);
    const audit = auditOf(kafka.connection, config.replica);
    context.shutdown.onClose('audit', () => audit.close());
    const live = new LiveStreams(sources, clock);
    context.shutdown.onClose('live streams', () => live.close());
    const routers = replicaPlaces(config.routerHost, 'router', config.replicas, { port: config.routerMetricsPort });
    const metricsUrls = routers.map(({ host, port }) => `http://${hostAndPort(host, port)}/metrics`);
    const isWatched = (project: string): boolean => metadata.metadata.project(project) !== undefined;
    const scrape = new RouterScrape(metricsUrls, windows.traffic, clock, isWatched);
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
      controllers: [
        ...[MonitorHttp, SteeringHttp, AuditHttp, ArchiveHttp, WebhooksHttp, MonitorGrpc],
        ...[PredictionsConsumer, LabelsConsumer, WebhookConsumer],
      ],
      provide: [
        [Intake, windows.intake],
        [VIEW_SOURCES, sources],
        [ARCHIVE_SOURCES, archiveSources],
        [CLOCK, clock],
        [AuditBook, audit.book],
        [AUDIT_IS_READ, audit.isRead],
        [ROUTERS, routersToAsk],
        [TRAINERS, trainers],
        [WebhookDesk, notices.desk],
        [SENDS_WEBHOOKS, notices.isHolder],
      ],
      consumers: [strategy, notices.consumer],
      holds: () => strategy.partitions(),
      start: () => {
        observe(windows);
        audit.follow();
        scrape.start(config.scrapeEveryMs);
      },
      ticks: [
        ...ticks(context, strategy, windows, live),
        restarts(config, marks),
        goodVersions(context, sources),
        notices.tick,
        ...windows.archiveTicks,
      ],
    };
  },
});

function kafkaEdges({ config, shutdown }: Context) {
  const connection = new KafkaConnection({
    brokers: config.kafkaBrokers,
    clientId: `monitor-${config.replica}`,
    topicPrefix: config.topicPrefix,
    topics: topicTerms(config),
  });
  const producer = new MessageProducer(connection);
  shutdown.onClose('connection', () => connection.close());
  shutdown.onClose('producer', () => producer.close());
  return { connection, producer };
}

/** What the compacted topics and the packages say about projects and versions. */
function metadataOf({ config, clock, log }: Context) {
  const metadata = new MetadataCache();
  const store = openArtifactStore(config);
  const packages = new StoredPackages(store);
  const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const references = new References(metadata, packages, clock, sleep, (project, version, error) =>
    log.warn('version is counted but not tested: no reference', { project, version }, error),
  );
  return { metadata, references, store };
}

/** The engine with its state, what brings predictions and labels to it, and what it shares with other processes. */
function windowsOf(
  context: Context,
  { connection }: ReturnType<typeof kafkaEdges>,
  { metadata, references, store }: ReturnType<typeof metadataOf>,
) {
  const { config, clock, shutdown } = context;
  const traffic = new TrafficHistory();
  const idleMs = { predictions: config.predictionIdleMs, labels: config.labelIdleMs };
  const numberOf = (project: string) => partitionOfKey(project, config.kafkaPartitions);
  const engine = new Engine({
    project: (name) => metadata.project(name),
    metadata,
    traffic,
    idleMs,
    joinRowsMax: config.joinRowsMax / config.kafkaPartitions,
    retainedWindows: config.retainedWindows,
    windowsKept: config.windowsKept,
    terms: termsOf,
    judges: (project) => reports.isHeld(numberOf(project)),
  });
  const reports: Reports = new Reports(engine, engine.board, idleMs, numberOf);
  const writers = new BoardWriters(connection, new JudgementMessages(clock), (partition, error) =>
    group.takeAgain(partition, error),
  );
  shutdown.onClose('board writers', () => writers.close());
  const group: Group = {
    installation: '',
    holds: () => false,
    isReady: () => false,
    entriesKnown: () => Promise.resolve(),
    takeAgain: () => undefined,
  };
  const isJudge = (project: string) => reports.isHeld(numberOf(project));
  const archiving = archiveOfProcess(context, store, metadata, () => engine.positions, {
    isHeld: (partition) => reports.isHeld(partition),
    judges: isJudge,
    isReady: () => group.isReady(),
    holdsKnown: () => group.entriesKnown(),
    installation: () => group.installation,
  });
  const { archive } = archiving;
  const publish: BoardWriters['publish'] = (number, news) =>
    writers.publish(number, news).catch((error: unknown) => fenced(error, group.holds(number)));
  const checkpoints = new StoredCheckpoints(store, config.replica, clock, () => group.installation);
  const checkpointer = new Checkpointer(
    engine,
    reports,
    {
      write: (number, text) => checkpoints.write(number, text),
      writePiece: (number, text) => checkpoints.writePiece(number, text),
      remove: (checkpoint) => checkpoints.remove(checkpoint),
      sweep: (number, told) => checkpoints.sweep(number, told),
      tell: (number, entry) => publish(number, { entries: [entry], judgements: [] }),
      tellJudged: () => intake.settle(),
      archived: (number) => archive.state(number),
    },
    clock,
    config.checkpointEveryMs,
  );
  const board = boardReader(connection, `monitor-board-${config.replica}`, engine, () => clock.nowMs());
  shutdown.onClose('board', () => board.close());
  const sharing = new Sharing(
    engine,
    reports,
    {
      settled: () => writers.settled(),
      fence: (numbers) => writers.fence(numbers),
      readBoard: () => board.upToNow(),
      load: (checkpoint) => checkpoints.load(checkpoint),
      reference: (project, version) => references.ensure(project, version),
      archive,
    },
    clock,
  );
  const liveTraffic = new LiveTrafficByProject();
  const intake: Intake = new Intake(
    engine,
    reports,
    {
      reference: (project, version) =>
        references.settled(project, version) ? undefined : references.ensure(project, version),
      publish,
      ends: () => partitionBounds(connection),
      recreated,
      touched: () => checkpointer.touched(),
      judged: () => checkpointer.judged(),
      archive,
      seen: {
        prediction: (message) => {
          const { project } = message;
          if (metadata.project(project) !== undefined) liveTraffic.of(project).prediction(message);
        },
        label: ({ project }) => {
          if (metadata.project(project) !== undefined) liveTraffic.of(project).label();
        },
      },
    },
    clock,
  );
  const archiveTicks = [...archiving.ticks, lateLabels(engine, archiving, group, context)];
  return {
    ...{ engine, reports, board, sharing, group, checkpointer, intake, liveTraffic, traffic },
    ...{ archive: archiving, archiveTicks },
  };
}

/** What the consumer's group says. */
interface Group {
  /** What tells this installation from others that have the same store; known when the group is joined. */
  installation: string;
  /** It is no member at work, or the number is another's: what it holds is just being decided. */
  holds(number: number): boolean;
  /** This process is a member, and knows all projects. */
  isReady(): boolean;
  /** Resolves when what is told of projects, versions and holds before this call is known. */
  entriesKnown(): Promise<void>;
  /** The number is taken over again, as after a rebalance: what is known of it may be old. */
  takeAgain(number: number, error: PlatformError): void;
}

/**
 * Another process has taken a number over, or the broker has given up a transaction that did not end in time, which it
 * says in the same words. While the group shares the numbers anew that is as it should be, and what was not told is
 * told by the other one. Where the group has said nothing this process did not move for so long that it was taken for
 * dead, and everything that it holds is out of date: it ends, and its supervisor starts it again.
 */
function fenced(error: unknown, isHolder: boolean): never {
  if (!(error instanceof PlatformError) || error.code !== 'conflict') throw error;
  if (!isHolder) throw new PlatformError('unavailable', 'the numbers are being shared anew', { cause: error });
  logger('monitor').error(
    'another monitor has taken over, or a transaction took too long: this one ends, to begin anew',
    {},
    error,
  );
  // Lets the log line out.
  setTimeout(() => process.exit(1), 50);
  throw error;
}

/** The consumer of predictions and labels, and the state that it waits for. */
function consumer(
  { config, clock, log, readiness, shutdown }: Context,
  { connection, producer }: ReturnType<typeof kafkaEdges>,
  { metadata, references }: ReturnType<typeof metadataOf>,
  { engine, reports, board, sharing, group, checkpointer, archive }: ReturnType<typeof windowsOf>,
  { traffic, liveTraffic, annotations, loops, analyses, marks }: ViewSources,
  desk: WebhookDesk,
): KafkaStrategy {
  const removed = (project: string): void => {
    engine.projectRemoved(project);
    reports.projectRemoved(project);
    for (const kept of [traffic, liveTraffic, annotations, loops, analyses, marks, desk]) kept.forget(project);
    archive.removed(project);
    checkpointer.touched();
  };
  const reader = new CompactedReader(connection, {
    name: `monitor-${config.replica}`,
    topics: {
      ...metadataEntries(
        metadata,
        references,
        (project, appliedAtMs) => {
          desk.declare(project, appliedAtMs);
          archive.applied(project.name);
          engine.projectChanged(project, clock.nowMs());
        },
        removed,
        (before, route) => marks.routed(before, route),
      ),
      ...holdEntries((hold) => archive.hold(hold)),
    },
  });
  shutdown.onClose('reader', () => reader.close());
  const restore = async (): Promise<void> => {
    await untilAvailable('topics', () => ensureTopics(connection));
    group.installation = await untilAvailable('the id of projects.v1', () => connection.topicId('projects.v1'));
    await untilAvailable('projects and versions', () => reader.caughtUp());
    await untilAvailable('what other monitors say', () => board.caughtUp());
    for (const name of metadata.projectNames()) engine.monitor(name, clock.nowMs());
    log.info('board read', { projects: metadata.projectNames().length });
  };
  shutdown.onDrain('archive', () => archive.archive.flush());
  shutdown.onDrain('state', () => checkpointer.write());
  const takingAgain = new TakingAgain({
    group: () => strategy,
    topic: 'profiles.v1',
    isEnding: () => shutdown.begun,
  });
  const strategy: KafkaStrategy = new KafkaStrategy({
    connection,
    groupId: 'monitor',
    transportId: WINDOWS_TRANSPORT,
    sharing: 'by number',
    memberTimeoutMs: MEMBER_TIMEOUT_MS,
    batchMessagesMax: BATCH_MESSAGES_MAX,
    service: 'monitor',
    producer,
    startWhen: restore,
    // Positions are those of the checkpoint.
    seekTo: (topic, partition) => {
      const stream = STREAM_OF_TOPIC[topic] as Stream;
      const next = engine.positions.next(stream, partition);
      // What is counted and not archived is read again.
      return Math.min(next, archive.archive.next(stream, partition) ?? next);
    },
    onAssigned: async (assignment) => {
      await untilAvailable('partition numbers', async () => {
        const numbers = [...new Set(Object.values(assignment).flat())];
        await sharing.assigned(numbers, config.kafkaPartitions);
        log.info('holds partition numbers', { numbers: numbers.join(' ') });
        for (const { stream, partition, start, end } of await partitionBounds(connection)) {
          if (engine.positions.begunAnew(stream, partition, start, end)) {
            archive.archive.begunAnew(stream, partition, start);
            recreated(stream, partition);
          }
          engine.positions.startsAt(stream, partition, start);
          archive.startsAt(stream, partition, start);
          engine.positions.reaches(stream, partition, end);
        }
      });
      takingAgain.assigned();
      archive.assigned();
    },
  });
  group.isReady = () => strategy.isReady();
  group.entriesKnown = () => reader.upToNow();
  group.takeAgain = (number, error) => takingAgain.begin(number, error);
  group.holds = (number) => strategy.isReady() && !takingAgain.isUnderWay && strategy.numbers().includes(number);
  readiness.register('kafka', () => strategy.isInGroup());
  readiness.register('metadata', () => reader.isCaughtUp());
  return strategy;
}

/** What of the deleted topic was not read is lost; what is in the new one counts. */
function recreated(stream: Stream, partition: number): void {
  logger('monitor').warn('a topic was deleted and created again: it is read from its beginning', { stream, partition });
  topicsRecreated.add(1, { stream });
}

function observe({ engine, checkpointer, sharing }: ReturnType<typeof windowsOf>): void {
  // Of this process: the sum over all of them is that of the platform.
  const counted = (of: (part: PartitionPart) => number) =>
    engine
      .all()
      .reduce((total, monitor) => total + [...monitor.ownParts()].reduce((sum, part) => sum + of(part), 0), 0);
  gauge('millrace.monitor.lag').observe(() => engine.positions.lag);
  gauge('millrace.monitor.active_alarms').observe(() =>
    engine.judged().reduce((sum, { alarms }) => sum + alarms.active, 0),
  );
  gauge('millrace.monitor.labels_joined').observe(() => counted(({ counters }) => counters.labelsJoined));
  gauge('millrace.monitor.reused_ids').observe(() => counted(({ counters }) => counters.reusedIds));
  gauge('millrace.monitor.checkpoint_duration').observe(() => checkpointer.lastTookMs);
  gauge('millrace.monitor.checkpoint_bytes').observe(() => checkpointer.lastBytes);
  gauge('millrace.monitor.restore_duration').observe(() => sharing.lastTookMs);
}

const urlAt = ({ host, port }: { host: string; port: number }): string => `http://${hostAndPort(host, port)}`;

/** Every process of a service, where it says since when it runs. */
function placesOf(config: MonitorConfig, service: Watched) {
  const at = {
    ingest: [config.ingestHost, config.ingestHttpPort],
    trainer: [config.trainerHost, config.trainerHttpPort],
    serving: [config.servingHost, config.servingHttpPort],
    router: [config.routerHost, config.routerControlPort],
  } as const;
  const [hosts, port] = at[service];
  return replicaPlaces(hosts, service, config.replicas, { port });
}

const analysisOf = async (routers: Replicas<typeof routerApi>, project: string) =>
  (await routers.ask((router) => router.analysis({ path: { project } }))).analysis;

function restarts(config: MonitorConfig, marks: Marks): Tick {
  const starts = new ServiceStarts((service, atMs) => marks.restarted(service, atMs));
  const urls = WATCHED.flatMap((service) => placesOf(config, service).map((place) => ({ service, url: urlAt(place) })));
  return { name: 'starts', everyMs: STARTS_EVERY_MS, work: () => askStarts(urls, starts) };
}

function goodVersions({ clock }: Context, sources: ViewSources): Tick {
  const judged = () => sources.engine.judged().map(({ name }) => name);
  const shown = new GoodGauge(sources, gauge('millrace.version.good'), judged);
  return { name: 'good versions', everyMs: GOOD_EVERY_MS, work: () => shown.refresh(clock.nowMs()) };
}

function ticks(
  { clock }: Context,
  strategy: KafkaStrategy,
  { intake, checkpointer, liveTraffic }: ReturnType<typeof windowsOf>,
  live: LiveStreams,
): Tick[] {
  const whenReady = (work: () => Promise<void>) => async (): Promise<void> => {
    if (strategy.isReady()) await work();
  };
  const beat = (): void => {
    liveTraffic.beat(clock.nowMs());
    live.beat();
  };
  return [
    { name: 'settle', everyMs: SETTLE_EVERY_MS, work: whenReady(() => intake.settle()) },
    { name: 'checkpoint', everyMs: SETTLE_EVERY_MS, work: whenReady(() => checkpointer.maybe()) },
    { name: 'beat', everyMs: BEAT_EVERY_MS, work: beat },
  ];
}
