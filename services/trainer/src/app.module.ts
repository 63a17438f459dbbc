// Wiring of the trainer: which edge fills which port. The consumer joins when projects, datasets, models and what
// the trainer at work keeps are read. One member of its group is given all partitions: it takes the place of the
// writer, so that its predecessor is refused, reads what that one wrote, takes its trainings up and begins the
// loops; workers join it. The others stand by. Who was replaced ends, and its supervisor starts it again. End: no
// new training → workers are told → producers flushed. A training in progress is not waited for: its request stays
// on trainer.v1, and the next process goes on.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { trainerApi } from '@millrace/api';
import { type ArtifactStore, openArtifactStore, outlast, sha256 } from '@millrace/artifacts';
import { AuditTrail, openAuditTrail } from '@millrace/audit';
import { CollectiveService, decodeTrainerEntry, encodeTrainerEntry, TrainingService } from '@millrace/contracts';
import { topicTerms, trainerSettings } from '@millrace/deployment';
import { Uploads } from '@millrace/files';
import {
  CompactedReader,
  type CompactedReaderSettings,
  ensureTopics,
  FencedWriters,
  KafkaConnection,
  KafkaStrategy,
  MessageProducer,
  untilAvailable,
} from '@millrace/kafka';
import { defineService, type ServiceContext, within } from '@millrace/service';
import { gauge, logger } from '@millrace/telemetry';
import type { FastifyInstance } from 'fastify';
import { BacktestHttp, BacktestRows } from './api/backtest.http.js';
import { RegistrationsHttp } from './api/registrations.http.js';
import { RetentionHttp } from './api/retention.http.js';
import { TrainerHttp } from './api/trainer.http.js';
import { TrainingGrpc } from './api/training.grpc.js';
import { Collective, TICK_MS } from './collective/collective.js';
import { COORDINATOR_DEFAULTS, Coordinator } from './collective/coordinator.js';
import { TOKEN_BYTES } from './collective/handshake.js';
import { CLOCK, RendezvousGrpc } from './collective/rendezvous.grpc.js';
import type { TrainerConfig } from './config.js';
import { Duty } from './duty/duty.js';
import { type Outlast, outlasting } from './duty/outlasting.js';
import { type Place, placeOf } from './duty/place.kafka.js';
import { refuseOnStandby } from './duty/standby.http.js';
import { TrainerLog } from './duty/trainer-log.kafka.js';
import { KeptState } from './kept/kept-state.js';
import { LoopHttp } from './loop/loop.http.js';
import { DriftEventConsumer, LoopCommands, loopEntries, projectEntries } from './loop/loop-events.kafka.js';
import { LoopRunner } from './loop/loop-runner.js';
import { LoopFiles } from './loop/loop-store.fs.js';
import { ProbationComparisons } from './loop/probation-comparisons.js';
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
import { ModelCollector } from './retention/model-collector.js';
import { ModelUses } from './retention/model-retention.js';
import { holdUses, routeUses } from './retention/model-retention.kafka.js';
import { modelCollector } from './retention/retention.module.js';
import { JobFiles } from './training/job-files.fs.js';
import { KeptRequests } from './training/kept-requests.js';
import { type After, ProjectRevisions } from './training/project-revisions.js';
import { TrainingRunner } from './training/runner.js';

/** The loop looks at cool-downs and failed effects so often. */
const LOOP_TICK_MS = 1_000;
/** Between two tries of a write that must not be lost; each try takes up to 30 s by itself. */
const TRY_AGAIN_MS = 500;
const PRODUCER_CLOSE_MS = 3_000;
const WRITER_CLOSE_MS = 2_000;
/** Without a word for so long the trainer at work has died; it computes for seconds at a time. */
const MEMBER_TIMEOUT_MS = 8_000;
/** How often it is looked for model versions that retention lets go of. */
const COLLECT_MS = 60_000;
/** How often uploads are looked at whose time may be over. */
const UPLOADS_CHECK_MS = 60_000;
/** By which the group knows a trainer again. */
const WORD_BYTES = 8;
/** A request names at most 1,000 dataset versions of 64 characters. */
const BODY_BYTES_MAX = 262_144;

type Context = ServiceContext<TrainerConfig>;

export const trainer = defineService({
  name: 'trainer',
  settings: trainerSettings,
  build: (context) => {
    const { config, clock, log, readiness, shutdown } = context;
    const { connection, producer, audit } = kafkaEdges(context);
    const store = openArtifactStore(config);
    const files = new JobFiles(config.home);
    const registry = new ModelRegistry();
    const { coordinator, collective } = workers(context, files);
    const uploads = modelUploads(context);
    const opener = new ModelServers(join(config.home, 'trainer', 'work', 'models'), config);
    const duty = new Duty();
    const place = placeOf(() => strategy, randomBytes(WORD_BYTES).toString('hex'));
    const writer = trainerLog(context, connection, duty, place);
    let hasClosed = false;
    const outlast = outlasting({
      ended: () => hasClosed,
      pause: () => new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS)),
      log: (message, facts) => log.info(message, facts),
    });
    const kept = new KeptState(
      (key, entry) => writer.write('trainer.v1', [{ key, value: entry && encodeTrainerEntry(entry) }]),
      new LoopFiles(join(config.home, 'trainer', 'loop')),
    );
    const announcements = new Announcements(writer, outlast);
    const say: PipelineParts['log'] = (message, facts) => log.info(message, facts);
    const parts = { registry, store, files, collective, announcements, opener, clock, log: say };
    const revisions = new ProjectRevisions((project) => registry.projectRevision(project), after);
    const runner = trainings(context, parts, { uploads, revisions, kept, duty });
    const loop = retrainingLoop(context, writer, kept, { runner, parts, outlast });
    const uses = new ModelUses();
    const state = knownState(context, connection, { registry, revisions, kept, loop, runner, outlast, uses });
    const collector = modelCollector(
      store,
      {
        ...{ uses, clock, models: (project) => registry.models(project) },
        allVersions: (project) => registry.allVersions(project),
        goneVersions: (project) => registry.goneVersions(project),
        rules: (project) => registry.project(project)?.retention.models,
        openTraining: (project) => runner.openOf(project),
        tell: (versions, gone) => announcements.modelsNow(versions, gone),
      },
      () => state.upToNow(),
      () => state.followHolds(),
    );
    tellOfFailures(runner, loop, outlast, log);
    readiness.register('registry', () => duty.isKnown);
    // New trainings end before their workers are told.
    shutdown.onDrain('trainings', () => {
      runner.close();
      // Only then: what a training waits for that is given up is no failure of it.
      hasClosed = true;
    });
    shutdown.onDrain('workers', () => coordinator.close(clock.nowMs()));
    shutdown.onDrain('models', () => opener.close());
    const assigned = async (holds: boolean): Promise<void> => {
      if (!holds) {
        if (duty.replaced()) {
          endReplaced(context);
          return;
        }
        duty.standBy();
        log.info('stands by for the trainer at work');
        return;
      }
      await untilAvailable('the place of the trainer at work', () => writer.takeOver());
      // The group may have thought of another one since: then it is about to say so.
      if (duty.isChosen || !(await place.claim())) return;
      duty.chosen();
      await untilAvailable('what the trainer before kept', () => state.upToNow());
      await uploads.restore();
      await runner.resume(() => state.beginLoops());
      duty.begin();
      log.info('trainer at work', { grpcPort: config.grpcPort });
    };
    const strategy = new KafkaStrategy({
      connection,
      groupId: 'trainer',
      service: 'trainer',
      producer,
      fetchBytesMin: 1,
      sharing: 'one holder',
      memberTimeoutMs: MEMBER_TIMEOUT_MS,
      startWhen: () => state.read(),
      onAssigned: (assignment) => assigned(Object.values(assignment).some(({ length }) => length > 0)),
    });
    return {
      http: {
        port: config.httpPort,
        bodyBytesMax: BODY_BYTES_MAX,
        api: trainerApi,
        streams: true,
        prepare: (app) => refuseOnStandby(app.getHttpAdapter().getInstance() as unknown as FastifyInstance, duty),
      },
      grpc: { port: config.grpcPort, host: config.grpcHost, services: [CollectiveService, TrainingService] },
      controllers: [
        ...[TrainerHttp, RegistrationsHttp, RetentionHttp, BacktestHttp, LoopHttp, RendezvousGrpc, TrainingGrpc],
        ...[TrainingCommandsConsumer, DriftEventConsumer],
      ],
      provide: [
        [CLOCK, clock],
        [TrainingRunner, runner],
        [ModelRegistry, registry],
        [Coordinator, coordinator],
        [Duty, duty],
        [PackageFiles, new PackageFiles(store, sha256)],
        [ModelCollector, collector],
        [LoopRunner, loop],
        [AuditTrail, audit],
        [Uploads, uploads],
        [BacktestRows, { ports: pipelinePorts(parts) }],
      ],
      consumers: [strategy],
      holds: () => strategy.partitions(),
      ticks: [
        { name: 'workers', everyMs: TICK_MS, work: () => (shutdown.begun ? undefined : collective.tick()) },
        {
          name: 'loop',
          everyMs: LOOP_TICK_MS,
          work: () => (duty.isActive && !shutdown.begun ? loop.tick() : undefined),
        },
        {
          name: 'delete model versions',
          everyMs: COLLECT_MS,
          work: async () => {
            for (const project of registry.projectNames()) {
              if (!duty.isActive || shutdown.begun) return;
              if (registry.project(project)?.retention.models !== undefined) await collector.collectAll(project);
            }
          },
        },
        {
          name: 'expire uploads',
          everyMs: UPLOADS_CHECK_MS,
          work: async () => {
            if (!duty.isActive) return;
            for (const name of await uploads.expire()) log.info('an upload that became no version has left', { name });
          },
        },
      ],
    };
  },
});

function kafkaEdges({ config, clock, log, shutdown }: Context) {
  const connection = new KafkaConnection({
    brokers: config.kafkaBrokers,
    clientId: `trainer-${config.replica}`,
    topicPrefix: config.topicPrefix,
    topics: topicTerms(config),
  });
  const producer = new MessageProducer(connection, { name: 'control', clock });
  shutdown.onClose('connection', () => connection.close());
  shutdown.onClose('producer', () => producer.close(PRODUCER_CLOSE_MS));
  const audit = openAuditTrail({ service: 'trainer', replica: config.replica, clock, log, producer });
  shutdown.onClose('audit', () => audit.close(PRODUCER_CLOSE_MS));
  return { connection, producer, audit };
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

/** What every write of the trainer goes through. */
function trainerLog(context: Context, connection: KafkaConnection, duty: Duty, place: Place): TrainerLog {
  const { clock, shutdown } = context;
  const writers = new FencedWriters(connection, 'trainer');
  const writer = new TrainerLog(
    writers,
    {
      confirmed: () => place.confirm(),
      replaced: () => {
        if (duty.replaced()) endReplaced(context);
      },
    },
    clock,
  );
  shutdown.onClose('writer', () => within(WRITER_CLOSE_MS, writer.close()));
  return writer;
}

/** Everything that this process knows and does is out of date; nothing that it writes is taken. */
function endReplaced({ log, shutdown }: Context): void {
  if (shutdown.begun) return;
  log.error('another trainer has taken over: this one ends, to begin anew as one that stands by');
  // Lets the log line out.
  setTimeout(() => process.exit(1), 50);
}

interface TrainingWiring {
  uploads: Uploads;
  revisions: ProjectRevisions;
  kept: KeptState;
  duty: Duty;
}

function trainings(
  { clock, log }: Context,
  parts: PipelineParts,
  { uploads, revisions, kept, duty }: TrainingWiring,
): TrainingRunner {
  const { registry, announcements, store, files, opener, collective } = parts;
  const requests = new KeptRequests(kept, uploads, (training, thrown) =>
    log.error('a model file was not removed', { training }, thrown),
  );
  const ports = pipelinePorts(parts);
  const putFolder: ArtifactStore['putFolder'] = async (path, contents) => {
    await announcements.refuseReplaced();
    return outlast(() => store.putFolder(path, contents), clock);
  };
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
      forget: async (project, id, done) => {
        await requests.forget(project, id, done);
        // A killed trainer may have left them after the announcement.
        if (done) files.remove(folderOf(id));
      },
      requireDuty: () => duty.requireChosen(),
      kept: () => requests.kept(),
      cancel: (id) => collective.cancel(id),
      log: (message, facts) => log.info(message, facts),
    },
    clock,
  );
}

function retrainingLoop(
  { clock, log }: Context,
  writer: TrainerLog,
  kept: KeptState,
  { runner, parts, outlast }: { runner: TrainingRunner; parts: PipelineParts; outlast: Outlast },
): LoopRunner {
  const commands = new LoopCommands(writer, clock);
  const comparisons = new ProbationComparisons({
    ...pipelinePorts(parts),
    turn: () => new Promise((resolve) => setImmediate(resolve)),
    project: (name) => parts.registry.project(name),
    tell: (project, input) => outlast(`${input.kind} of ${project}`, () => loop.apply(project, input)),
    log,
  });
  const loop = new LoopRunner(
    kept,
    {
      startTraining: async (project, { trainingId, ...effect }) => {
        const { datasetVersions, evaluationShare, warmStartVersion, correlationId, trigger } = effect;
        const rest = { evaluateFromMs: 0, workers: 0, seed: 0, trigger, leaveOutUnfit: true };
        await runner.start(
          { project, datasetVersions, evaluationShare, warmStartVersion, correlationId, ...rest },
          trainingId,
        );
      },
      startRollout: (project, effect) => commands.startRollout(project, effect),
      rollback: (project, effect) => commands.rollback(project, effect),
      compare: async (project, effect) => comparisons.ask(project, effect),
    },
    clock,
    logger('loop'),
  );
  return loop;
}

/** A loop waits for the trainings that it has started. */
function tellOfFailures(runner: TrainingRunner, loop: LoopRunner, outlast: Outlast, log: Context['log']): void {
  runner.onEnd((end) => {
    if (end.kind !== 'failed') return;
    const { project } = end.request;
    const input = { kind: 'training_failed' as const, trainingId: end.trainingId, message: end.message };
    outlast(`${input.kind} of ${project}`, () => loop.apply(project, input)).catch((error: unknown) =>
      log.error('the loop was not told of a failed training', { project }, error),
    );
  });
}

interface Followers {
  registry: ModelRegistry;
  revisions: ProjectRevisions;
  kept: KeptState;
  loop: LoopRunner;
  runner: TrainingRunner;
  outlast: Outlast;
  uses: ModelUses;
}

/** Every trainer follows the registry and what is kept; the loops are followed by the one at work. */
function knownState({ config, shutdown }: Context, connection: KafkaConnection, followers: Followers) {
  const { registry, revisions, kept, loop, runner, uses } = followers;
  const name = `trainer-${config.replica}`;
  const follow = (of: string, topics: CompactedReaderSettings['topics']): CompactedReader => {
    const reader = new CompactedReader(connection, { name: of, topics });
    shutdown.onClose('reader', () => reader.close());
    return reader;
  };
  const known = follow(
    name,
    chained(registryEntries(registry), routeUses(uses), {
      'projects.v1': (project) => revisions.told(project),
      'trainer.v1': (key, value) => kept.told(key, value && decodeTrainerEntry(value)),
    }),
  );
  const read = async (): Promise<void> => {
    await untilAvailable('topics', () => ensureTopics(connection));
    await untilAvailable('state', () => known.caughtUp());
  };
  /** A loop exists once its project is known, and then hears of datasets, models and routes. */
  const beginLoops = async (): Promise<void> => {
    let isRead = false;
    const deleted = async (project: string): Promise<void> => {
      runner.stop(project);
      if (isRead) await loop.tidy();
    };
    for (const reader of [
      follow(`${name}-projects`, projectEntries(loop, deleted)),
      follow(`${name}-loop`, loopEntries(loop, followers.outlast)),
    ])
      await untilAvailable('what the loops follow', () => reader.caughtUp());
    await loop.tidy();
    isRead = true;
  };
  return {
    read,
    upToNow: () => known.upToNow(),
    beginLoops,
    followHolds: () => follow(`${name}-holds`, holdUses(uses)),
  };
}
