// Wiring of serving: which edge fills which port; the subjects with many parts have a module of their own. Start: last
// known models → the hot gRPC server listens → HTTP listens; ready when the models are known. End: not ready → drain
// window → streams end, calls in flight are answered → prediction log flushed → engines closed.

import { servingApi } from '@millrace/api';
import { TOPICS, topicName } from '@millrace/contracts';
import { servingSettings } from '@millrace/deployment';
import { PlatformError, seededRng } from '@millrace/domain';
import { type RunningHttp2Server, startHttp2Server } from '@millrace/grpc';
import { defineService, type ServiceContext } from '@millrace/service';
import {
  appendMetricsText,
  gatherMetricsText,
  gauge,
  logLevels,
  processMetricsText,
  setLogLevels,
} from '@millrace/telemetry';
import type { FastifyInstance } from 'fastify';
import { type InferGrpcPorts, inferService } from './api/infer.grpc.js';
import { RelayEndpoint } from './api/relay.grpc.js';
import { STATISTICS, StatsHttp } from './api/stats.http.js';
import { registerV2 } from './api/v2.http.js';
import type { ServingConfig } from './config.js';
import type { BatchJobPorts } from './jobs/batch-job.js';
import { BatchJobs } from './jobs/batch-jobs.js';
import { JobTopics } from './jobs/job-topics.kafka.js';
import { noJobs, registerJobs } from './jobs/jobs.http.js';
import { inferenceMetricsText } from './models/metrics-text.js';
import type { ModelSet } from './models/model-set.js';
import { ModelStart } from './models/model-start.js';
import { modelSet } from './models/models.module.js';
import { PlatformLink } from './models/platform-link.kafka.js';
import { browserFile } from './packages/browser-files.js';
import { packageFiles } from './packages/package-files.fs.js';
import { Predictor } from './predict/predictor.js';
import { requestTracer } from './predict/request-tracer.grpc.js';
import { TraceSettings } from './predict/trace-settings.js';
import { predictionLog } from './predictions/predictions.module.js';
import { listModels } from './repository/model-repository.process.js';
import { OwnStatistics, type StatisticsSource, WorkersStatistics } from './workers/statistics-source.js';
import { WorkerLink } from './workers/worker-link.process.js';
import type { Question } from './workers/worker-messages.js';

/** One whose models take longer, or whose broker is away, listens all the same: it may be the only one. */
const LISTEN_AT_LATEST_MS = 15_000;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Context = ServiceContext<ServingConfig>;

export const serving = defineService({
  name: 'serving',
  settings: servingSettings,
  build: (context) => {
    const { config, clock, log, readiness, shutdown } = context;
    const files = packageFiles(config);
    const platform = platformLink(context);
    const { predictions, answered } = predictionLog(context, platform?.producer);
    const models = modelSet(context, files, answered);
    const predictor = new Predictor(models);
    const jobs = batchJobs(context, models, predictor);
    const own = new OwnStatistics(models, () => predictions);
    // The other workers of the port; undefined: this process serves alone.
    const workers = WorkerLink.current();
    const statistics = workers ? new WorkersStatistics(models, (question) => workers.ask(question)) : own;
    const answer = (question: Question) => answerWorkers(question, models, own, () => start.ready);
    workers?.listen(answer);
    const start: ModelStart = new ModelStart(models, config, {
      log,
      catchUp: async () => {
        // Refused here as it was refused elsewhere: logged and indexed by the model set.
        for (const change of (await workers?.changes()) ?? []) await answer(change).catch(() => {});
      },
      stopping: () => shutdown.begun,
      later: (delayMs, work) => void setTimeout(work, delayMs).unref(),
    });
    readiness.register('models', () => start.ready);
    const traces = new TraceSettings(seededRng(clock.nowMs() ^ process.pid ^ 0x7ace));
    const api: InferGrpcPorts = {
      models,
      predictor,
      tracer: requestTracer,
      traces,
      logs: { levels: logLevels, set: setLogLevels },
      repository: workers ?? models,
      statistics,
      clock,
      ready: () => start.ready,
    };
    const relay = new RelayEndpoint({ predictor, tracer: requestTracer, traces, clock });
    observe(statistics, models, relay);

    let grpc: RunningHttp2Server | undefined;
    shutdown.onDrain('serving', async () => {
      grpc?.health.setServing(false);
      // Routers and clients see "not ready" before anything is refused.
      await sleep(config.drainWindowMs);
      // Each ends after the transaction that runs; the next start goes on from there. Beside the endpoints: neither may
      // keep the other, nor the log behind them, waiting.
      const jobsEnded = jobs?.close(config.drainMaxMs);
      relay.endAll();
      await Promise.all([jobsEnded, grpc?.close(config.drainMaxMs)]);
      predictor.stopAccepting();
      await models.close();
      await predictions.close(config.flushMaxMs);
      const { written, dropped } = predictions;
      log.info('drained', { predictionsLogged: written, predictionsDropped: dropped });
    });

    return {
      http: {
        port: config.httpPort,
        host: config.host,
        api: servingApi,
        prepare: async (app) => {
          const http = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
          registerV2(http, { ...api, browserFile: (model, version, name) => browserFile(files, model, version, name) });
          await registerJobs(http, jobs ?? noJobs(workers !== undefined));
        },
      },
      controllers: [StatsHttp],
      provide: [[STATISTICS, api.statistics]],
      start: async () => {
        if (config.standalone) await requireRepository(config.repository);
        const known = start.run(await platform?.start(models));
        // Connections come to whoever listens, a worker or one of many replicas: it listens when it can answer.
        await Promise.race([known, sleep(LISTEN_AT_LATEST_MS)]);
        grpc = await startHttp2Server({
          port: config.grpcPort,
          host: config.host,
          connectionAgeMaxMs: config.connectionAgeMaxMs,
          clock,
          services: [inferService(api), relay.binding()],
        });
        grpc.health.setServing(start.ready);
        workers?.ready();
        void known.then(() => grpc?.health.setServing(start.ready));
      },
    };
  },
});

/** undefined: a folder is served alone, without Kafka. */
function platformLink({ config, clock, shutdown }: Context): PlatformLink | undefined {
  if (config.standalone) return undefined;
  const link = new PlatformLink(config, clock);
  shutdown.onClose('platform', () => link.close());
  return link;
}

/**
 * undefined where there are none: a question about a job reaches any of the workers, and each would know only its own.
 */
function batchJobs({ config, clock, shutdown }: Context, models: ModelSet, predictor: Predictor) {
  if (config.standalone || WorkerLink.current() !== undefined) return undefined;
  const topics = new JobTopics(config);
  shutdown.onClose('job topics', () => topics.close());
  const ports: BatchJobPorts = {
    find: (model, version) => models.find(model, version),
    infer: (request, facts, answer) => void predictor.infer(request, facts, answer),
    pause: sleep,
    clock,
  };
  return new BatchJobs(topics, ports, new Set(TOPICS.map(({ name }) => topicName(config.topicPrefix, name))));
}

/** What this worker says to, or does for, the others. */
async function answerWorkers(
  question: Question,
  models: ModelSet,
  own: OwnStatistics,
  ready: () => boolean,
): Promise<unknown> {
  switch (question.kind) {
    case 'statistics':
      return own.answer();
    case 'metrics':
      return processMetricsText();
    case 'ready':
      return ready() && models.isReady(question.model, question.version);
    case 'load':
      return models.load(question.model, question.parameters);
    case 'unload':
      return models.unload(question.model, question.dependents);
  }
}

function observe(statistics: StatisticsSource, models: ModelSet, relay: RelayEndpoint): void {
  gauge('millrace.serving.relay_streams').observe(() => relay.streams);
  if (statistics instanceof WorkersStatistics) gatherMetricsText(() => statistics.metricsText());
  else appendMetricsText(() => inferenceMetricsText([...models.served()]));
}

/** Alone there is nothing else to serve: a missing folder is a fault of the settings, and the start ends. */
async function requireRepository(repository: string): Promise<void> {
  if (repository === '') {
    throw new PlatformError('invalid_argument', 'MILLRACE_SERVING_STANDALONE needs MILLRACE_SERVING_REPOSITORY');
  }
  await listModels(repository);
}
