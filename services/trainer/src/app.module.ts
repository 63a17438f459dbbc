// Wiring of the trainer: which edge fills which port, and the order of start and end. Start: gRPC listens (workers may join)
// -> projects, datasets and models are read -> what an earlier process left unfinished is taken up -> ready. End: not ready ->
// no new training -> workers are told -> producers flushed. A training in progress is not waited for: its request and its
// checkpoints stay on disk, and the next process goes on.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type ArtifactStore, openArtifactStore, sha256 } from '@millrace/artifacts';
import { systemClock } from '@millrace/domain';
import { type RunningGrpcServer, startGrpcServer } from '@millrace/grpc';
import { CompactedReader, ensureTopics, KafkaConnection, KafkaStrategy, MessageProducer } from '@millrace/kafka';
import { Readiness, Shutdown } from '@millrace/service';
import { gauge, logger } from '@millrace/telemetry';
import {
  type DynamicModule,
  type INestApplicationContext,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type Provider,
} from '@nestjs/common';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { TrainerHttp } from './api/trainer.http.js';
import { trainingService } from './api/training.grpc.js';
import { Collective, TICK_MS } from './collective/collective.js';
import { COORDINATOR_DEFAULTS, Coordinator } from './collective/coordinator.js';
import { TOKEN_BYTES } from './collective/handshake.js';
import { rendezvousService } from './collective/rendezvous.grpc.js';
import type { TrainerConfig } from './config.js';
import { LoopHttp } from './loop/loop.http.js';
import { DriftEventConsumer, LoopCommands, loopEntries, projectEntries } from './loop/loop-events.kafka.js';
import { LoopRunner } from './loop/loop-runner.js';
import { LoopFiles } from './loop/loop-store.fs.js';
import { pipelinePorts } from './pipeline/pipeline.module.js';
import { runTraining } from './pipeline/training-pipeline.js';
import { TrainingCommandsConsumer } from './registry/commands.kafka.js';
import { ModelRegistry } from './registry/model-registry.js';
import { Announcements, chained, registryEntries } from './registry/model-registry.kafka.js';
import { PackageFiles } from './registry/package-files.js';
import { RegistryGate } from './registry/registry-gate.js';
import { JobFiles } from './training/job-files.fs.js';
import { RequestFiles } from './training/request-files.fs.js';
import { TrainingRunner } from './training/runner.js';

const CONFIG = Symbol('trainer config');
const KAFKA_STRATEGY = Symbol('trainer kafka strategy');
const START_RETRY_MS = 1_000;
/** The loop looks at cool-downs and failed effects so often. */
const LOOP_TICK_MS = 1_000;
const GRPC_GRACE_MS = 500;
const PRODUCER_CLOSE_MS = 3_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());

/** Everything of the service that is not Nest's: made once, from the settings. */
class TrainerParts {
  readonly log = logger('trainer');
  readonly clock = systemClock;
  readonly kafka: KafkaConnection;
  readonly producer: MessageProducer;
  readonly strategy: KafkaStrategy;
  readonly registry = new ModelRegistry();
  readonly gate = new RegistryGate();
  readonly store: ArtifactStore;
  readonly files: JobFiles;
  readonly packages: PackageFiles;
  readonly announcements: Announcements;
  readonly coordinator: Coordinator;
  readonly collective: Collective;
  readonly runner: TrainingRunner;
  readonly loop: LoopRunner;

  constructor(readonly config: TrainerConfig) {
    const { clock, registry, log } = this;
    this.kafka = new KafkaConnection({
      brokers: config.kafkaBrokers,
      clientId: `trainer-${config.replica}`,
      topicPrefix: config.topicPrefix,
    });
    this.producer = new MessageProducer(this.kafka, { name: 'control', clock });
    const { producer, kafka: connection } = this;
    this.strategy = new KafkaStrategy({
      connection,
      groupId: 'trainer',
      service: 'trainer',
      producer,
      fetchBytesMin: 1,
    });
    this.store = openArtifactStore(config.home);
    this.files = new JobFiles(config.home);
    this.packages = new PackageFiles(this.store, sha256);
    this.announcements = new Announcements(this.producer);
    this.coordinator = new Coordinator(
      {
        ...COORDINATOR_DEFAULTS,
        heartbeatTimeoutMs: config.heartbeatTimeout,
        gatherMs: config.gather,
        noWorkerMs: config.noWorker,
        restartsMax: config.restartsMax,
      },
      () => randomBytes(TOKEN_BYTES),
      (message, facts) => log.info(message, facts),
    );
    this.collective = new Collective(this.coordinator, this.files, clock);
    const requests = new RequestFiles(join(config.home, 'trainer', 'requests'));
    const { files, store, collective, announcements } = this;
    const ports = pipelinePorts({ registry, files, store, collective, announcements, clock });
    this.runner = new TrainingRunner(
      {
        project: (name) => registry.project(name),
        announced: (project, trainingId) => registry.announced(project, trainingId),
        hasVersion: (project) => registry.models(project).length > 0,
        train: (id, request, project, reporter) => runTraining(id, request, project, reporter, ports),
        publish: (update) => this.announcements.update(update),
        keep: (id, request) => requests.keep(id, request),
        forget: (id) => requests.forget(id),
        kept: () => requests.kept(),
        log: (message, facts) => log.info(message, facts),
      },
      clock,
    );
    this.loop = this.makeLoop();
  }

  private makeLoop(): LoopRunner {
    const commands = new LoopCommands(this.producer, this.clock);
    const loopLog = logger('loop');
    return new LoopRunner(
      new LoopFiles(join(this.config.home, 'trainer', 'loop')),
      {
        startTraining: async (
          project,
          { trainingId, datasetVersions, evaluationShare, warmStartVersion, correlationId },
        ) => {
          const rest = { evaluateFromMs: 0, workers: 0, seed: 0, trigger: 'drift' };
          await this.runner.start(
            { project, datasetVersions, evaluationShare, warmStartVersion, correlationId, ...rest },
            trainingId,
          );
        },
        startRollout: (project, effect) => commands.startRollout(project, effect),
        rollback: (project, effect) => commands.rollback(project, effect),
      },
      this.clock,
      loopLog,
    );
  }
}

@Module({})
export class TrainerModule implements OnApplicationBootstrap {
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly readers: CompactedReader[] = [];
  private grpc: RunningGrpcServer | undefined;
  private stopping = false;

  static with(config: TrainerConfig): DynamicModule {
    const parts = new TrainerParts(config);
    const provided: [unknown, unknown][] = [
      [CONFIG, config],
      [TrainerParts, parts],
      [KAFKA_STRATEGY, parts.strategy],
      [TrainingRunner, parts.runner],
      [ModelRegistry, parts.registry],
      [RegistryGate, parts.gate],
      [Coordinator, parts.coordinator],
      [PackageFiles, parts.packages],
      [LoopRunner, parts.loop],
    ];
    return {
      module: TrainerModule,
      controllers: [TrainerHttp, LoopHttp, TrainingCommandsConsumer, DriftEventConsumer],
      providers: provided.map(([provide, useValue]) => ({ provide, useValue }) as Provider),
    };
  }

  constructor(
    @Inject(TrainerParts) private readonly parts: TrainerParts,
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(Shutdown) private readonly shutdown: Shutdown,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { parts } = this;
    const { config, coordinator, clock } = parts;
    this.readiness.register('registry', () => parts.gate.isOpen());
    this.shutdown.onDrain('trainings', () => this.drain());
    this.shutdown.onClose('kafka', () => this.close());
    gauge('millrace.trainer.workers').observe(() => coordinator.views().length);
    this.grpc = await startGrpcServer({
      port: config.grpcPort,
      host: config.grpcHost,
      services: [rendezvousService(coordinator, clock), trainingService(parts.runner, parts.registry)],
    });
    this.timers.push(setInterval(() => parts.collective.tick(), TICK_MS));
    void this.follow();
  }

  /** The registry first, then what the loop follows: a loop exists once its project is known. */
  private async follow(): Promise<void> {
    const { parts } = this;
    const { registry, loop, config, log } = parts;
    const name = `trainer-${config.replica}`;
    const first = new CompactedReader(parts.kafka, {
      name,
      topics: chained(registryEntries(registry), projectEntries(loop)),
    });
    const second = new CompactedReader(parts.kafka, { name: `${name}-loop`, topics: loopEntries(loop) });
    this.readers.push(first, second);
    for (const reader of [first, second]) {
      for (let attempt = 1; !this.stopping; attempt++) {
        try {
          await ensureTopics(parts.kafka);
          await reader.caughtUp();
          break;
        } catch (error) {
          if (attempt === 1) log.warn('waiting for Kafka to say what there is', {}, error);
          await sleep(START_RETRY_MS);
        }
      }
    }
    if (this.stopping) return;
    parts.runner.onEnd((end) => {
      if (end.kind !== 'failed') return;
      const { project } = end.request;
      const input = { kind: 'training_failed' as const, trainingId: end.trainingId, message: end.message };
      loop
        .apply(project, input)
        .catch((error: unknown) => log.error('the loop was not told of a failed training', { project }, error));
    });
    parts.gate.open();
    parts.runner.resume();
    this.timers.push(
      setInterval(
        () => void loop.tick().catch((error: unknown) => log.error('loop tick failed', {}, error)),
        LOOP_TICK_MS,
      ),
    );
    log.info('trainer ready', { grpcPort: this.grpc?.port ?? 0 });
  }

  private async drain(): Promise<void> {
    this.stopping = true;
    for (const timer of this.timers) clearInterval(timer);
    this.parts.runner.close();
    this.parts.coordinator.close(this.parts.clock.nowMs());
    await this.grpc?.close(GRPC_GRACE_MS);
  }

  private async close(): Promise<void> {
    for (const reader of this.readers) await reader.close();
    await this.parts.producer.close(PRODUCER_CLOSE_MS);
    await this.parts.kafka.close();
  }
}

/** The one Kafka consumer of the trainer, for main.ts. */
export function trainerStrategies(app: INestApplicationContext): readonly CustomTransportStrategy[] {
  return [app.get<KafkaStrategy>(KAFKA_STRATEGY)];
}
