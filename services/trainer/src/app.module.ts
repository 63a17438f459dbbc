// Wiring of the trainer: which edge fills which port, and the order of start and end. Start: gRPC listens (workers may join)
// -> projects, datasets and models are read -> what an earlier process left unfinished is taken up -> ready. End: not ready ->
// no new training -> workers are told -> producers flushed. A training in progress is not waited for: its request and its
// checkpoints stay on disk, and the next process goes on.

import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ArtifactStore } from '@millrace/artifacts';
import { encodeReferenceProfile } from '@millrace/contracts';
import { systemClock } from '@millrace/domain';
import { encodeRows, parsePlan } from '@millrace/features';
import { type RunningGrpcServer, startGrpcServer } from '@millrace/grpc';
import { CompactedReader, ensureTopics, KafkaConnection, KafkaStrategy, MessageProducer } from '@millrace/kafka';
import type { Network } from '@millrace/models';
import { Readiness, Shutdown } from '@millrace/service';
import { buildReferenceProfile } from '@millrace/statistics';
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
import { onnxGraph } from './packaging/onnx-graph.js';
import { encodeOnnxModel } from './packaging/onnx-model.codec.js';
import { publishPackage } from './packaging/package-writer.js';
import { referenceInput } from './packaging/reference.js';
import { scoreOnnx } from './packaging/scorer.onnx.js';
import { TrainingCommandsConsumer } from './registry/commands.kafka.js';
import { ModelRegistry } from './registry/model-registry.js';
import { Announcements, chained, registryEntries } from './registry/model-registry.kafka.js';
import { PackageFiles } from './registry/package-files.js';
import { RegistryGate } from './registry/registry-gate.js';
import { type CarryOutPorts, carryOut, type EarlierModel, type PackageContent } from './training/carry-out.js';
import { readLabelledRows } from './training/dataset.duckdb.js';
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

const sha256Of = (parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};
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
    const artifacts = join(config.home, 'artifacts');
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
    this.store = new ArtifactStore(artifacts);
    this.files = new JobFiles(artifacts);
    this.packages = new PackageFiles(this.store, (bytes) => sha256Of([bytes]));
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
    const ports = this.carryOutPorts();
    this.runner = new TrainingRunner(
      {
        project: (name) => registry.project(name),
        announced: (project, trainingId) => registry.announced(project, trainingId),
        carryOut: (id, request, project, reporter) => carryOut(id, request, project, reporter, ports, clock),
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

  private carryOutPorts(): CarryOutPorts {
    const { registry, files, store, collective } = this;
    const onnx = (network: Network, weights: Float32Array, name: string) =>
      encodeOnnxModel(onnxGraph(network, weights), name);
    return {
      readRows: (request, inputs) => {
        const versions = request.datasetVersions.map((id) => registry.dataset(request.project, id));
        return readLabelledRows(
          versions.map((version) => store.localPath(version.parquetPath)),
          inputs,
        );
      },
      earlier: (project, version) => this.earlier(project, version),
      latestBlessed: (project) => registry.latestBlessed(project),
      writeData: (path, data) => files.writeData(path, data),
      writeFloats: (path, values) => files.writeFloats(path, values),
      readFloats: (path) => files.readFloats(path),
      runJob: (id, workers, spec, progress) => collective.run(id, workers, spec, progress),
      score: (network, weights, encoded) =>
        scoreOnnx(onnx(network, weights, 'evaluation'), encoded, network.inputWidth),
      publish: (content) => this.publish(content),
      clean: (folder) => files.remove(folder),
    };
  }

  private publish(content: PackageContent): Promise<number> {
    const { registry, files, store, collective, announcements } = this;
    return publishPackage(
      content,
      {
        onnx: ({ network, weights, project }) => encodeOnnxModel(onnxGraph(network, weights), project.name),
        reference: (of) => encodeReferenceProfile(buildReferenceProfile(referenceInput(of))),
        scoreOnnx: (model, rows) => scoreOnnx(model, rows.values, rows.width),
        scoreTfjs: async (trainingId, workers, tfjs, rows) => {
          const folder = `trainings/${trainingId}`;
          for (const [path, bytes] of Object.entries(tfjs))
            files.write(`${folder}/${path}`, Buffer.from(bytes as string));
          const resultPath = `${folder}/parity-scores.bin`;
          const data = files.writeData(`${folder}/parity-rows.bin`, rows);
          const spec = { kind: 'score' as const, data, model: `${folder}/tfjs/model.json`, resultPath };
          await collective.run(`${trainingId}-parity`, workers, spec, () => undefined);
          return files.readFloats(resultPath);
        },
        nextVersion: (project) => registry.nextVersion(project),
        putFolder: (path, all) => store.putFolder(path, all),
        announce: async (version) => {
          await announcements.model(version);
          // The reader brings it as well; until then a next training must not take the same number.
          registry.setModel(version);
        },
        hash: sha256Of,
      },
      this.clock,
    );
  }

  private async earlier(project: string, version: number): Promise<EarlierModel> {
    const { packagePath } = this.registry.model(project, version);
    const plan = parsePlan((await this.store.read(`${packagePath}/features.json`)).toString('utf8'));
    const network = JSON.parse(
      (await this.store.read(`${packagePath}/weights/network.json`)).toString('utf8'),
    ) as Network;
    const weights = await this.files.readFloats(`${packagePath}/weights/weights.bin`);
    const model = await this.store.read(`${packagePath}/model.onnx`);
    return { plan, network, weights, score: (columns) => scoreOnnx(model, encodeRows(plan, columns), plan.width) };
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
