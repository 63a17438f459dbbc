// Wiring: which edge fills which port, and the order of starting and stopping. Starting: compacted topics read to their end,
// saved state restored, references of its open windows loaded, then the streams from the saved positions.

import { join } from 'node:path';
import { ArtifactStore } from '@millrace/artifacts';
import { PlatformError, systemClock } from '@millrace/domain';
import { CompactedReader, ensureTopics, KafkaConnection, KafkaStrategy, MessageProducer } from '@millrace/kafka';
import { Readiness, Shutdown } from '@millrace/service';
import { gauge, logger } from '@millrace/telemetry';
import { type DynamicModule, Inject, Injectable, Module, type OnApplicationBootstrap } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { KafkaPublisher } from './alarms/drift-events.kafka.js';
import { registerDashboard } from './api/dashboard.http.js';
import { LiveStreams } from './api/live.http.js';
import { MonitorGrpc } from './api/monitor.grpc.js';
import { CLOCK, MonitorHttp, VIEW_SOURCES } from './api/monitor.http.js';
import type { ViewSources } from './api/views.js';
import { Catalog } from './catalog/catalog.js';
import { catalogEntries } from './catalog/catalog.kafka.js';
import { StoredPackages } from './catalog/packages.fs.js';
import { References } from './catalog/references.js';
import type { MonitorConfig } from './config.js';
import { PulseBook } from './live/pulse.js';
import { Story } from './live/story.js';
import { LabelsConsumer } from './quality/labels.kafka.js';
import { RouterScrape } from './software/router-scrape.http.js';
import { TrafficBook } from './software/traffic.js';
import { Checkpointer } from './state/checkpoint.js';
import { FolderStateStore } from './state/state-store.fs.js';
import { Engine } from './windows/engine.js';
import { Intake } from './windows/intake.js';
import { PredictionsConsumer } from './windows/predictions.kafka.js';
import type { ProjectMonitor } from './windows/project-monitor.js';
import type { Stream } from './windows/watermark.js';

/** Idle partitions let the watermark pass, checkpoints come due: looked at this often. */
const TICK_MS = 250;
const BEAT_MS = 1_000;
const START_RETRY_MS = 1_000;

const STREAM_OF_TOPIC: Readonly<Record<string, Stream>> = { 'predictions.v1': 'predictions', 'labels.v1': 'labels' };
const LIFECYCLE = Symbol('LIFECYCLE');

export interface WiredMonitor {
  module: DynamicModule;
  strategy: KafkaStrategy;
  prepare(app: NestFastifyApplication): void;
}

/** The consumer joins only when the state is restored. */
class RestoredStrategy extends KafkaStrategy {
  constructor(
    settings: ConstructorParameters<typeof KafkaStrategy>[0],
    private readonly restored: () => Promise<void>,
  ) {
    super(settings);
  }

  override listen(callback: (error?: unknown) => void): void {
    this.restored().then(() => super.listen(callback), callback);
  }
}

function wire(config: MonitorConfig) {
  const clock = systemClock;
  const log = logger('monitor');
  const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const connection = new KafkaConnection({
    brokers: config.kafkaBrokers,
    clientId: `monitor-${config.replica}`,
    topicPrefix: config.topicPrefix,
  });
  const producer = new MessageProducer(connection);
  const catalog = new Catalog();
  const traffic = new TrafficBook();
  const packages = new StoredPackages(new ArtifactStore(join(config.home, 'artifacts')));
  const references = new References(catalog, packages, clock, sleep, (project, version, error) =>
    log.warn('version is counted but not tested: no reference', { project, version }, error),
  );
  const engine = new Engine({
    project: (name) => catalog.project(name),
    catalog,
    traffic,
    idleMs: { predictions: config.predictionIdleMs, labels: config.labelIdleMs },
    joinRowsMax: config.joinRowsMax,
    retainedWindows: config.retainedWindows,
    windowsKept: config.windowsKept,
  });
  const store = new FolderStateStore(join(config.home, 'monitor', config.replica));
  const checkpointer = new Checkpointer(engine, store, clock, config.checkpointEveryMs);
  const pulses = new PulseBook();
  const intake = new Intake(
    engine,
    {
      reference: (project, version) =>
        references.settled(project, version) ? undefined : references.ensure(project, version),
      publisher: new KafkaPublisher(producer, clock),
      touched: () => checkpointer.touched(),
      checkpoint: () => checkpointer.write(),
      seen: {
        prediction: ({ project, modelVersion, latencyUs }) => pulses.of(project).prediction(modelVersion, latencyUs),
        label: ({ project }) => pulses.of(project).label(),
      },
    },
    clock,
  );
  const reader = new CompactedReader(connection, {
    name: `monitor-${config.replica}`,
    topics: catalogEntries(catalog, references, (project) => engine.projectChanged(project, clock.nowMs())),
  });

  async function restore(): Promise<void> {
    for (;;) {
      try {
        await ensureTopics(connection);
        await reader.caughtUp();
        break;
      } catch (error) {
        log.warn('waiting for Kafka', {}, PlatformError.from(error));
        await sleep(START_RETRY_MS);
      }
    }
    const saved = await store.load();
    if (saved !== undefined) {
      engine.restore(saved.state, saved.history);
      for (const { project, version } of engine.savedVersions()) await references.ensure(project, version);
    }
    for (const name of catalog.projectNames()) engine.monitor(name, clock.nowMs());
    log.info('state restored', { projects: catalog.projectNames().length, fresh: saved === undefined });
  }
  let restoring: Promise<void> | undefined;
  const restored = () => {
    restoring ??= restore();
    return restoring;
  };

  const strategy = new RestoredStrategy(
    {
      connection,
      // A group of this process alone: it reads every partition, because windows span partitions, and a restart after a
      // crash does not wait for the old member to be given up. Nothing is committed, so the broker forgets the group.
      groupId: `monitor-${config.replica}-${process.pid}-${clock.nowMs()}`,
      service: 'monitor',
      producer,
      // Positions are those of the checkpoint.
      seekTo: (topic, partition) => engine.positions.next(STREAM_OF_TOPIC[topic] as Stream, partition),
      onAssigned: async () => {
        for (const [topic, stream] of Object.entries(STREAM_OF_TOPIC)) {
          for (const [partition, { low, high }] of await connection.highWatermarks(topic)) {
            engine.positions.startsAt(stream, partition, low);
            engine.positions.reaches(stream, partition, high);
          }
        }
      },
    },
    restored,
  );
  const sources: ViewSources = { engine, catalog, traffic, pulses, story: new Story() };
  const live = new LiveStreams(sources, clock);
  const scrape = new RouterScrape(`http://${config.routerHost}:${config.routerMetricsPort}/metrics`, traffic, clock);
  return {
    config,
    clock,
    log,
    connection,
    producer,
    engine,
    intake,
    checkpointer,
    pulses,
    reader,
    strategy,
    sources,
    live,
    scrape,
  };
}

type Wired = ReturnType<typeof wire>;

@Injectable()
class MonitorLifecycle implements OnApplicationBootstrap {
  private readonly timers: NodeJS.Timeout[] = [];

  constructor(
    @Inject(LIFECYCLE) private readonly wired: Wired,
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(Shutdown) private readonly shutdown: Shutdown,
  ) {}

  onApplicationBootstrap(): void {
    const { config, clock, engine, intake, checkpointer, pulses, strategy, live, scrape, reader, log } = this.wired;
    this.readiness.register('kafka', () => strategy.isReady());
    this.readiness.register('catalog', () => reader.isCaughtUp());
    this.shutdown.onClose('state', () => this.close());
    gauge('millrace.monitor.lag').observe(() => engine.positions.lag);
    const sum = (of: (monitor: ProjectMonitor) => number) =>
      engine.all().reduce((total, monitor) => total + of(monitor), 0);
    gauge('millrace.monitor.active_alarms').observe(() => sum((monitor) => monitor.alarms.active));
    gauge('millrace.monitor.labels_joined').observe(() => sum((monitor) => monitor.counters.labelsJoined));
    gauge('millrace.monitor.checkpoint_duration').observe(() => checkpointer.lastTookMs);
    scrape.start(config.scrapeEveryMs);
    const tick = async () => {
      if (!strategy.isReady()) return;
      await intake.settle();
      await checkpointer.maybe();
    };
    this.every(TICK_MS, () => tick().catch((error) => log.warn('not settled yet', {}, error)));
    this.every(BEAT_MS, () => {
      pulses.beat(clock.nowMs());
      live.beat();
    });
  }

  private every(ms: number, work: () => void): void {
    const timer = setInterval(work, ms);
    timer.unref();
    this.timers.push(timer);
  }

  private async close(): Promise<void> {
    const { checkpointer, live, scrape, reader, producer, connection } = this.wired;
    for (const timer of this.timers) clearInterval(timer);
    scrape.stop();
    live.close();
    await checkpointer.write();
    await reader.close();
    await producer.close();
    await connection.close();
  }
}

@Module({})
export class AppModule {}

/** The service's module with its consumer and its routes on the bare server. */
export function monitorModule(config: MonitorConfig): WiredMonitor {
  const wired = wire(config);
  return {
    strategy: wired.strategy,
    prepare: (app) => {
      const instance = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
      registerDashboard(instance);
      wired.live.register(instance);
    },
    module: {
      module: AppModule,
      controllers: [MonitorHttp, MonitorGrpc, PredictionsConsumer, LabelsConsumer],
      providers: [
        { provide: LIFECYCLE, useValue: wired },
        { provide: Intake, useValue: wired.intake },
        { provide: VIEW_SOURCES, useValue: wired.sources },
        { provide: CLOCK, useValue: wired.clock },
        MonitorLifecycle,
      ],
    },
  };
}
