// Wiring of serving: which edge fills which port, and the order of start and end. Start: last known models → gRPC and REST
// listen → topics are followed → ready. End: not ready → drain window → streams end, calls in flight are answered →
// prediction log flushed → engines closed.

import { join } from 'node:path';
import { TOPICS, topicName } from '@millrace/contracts';
import { PlatformError, RequestIds, seededRng, systemClock } from '@millrace/domain';
import { type RunningHttp2Server, startHttp2Server } from '@millrace/grpc';
import { Readiness, Shutdown } from '@millrace/service';
import {
  appendMetricsText,
  counter,
  gatherMetricsText,
  gauge,
  logger,
  logLevels,
  processMetricsText,
  setLogLevels,
} from '@millrace/telemetry';
import { type DynamicModule, Inject, Module, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { type InferGrpcPorts, inferService } from './api/infer.grpc.js';
import { RelayDoor } from './api/relay.grpc.js';
import { registerV2 } from './api/v2.http.js';
import { contentHash } from './cache/content-hash.fs.js';
import { ResponseCache } from './cache/response-cache.js';
import { RedisResponses } from './cache/shared-responses.redis.js';
import type { ServingConfig } from './config.js';
import type { BatchJobPorts } from './jobs/batch-job.js';
import { JobDesk } from './jobs/job-desk.js';
import { JobTopics } from './jobs/job-topics.kafka.js';
import { noJobs, registerJobs } from './jobs/jobs.http.js';
import { inferenceMetricsText } from './models/metrics-text.js';
import { ModelSet } from './models/model-set.js';
import { PlatformLink } from './models/platform-link.kafka.js';
import type { ModelRepository } from './models/repository-models.js';
import { type AnsweredBatch, ServedVersion } from './models/served-version.js';
import { headOf } from './models/task-head.js';
import { onlineFeatures } from './online/online-features.redis.js';
import { browserFile } from './packages/browser-files.js';
import { packageFiles } from './packages/package-files.fs.js';
import { loadPackage, type PackageFiles } from './packages/package-loader.js';
import { Predictor } from './predict/predictor.js';
import { requestTracer } from './predict/request-tracer.grpc.js';
import { TraceSettings } from './predict/trace-settings.js';
import { logSample } from './predictions/log-sample.js';
import { PredictionLog } from './predictions/prediction-log.js';
import { predictionWriter } from './predictions/predictions.kafka.js';
import { loggedBytes } from './predictions/row-bytes.js';
import { listModels, modelRepository } from './repository/model-repository.process.js';
import { onnxRuntime } from './runtime/onnx-runtime.onnx.js';
import { OwnStatistics, type StatisticsSource, WorkersStatistics } from './workers/statistics-source.js';
import { WorkerLink } from './workers/worker-link.process.js';
import type { Question } from './workers/worker-messages.js';

const CONFIG = Symbol('serving config');
/** In the order of preference. */
const RUNTIMES = [onnxRuntime];

/** Rows of one write to Kafka: encoding them holds the event loop for well under a millisecond. */
const LOG_BATCH_ROWS = 256;
const LOG_LINGER_MS = 20;
const LOG_RETRY_MS = 500;
/** A worker whose models take longer, or whose broker is away, listens all the same: it may be the only one. */
const LISTEN_AT_LATEST_MS = 15_000;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

@Module({})
export class ServingModule implements OnModuleInit, OnApplicationBootstrap {
  private readonly log = logger('serving');
  private readonly clock = systemClock;
  /** undefined: a folder is served alone, without Kafka. */
  private readonly platform: PlatformLink | undefined;
  private readonly predictions: PredictionLog<AnsweredBatch>;
  private readonly online: ReturnType<typeof onlineFeatures>;
  /** undefined: answers are not shared between processes. */
  private readonly sharedResponses: RedisResponses | undefined;
  private readonly files: PackageFiles;
  private readonly models: ModelSet;
  private readonly predictor: Predictor;
  private readonly relay: RelayDoor;
  private readonly traces = new TraceSettings(seededRng(systemClock.nowMs() ^ process.pid ^ 0x7ace));
  /** The other workers of the port; undefined: this process serves alone. */
  private readonly workers = WorkerLink.current();
  private readonly own: OwnStatistics;
  private readonly statistics: StatisticsSource;
  private readonly jobTopics: JobTopics;
  private readonly jobs: JobDesk | undefined;
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
    if (!config.standalone) this.platform = new PlatformLink(config, clock);
    this.predictions = this.predictionLog();
    this.online = onlineFeatures(config, clock);
    const shared = config.responseCacheSharedMs > 0;
    if (shared && config.standalone) {
      this.log.warn('answers are cached in this process only: what serves a folder alone does without Redis', {
        setting: 'MILLRACE_SERVING_CACHE_SHARED',
      });
    }
    if (shared && !config.standalone) {
      this.sharedResponses = new RedisResponses(config.redisUrl, config.responseCacheSharedMs);
    }
    this.files = packageFiles(join(config.home, 'artifacts'));
    this.models = this.modelSet();
    this.own = new OwnStatistics(this.models, () => this.predictions);
    this.statistics = this.workers
      ? new WorkersStatistics(this.models, (question) => (this.workers as WorkerLink).ask(question))
      : this.own;
    this.workers?.listen((question) => this.answerWorkers(question));
    this.predictor = new Predictor(this.models);
    this.jobTopics = new JobTopics(config);
    // A question about a job reaches any of the workers, and each would know only its own.
    if (this.platform && !this.workers) this.jobs = this.jobDesk();
    this.relay = new RelayDoor({ predictor: this.predictor, tracer: requestTracer, traces: this.traces, clock });
  }

  private predictionLog(): PredictionLog<AnsweredBatch> {
    const written = counter('millrace.serving.predictions_logged').bind();
    const dropped = counter('millrace.serving.predictions_dropped').bind();
    return new PredictionLog<AnsweredBatch>(
      {
        rowsMax: this.config.logRowsMax,
        bytesMax: this.config.logBytesMax,
        batchRowsMax: LOG_BATCH_ROWS,
        lingerMs: LOG_LINGER_MS,
        retryMs: LOG_RETRY_MS,
      },
      {
        // Alone there are no packages, and so no predictions to log.
        write: this.platform ? predictionWriter(this.platform.producer) : async () => {},
        sleep,
        counted: (outcome, rows) => (outcome === 'written' ? written : dropped).add(rows),
        state: (healthy, error) => {
          if (healthy) this.log.info('the prediction log is written again');
          else this.log.warn('the prediction log cannot be written; predictions go on', {}, error);
        },
      },
    );
  }

  private logAnswer(): (answer: AnsweredBatch) => void {
    const chosen = logSample(this.config.logShare);
    const sampledOut = counter('millrace.serving.predictions_sampled_out').bind();
    return (answer) => {
      const { id, rows } = answer.job;
      if (chosen(id)) this.predictions.offer(answer, rows, loggedBytes(answer.job));
      else sampledOut.add(rows);
    };
  }

  private jobDesk(): JobDesk {
    const ports = {
      find: (model: string, version: string) => this.models.find(model, version),
      infer: (...[request, facts, answer]: Parameters<BatchJobPorts['infer']>) =>
        void this.predictor.infer(request, facts, answer),
      pause: sleep,
      clock: this.clock,
    };
    const own = new Set(TOPICS.map(({ name }) => topicName(this.config.topicPrefix, name)));
    return new JobDesk(this.jobTopics, ports, own);
  }

  private modelSet(): ModelSet {
    const { config, clock } = this;
    const ids = new RequestIds(seededRng(clock.nowMs() ^ process.pid));
    const ports = {
      clock,
      soon: (work: () => void) => void setImmediate(work),
      nextRequestId: () => ids.next(),
      answered: this.logAnswer(),
      online: this.online,
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
        const { modelSha256, task } = manifest;
        const facts = { project, version, modelSha256, plan, platform: runtime.platform, engine, head: headOf(task) };
        const served = new ServedVersion(facts, spec, limits, ports);
        await served.warmUp();
        return served;
      },
      repository: this.repository(),
      log: (level, message, facts) => this.log[level](message, facts),
      later: (delayMs, work) => void setTimeout(work, delayMs).unref(),
      changed: () => {},
    });
  }

  private repository(): ModelRepository | undefined {
    const { config, clock } = this;
    if (config.repository === '') return undefined;
    return modelRepository(config, {
      clock,
      soon: (work) => void setImmediate(work),
      after: (delayMs, work) => {
        const timer = setTimeout(work, delayMs);
        return () => clearTimeout(timer);
      },
      cache: {
        responses: new ResponseCache(config.responseCacheBytes),
        digest: contentHash,
        shared: this.sharedResponses,
        identity: '',
      },
      // Not before the model set is there: an ensemble is loaded by it.
      find: (name, version) => this.models.find(name, version),
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
    });
    registerJobs(this.http.httpAdapter.getInstance<FastifyInstance>(), this.jobs ?? noJobs(this.workers !== undefined));
    this.registerMetrics();
  }

  private apiPorts(): InferGrpcPorts {
    const { models, predictor, traces, clock, ready } = this;
    const logs = { levels: logLevels, set: setLogLevels };
    const { workers, statistics } = this;
    const repository = workers ?? models;
    return { models, predictor, tracer: requestTracer, traces, logs, repository, statistics, clock, ready };
  }

  private registerMetrics(): void {
    const { predictions, models, relay } = this;
    gauge('millrace.serving.log_queued').observe(() => predictions.queued);
    gauge('millrace.serving.models_ready').observe(() => [...models.served()].length);
    gauge('millrace.serving.relay_streams').observe(() => relay.streams);
    const { statistics } = this;
    if (statistics instanceof WorkersStatistics) gatherMetricsText(() => statistics.metricsText());
    else appendMetricsText(() => inferenceMetricsText([...models.served()]));
  }

  async onApplicationBootstrap(): Promise<void> {
    const { clock } = this;
    if (this.config.standalone) await this.requireRepository();
    const link = await this.platform?.start(this.models);
    const serving = this.serve(link);
    // Connections come to whoever listens: a worker that is started anew listens when it can answer.
    if (this.workers) await Promise.race([serving, sleep(LISTEN_AT_LATEST_MS)]);
    this.grpc = await startHttp2Server({
      port: this.config.grpcPort,
      host: this.config.host,
      connectionAgeMaxMs: this.config.connectionAgeMaxMs,
      clock,
      services: [inferService(this.apiPorts()), this.relay.binding()],
    });
    this.grpc.health.setServing(this.ready());
    this.workers?.ready();
    void serving.then(() => this.grpc?.health.setServing(this.ready()));
  }

  /** Ready when the repository's models and those that the platform names were loaded or refused. */
  private async serve(link: Awaited<ReturnType<PlatformLink['start']>> | undefined): Promise<void> {
    const { repositoryModels, repositoryPollMs } = this.config;
    const names = repositoryModels.includes('*') ? undefined : repositoryModels.filter((name) => name !== 'none');
    await this.models.loadRepository(names).catch((error) => {
      this.log.error('the model repository cannot be read', {}, error);
    });
    if (repositoryPollMs > 0) this.pollRepository(repositoryPollMs);
    for (const change of (await this.workers?.changes()) ?? []) {
      // Refused here as it was refused elsewhere: logged and indexed by the model set.
      await this.answerWorkers(change).catch(() => {});
    }
    if (!link?.known) await link?.followed;
    await this.becomeReady();
  }

  /** Alone there is nothing else to serve: a missing folder is a fault of the settings, and the start ends. */
  private async requireRepository(): Promise<void> {
    const { repository } = this.config;
    if (repository === '') {
      throw new PlatformError('invalid_argument', 'MILLRACE_SERVING_STANDALONE needs MILLRACE_SERVING_REPOSITORY');
    }
    await listModels(repository);
  }

  /** What this worker says to, or does for, the others. */
  private async answerWorkers(question: Question): Promise<unknown> {
    switch (question.kind) {
      case 'statistics':
        return this.own.answer();
      case 'metrics':
        return processMetricsText();
      case 'ready':
        return this.ready() && this.models.isReady(question.model, question.version);
      case 'load':
        return this.models.load(question.model, question.parameters);
      case 'unload':
        return this.models.unload(question.model, question.dependents);
    }
  }

  private pollRepository(everyMs: number): void {
    setTimeout(() => {
      if (this.stopping) return;
      this.models
        .pollRepository()
        .catch((error) => this.log.warn('the model repository cannot be read', {}, error))
        .finally(() => this.pollRepository(everyMs));
    }, everyMs).unref();
  }

  private async becomeReady(): Promise<void> {
    await this.models.settled();
    if (this.stopping || this.modelsKnown) return;
    this.modelsKnown = true;
    this.log.info('serving', { versions: [...this.models.served()].length });
  }

  private async drain(): Promise<void> {
    this.stopping = true;
    this.grpc?.health.setServing(false);
    // Routers and clients see "not ready" before anything is refused.
    await sleep(this.config.drainWindowMs);
    const { drainMaxMs } = this.config;
    // Each ends after the transaction that runs; the next start goes on from there. Beside the doors: neither may keep the
    // other, nor the log behind them, waiting.
    const jobsEnded = this.jobs?.close(drainMaxMs);
    this.relay.endAll();
    await Promise.all([jobsEnded, this.grpc?.close(drainMaxMs)]);
    this.predictor.stopAccepting();
    await this.models.close();
    await this.predictions.close(this.config.flushMaxMs);
    const { written, dropped } = this.predictions;
    this.log.info('drained', { predictionsLogged: written, predictionsDropped: dropped });
  }

  private async close(): Promise<void> {
    await this.jobTopics.close();
    await this.platform?.close();
    await this.online.close();
    await this.sharedResponses?.close();
  }
}
