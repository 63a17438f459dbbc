// Wiring of serving: which edge fills which port, and the order of start and end. Start: last known models → gRPC and REST
// listen → topics are followed → ready. End: not ready → drain window → streams end, calls in flight are answered →
// prediction log flushed → engines closed.

import { join } from 'node:path';
import type { Config } from '@millrace/config';
import { seededRng, systemClock } from '@millrace/domain';
import { type RunningHttp2Server, startHttp2Server } from '@millrace/grpc';
import { KafkaConnection, MessageProducer } from '@millrace/kafka';
import { projectFromDocument } from '@millrace/project';
import { Readiness, Shutdown } from '@millrace/service';
import { appendMetricsText, counter, gauge, logger, logLevels, setLogLevels } from '@millrace/telemetry';
import { type DynamicModule, Inject, Module, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { type InferGrpcPorts, inferService } from './api/infer.grpc.js';
import { RelayDoor } from './api/relay.grpc.js';
import { registerV2 } from './api/v2.http.js';
import type { servingConfig } from './config.js';
import { ControlState } from './models/control-state.js';
import { ControlFollower } from './models/control-state.kafka.js';
import { inferenceMetricsText } from './models/metrics-text.js';
import { ModelSet } from './models/model-set.js';
import { routedModels } from './models/repository-control.js';
import { type AnsweredBatch, ServedVersion } from './models/served-version.js';
import { SnapshotFile } from './models/snapshot.fs.js';
import { servingStats } from './models/stats.js';
import { browserFile } from './packages/browser-files.js';
import { packageFiles } from './packages/package-files.fs.js';
import { loadPackage, type PackageFiles } from './packages/package-loader.js';
import { Predictor } from './predict/predictor.js';
import { RequestIds } from './predict/request-ids.js';
import { requestTracer } from './predict/request-tracer.grpc.js';
import { TraceSettings } from './predict/trace-settings.js';
import { PredictionLog } from './predictions/prediction-log.js';
import { predictionWriter } from './predictions/predictions.kafka.js';
import { onnxRuntime } from './runtime/onnx-runtime.onnx.js';

const CONFIG = Symbol('serving config');
/** In the order of preference. */
const RUNTIMES = [onnxRuntime];
type ServingConfig = Config<typeof servingConfig>;

/** Rows of one write to Kafka: encoding them holds the event loop for well under a millisecond. */
const LOG_BATCH_ROWS = 256;
const LOG_LINGER_MS = 20;
const LOG_RETRY_MS = 500;
const PRODUCER_CLOSE_MS = 100;
const KAFKA_CLOSE_MS = 1000;
const within = async (ms: number, work: Promise<unknown>): Promise<void> =>
  void (await Promise.race([work, sleep(ms)]));
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

@Module({})
export class ServingModule implements OnModuleInit, OnApplicationBootstrap {
  private readonly log = logger('serving');
  private readonly clock = systemClock;
  private readonly kafka: KafkaConnection;
  private readonly producer: MessageProducer;
  private readonly predictions: PredictionLog<AnsweredBatch>;
  private readonly files: PackageFiles;
  private readonly models: ModelSet;
  private readonly predictor: Predictor;
  private readonly relay: RelayDoor;
  private readonly traces = new TraceSettings(seededRng(systemClock.nowMs() ^ process.pid ^ 0x7ace));
  private readonly snapshot: SnapshotFile;
  private readonly control: ControlState;
  private readonly follower: ControlFollower;
  private grpc: RunningHttp2Server | undefined;
  /** What to serve is known, and the versions named at that time were loaded or refused. */
  private modelsKnown = false;
  private stopping = false;

  static with(config: ServingConfig): DynamicModule {
    return { module: ServingModule, providers: [{ provide: CONFIG, useValue: config }] };
  }

  constructor(
    @Inject(CONFIG) private readonly config: ServingConfig,
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(Shutdown) private readonly shutdown: Shutdown,
    @Inject(HttpAdapterHost) private readonly http: HttpAdapterHost,
  ) {
    const { clock } = this;
    this.kafka = new KafkaConnection({
      brokers: config.kafkaBrokers,
      clientId: `serving-${config.replica}`,
      topicPrefix: config.topicPrefix,
    });
    this.producer = new MessageProducer(this.kafka, { name: 'predictions', clock });
    this.predictions = this.predictionLog();
    this.files = packageFiles(join(config.home, 'artifacts'));
    this.models = this.modelSet();
    this.predictor = new Predictor(this.models);
    this.relay = new RelayDoor({ predictor: this.predictor, tracer: requestTracer, traces: this.traces, clock });
    this.snapshot = new SnapshotFile(join(config.home, 'serving', `last-known-${config.replica}.json`));
    this.control = new ControlState({
      models: this.models,
      parse: projectFromDocument,
      changed: (snapshot) => this.snapshot.save(snapshot),
      skipped: (what, error) => this.log.error(`${what} cannot be used`, {}, error),
    });
    this.follower = new ControlFollower(this.kafka, this.control, config.replica);
  }

  private predictionLog(): PredictionLog<AnsweredBatch> {
    const written = counter('millrace.serving.predictions_logged').bind();
    const dropped = counter('millrace.serving.predictions_dropped').bind();
    return new PredictionLog<AnsweredBatch>(
      {
        rowsMax: this.config.logRowsMax,
        batchRowsMax: LOG_BATCH_ROWS,
        lingerMs: LOG_LINGER_MS,
        retryMs: LOG_RETRY_MS,
      },
      {
        write: predictionWriter(this.producer),
        sleep,
        counted: (outcome, rows) => (outcome === 'written' ? written : dropped).add(rows),
        state: (healthy, error) => {
          if (healthy) this.log.info('the prediction log is written again');
          else this.log.warn('the prediction log cannot be written; predictions go on', {}, error);
        },
      },
    );
  }

  private modelSet(): ModelSet {
    const { config, clock } = this;
    const ids = new RequestIds(seededRng(clock.nowMs() ^ process.pid));
    const ports = {
      clock,
      soon: (work: () => void) => void setImmediate(work),
      nextRequestId: () => ids.next(),
      answered: (answer: AnsweredBatch) => this.predictions.offer(answer, answer.job.rows),
    };
    const limits = {
      batchRowsMax: config.batchRowsMax,
      requestRowsMax: config.requestRowsMax,
      queueJobsMax: config.queueRequestsMax,
      queueRowsMax: config.queueRowsMax,
      concurrency: 1,
    };
    return new ModelSet({
      load: async (project, version, spec) => {
        const { manifest, plan, runtime, model } = await loadPackage(this.files, RUNTIMES, project, version);
        const engine = await runtime.load(model);
        const { modelSha256 } = manifest;
        const facts = { project, version, modelSha256, plan, platform: runtime.platform, engine };
        const served = new ServedVersion(facts, spec, limits, ports);
        await served.warmUp();
        return served;
      },
      log: (level, message, facts) => this.log[level](message, facts),
      later: (delayMs, work) => void setTimeout(work, delayMs).unref(),
      changed: () => {},
    });
  }

  private readonly ready = (): boolean => this.modelsKnown && !this.stopping;

  onModuleInit(): void {
    this.readiness.register('models', this.ready);
    this.shutdown.onDrain('serving', () => this.drain());
    this.shutdown.onClose('serving', () => this.close());
    registerV2(this.http.httpAdapter.getInstance<FastifyInstance>(), {
      ...this.apiPorts(),
      browserFile: (model, version, name) => browserFile(this.files, model, version, name),
      stats: () => ({ ...servingStats([...this.models.served()], this.predictions) }),
    });
    this.registerMetrics();
  }

  private apiPorts(): InferGrpcPorts {
    const { models, predictor, traces, clock, ready } = this;
    const logs = { levels: logLevels, set: setLogLevels };
    return { models, predictor, tracer: requestTracer, traces, logs, repository: routedModels, clock, ready };
  }

  private registerMetrics(): void {
    const { predictions, models, relay } = this;
    gauge('millrace.serving.log_queued').observe(() => predictions.queued);
    gauge('millrace.serving.models_ready').observe(() => [...models.served()].length);
    gauge('millrace.serving.relay_streams').observe(() => relay.streams);
    appendMetricsText(() => inferenceMetricsText([...models.served()]));
  }

  async onApplicationBootstrap(): Promise<void> {
    const { clock } = this;
    const known = await this.snapshot.read();
    if (known) this.control.restore(known);
    this.grpc = await startHttp2Server({
      port: this.config.grpcPort,
      clock,
      services: [inferService(this.apiPorts()), this.relay.binding()],
    });
    this.grpc.health.setServing(false);
    if (known) void this.becomeReady();
    void this.follow();
  }

  private async follow(): Promise<void> {
    await this.follower.follow();
    this.control.caughtUp();
    await this.becomeReady();
  }

  private async becomeReady(): Promise<void> {
    await this.models.settled();
    if (this.stopping || this.modelsKnown) return;
    this.modelsKnown = true;
    this.grpc?.health.setServing(true);
    this.log.info('serving', { grpcPort: this.grpc?.port ?? 0, versions: [...this.models.served()].length });
  }

  private async drain(): Promise<void> {
    this.stopping = true;
    this.grpc?.health.setServing(false);
    // Routers and clients see "not ready" before anything is refused.
    await sleep(this.config.drainWindowMs);
    this.relay.endAll();
    await this.grpc?.close(this.config.drainMaxMs);
    this.predictor.stopAccepting();
    await this.models.close();
    await this.predictions.close(this.config.flushMaxMs);
    const { written, dropped } = this.predictions;
    this.log.info('drained', { predictionsLogged: written, predictionsDropped: dropped });
  }

  private async close(): Promise<void> {
    // The log has waited for its own writes: nothing of worth is left in the producer. And without a broker none of these
    // would end by itself.
    await within(KAFKA_CLOSE_MS, Promise.all([this.producer.close(PRODUCER_CLOSE_MS), this.follower.close()]));
    await within(KAFKA_CLOSE_MS, this.kafka.close());
    await this.snapshot.close();
  }
}
