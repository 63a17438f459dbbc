// Wiring of the trainer: which edge fills which port. Workers may join as soon as gRPC listens. Consumers join when
// projects, datasets, models and the loops' state are read and what an earlier process left unfinished is taken up.
// End: no new training → workers are told → producers flushed. A training in progress is not waited for: its request
// and its checkpoints stay on disk, and the next process goes on.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { trainerApi } from '@millrace/api';
import { type ArtifactStore, openArtifactStore, outlast, sha256 } from '@millrace/artifacts';
import { CollectiveService, TrainingService } from '@millrace/contracts';
import { trainerSettings } from '@millrace/deployment';
import { Uploads } from '@millrace/files';
import {
  CompactedReader,
  ensureTopics,
  KafkaConnection,
  KafkaStrategy,
  MessageProducer,
  untilAvailable,
} from '@millrace/kafka';
import { defineService, type ServiceContext } from '@millrace/service';
import { gauge, logger } from '@millrace/telemetry';
import { RegistrationsHttp } from './api/registrations.http.js';
import { TrainerHttp } from './api/trainer.http.js';
import { TrainingGrpc } from './api/training.grpc.js';
import { Collective, TICK_MS } from './collective/collective.js';
import { COORDINATOR_DEFAULTS, Coordinator } from './collective/coordinator.js';
import { TOKEN_BYTES } from './collective/handshake.js';
import { CLOCK, RendezvousGrpc } from './collective/rendezvous.grpc.js';
import type { TrainerConfig } from './config.js';
import { LoopHttp } from './loop/loop.http.js';
import { DriftEventConsumer, LoopCommands, loopEntries, projectEntries } from './loop/loop-events.kafka.js';
import { LoopRunner } from './loop/loop-runner.js';
import { LoopFiles } from './loop/loop-store.fs.js';
import { folderOf } from './pipeline/fit.js';
import { type PipelineParts, pipelinePorts } from './pipeline/pipeline.module.js';
import { runTraining } from './pipeline/training-pipeline.js';
import { ModelServers } from './registration/model-server.process.js';
import { modelUploads, registrationPorts } from './registration/registration.module.js';
import { runRegistration } from './registration/registration-pipeline.js';
import { TrainingCommandsConsumer } from './registry/commands.kafka.js';
import { ModelRegistry } from './registry/model-registry.js';
import { Announcements, chained, registryEntries } from './registry/model-registry.kafka.js';
import { PackageFiles } from './registry/package-files.js';
import { JobFiles } from './training/job-files.fs.js';
import { KeptRequests } from './training/kept-requests.js';
import { type After, ProjectRevisions } from './training/project-revisions.js';
import { RequestFiles } from './training/request-files.fs.js';
import { TrainingRunner } from './training/runner.js';

/** The loop looks at cool-downs and failed effects so often. */
const LOOP_TICK_MS = 1_000;
const PRODUCER_CLOSE_MS = 3_000;
/** How often uploads are looked at whose time may be over. */
const UPLOADS_CHECK_MS = 60_000;
/** A request names at most 1,000 dataset versions of 64 characters. */
const BODY_BYTES_MAX = 262_144;

type Context = ServiceContext<TrainerConfig>;

export const trainer = defineService({
  name: 'trainer',
  settings: trainerSettings,
  build: (context) => {
    const { config, clock, log, readiness, shutdown } = context;
    const { connection, producer } = kafkaEdges(context);
    const store = openArtifactStore(config);
    const files = new JobFiles(config.home);
    const registry = new ModelRegistry();
    const { coordinator, collective } = workers(context, files);
    const uploads = modelUploads(context);
    const opener = new ModelServers(join(config.home, 'trainer', 'work', 'models'), config);
    const parts = { registry, store, files, collective, announcements: new Announcements(producer), opener, clock };
    const revisions = new ProjectRevisions((project) => registry.projectRevision(project), after);
    const runner = trainings(context, parts, uploads, revisions);
    const loop = retrainingLoop(context, producer, runner);
    const state = knownState(context, connection, { registry, revisions, loop, runner });
    readiness.register('registry', () => state.isRead());
    // New trainings end before their workers are told.
    shutdown.onDrain('trainings', () => runner.close());
    shutdown.onDrain('workers', () => coordinator.close(clock.nowMs()));
    shutdown.onDrain('models', () => opener.close());
    const restored = async (): Promise<void> => {
      await uploads.restore();
      await state.read();
      tellOfFailures(runner, loop, log);
      runner.resume();
      log.info('trainer ready', { grpcPort: config.grpcPort });
    };
    return {
      http: { port: config.httpPort, bodyBytesMax: BODY_BYTES_MAX, api: trainerApi, streams: true },
      grpc: { port: config.grpcPort, host: config.grpcHost, services: [CollectiveService, TrainingService] },
      controllers: [
        ...[TrainerHttp, RegistrationsHttp, LoopHttp, RendezvousGrpc, TrainingGrpc],
        ...[TrainingCommandsConsumer, DriftEventConsumer],
      ],
      provide: [
        [CLOCK, clock],
        [TrainingRunner, runner],
        [ModelRegistry, registry],
        [Coordinator, coordinator],
        [PackageFiles, new PackageFiles(store, sha256)],
        [LoopRunner, loop],
        [Uploads, uploads],
      ],
      consumers: [
        new KafkaStrategy({
          connection,
          groupId: 'trainer',
          service: 'trainer',
          producer,
          fetchBytesMin: 1,
          startWhen: restored,
        }),
      ],
      ticks: [
        { name: 'workers', everyMs: TICK_MS, work: () => (shutdown.begun ? undefined : collective.tick()) },
        {
          name: 'loop',
          everyMs: LOOP_TICK_MS,
          work: () => (state.isRead() && !shutdown.begun ? loop.tick() : undefined),
        },
        {
          name: 'expire uploads',
          everyMs: UPLOADS_CHECK_MS,
          work: async () => {
            for (const name of await uploads.expire()) log.info('an upload that became no version has left', { name });
          },
        },
      ],
    };
  },
});

function kafkaEdges({ config, clock, shutdown }: Context) {
  const connection = new KafkaConnection({
    brokers: config.kafkaBrokers,
    clientId: `trainer-${config.replica}`,
    topicPrefix: config.topicPrefix,
  });
  const producer = new MessageProducer(connection, { name: 'control', clock });
  shutdown.onClose('connection', () => connection.close());
  shutdown.onClose('producer', () => producer.close(PRODUCER_CLOSE_MS));
  return { connection, producer };
}

/** The training workers of other processes, as one collective. */
function workers({ config, clock, log }: Context, files: JobFiles) {
  const coordinator = new Coordinator(
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
  gauge('millrace.trainer.workers').observe(() => coordinator.views().length);
  return { coordinator, collective: new Collective(coordinator, files, clock) };
}

const after: After = (delayMs, work) => {
  const timer = setTimeout(work, delayMs);
  return () => clearTimeout(timer);
};

function trainings(
  { config, clock, log }: Context,
  parts: PipelineParts,
  uploads: Uploads,
  revisions: ProjectRevisions,
): TrainingRunner {
  const { registry, announcements, store, files, opener, collective } = parts;
  const requests = new KeptRequests(
    new RequestFiles(join(config.home, 'trainer', 'requests')),
    uploads,
    (training, thrown) => log.error('a model file was not removed', { training }, thrown),
  );
  const ports = pipelinePorts(parts);
  const putFolder: ArtifactStore['putFolder'] = (path, contents) =>
    outlast(() => store.putFolder(path, contents), clock);
  const registration = registrationPorts(ports, ports.publish, { putFolder, uploads, opener });
  return new TrainingRunner(
    {
      project: (name) => registry.project(name),
      projectCreatedAtMs: (name) => registry.createdAtMs(name),
      revisions,
      announced: (project, trainingId) => registry.announced(project, trainingId),
      hasVersion: (project) => registry.models(project).length > 0,
      train: (id, request, project, reporter, isStopped) => {
        const { registration: asked } = request;
        return asked === undefined
          ? runTraining(id, request, project, reporter, ports, isStopped)
          : runRegistration(id, { ...request, registration: asked }, project, reporter, registration, isStopped);
      },
      publish: (update) => announcements.update(update),
      keep: (...kept) => requests.keep(...kept),
      forget: (id, done) => {
        requests.forget(id, done);
        // A killed trainer may have left them after the announcement.
        if (done) files.remove(folderOf(id));
      },
      kept: () => requests.kept(),
      cancel: (id) => collective.cancel(id),
      log: (message, facts) => log.info(message, facts),
    },
    clock,
  );
}

function retrainingLoop({ config, clock }: Context, producer: MessageProducer, runner: TrainingRunner): LoopRunner {
  const commands = new LoopCommands(producer, clock);
  return new LoopRunner(
    new LoopFiles(join(config.home, 'trainer', 'loop')),
    {
      startTraining: async (project, { trainingId, ...effect }) => {
        const { datasetVersions, evaluationShare, warmStartVersion, correlationId } = effect;
        const rest = { evaluateFromMs: 0, workers: 0, seed: 0, trigger: 'drift' };
        await runner.start(
          { project, datasetVersions, evaluationShare, warmStartVersion, correlationId, ...rest },
          trainingId,
        );
      },
      startRollout: (project, effect) => commands.startRollout(project, effect),
      rollback: (project, effect) => commands.rollback(project, effect),
    },
    clock,
    logger('loop'),
  );
}

/** A loop waits for the trainings that it has started. */
function tellOfFailures(runner: TrainingRunner, loop: LoopRunner, log: Context['log']): void {
  runner.onEnd((end) => {
    if (end.kind !== 'failed') return;
    const { project } = end.request;
    const input = { kind: 'training_failed' as const, trainingId: end.trainingId, message: end.message };
    loop
      .apply(project, input)
      .catch((error: unknown) => log.error('the loop was not told of a failed training', { project }, error));
  });
}

/** The registry first, then what the loops follow: a loop exists once its project is known. */
function knownState(
  { config, shutdown }: Context,
  connection: KafkaConnection,
  followers: { registry: ModelRegistry; revisions: ProjectRevisions; loop: LoopRunner; runner: TrainingRunner },
) {
  const { registry, revisions, loop, runner } = followers;
  const name = `trainer-${config.replica}`;
  let isRead = false;
  const deleted = async (project: string): Promise<void> => {
    runner.stop(project);
    if (isRead) await loop.tidy();
  };
  const readers = [
    new CompactedReader(connection, {
      name,
      topics: chained(registryEntries(registry), projectEntries(loop, deleted), {
        'projects.v1': (project) => revisions.told(project),
      }),
    }),
    new CompactedReader(connection, { name: `${name}-loop`, topics: loopEntries(loop) }),
  ];
  for (const reader of readers) shutdown.onClose('reader', () => reader.close());
  const read = async (): Promise<void> => {
    await untilAvailable('topics', () => ensureTopics(connection));
    for (const reader of readers) await untilAvailable('state', () => reader.caughtUp());
    await loop.tidy();
    isRead = true;
  };
  return { read, isRead: () => isRead };
}
