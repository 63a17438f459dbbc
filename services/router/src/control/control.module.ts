// Wiring of route control: routes come from routes.v1 (until Kafka is read, from the snapshot), commands go to
// commands.v1 and are applied by the process that holds their partition.

import { join } from 'node:path';
import { OWN_TOOL } from '@millrace/api';
import { openAuditTrail } from '@millrace/audit';
import { topicTerms } from '@millrace/deployment';
import { PROJECTS_MAX } from '@millrace/domain';
import {
  ensureTopics,
  inTime,
  KafkaConnection,
  type KafkaStrategy,
  MessageProducer,
  TakingAgain,
  untilAvailable,
} from '@millrace/kafka';
import {
  DEFAULT_STRATEGY,
  isOfLaterRelease,
  type RolloutStrategy,
  type Route,
  rolloutProgress,
} from '@millrace/routing';
import { type ServiceContext, type Tick, within } from '@millrace/service';
import { type AnalysisWiring, analysis } from '../analysis/analysis.module.js';
import type { RouterConfig } from '../config.js';
import type { RequestPath } from '../endpoints/endpoints.module.js';
import { CommandAudit } from './command-audit.js';
import { commandsConsumer, KafkaCommandLog } from './commands.kafka.js';
import { KnownVersions, type VersionKnowledge } from './known-versions.js';
import { RemovedProjects } from './removed-projects.js';
import { NOTE_CHARACTERS_MAX, RouteControl } from './route-control.js';
import { RouteOwner } from './route-owner.js';
import { KafkaRouteLog, type ProjectFacts, RouteFollower } from './routes.kafka.js';
import { SnapshotFile } from './snapshot.fs.js';
import { ANALYSIS } from './step-watch.js';

const PRODUCER_CLOSE_MS = 1_000;
/** `rollout.keep` is 10 s at least. */
const UNLOAD_EVERY_MS = 1_000;
/** With a broker they take some milliseconds. */
const KAFKA_CLOSE_MS = 2_000;
/** With a broker some hundred milliseconds; a router without one is to serve from its copy all the same. */
const CURRENT_MS_MAX = 5_000;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Context = ServiceContext<RouterConfig>;

export interface ControlWiring {
  control: RouteControl;
  owner: RouteOwner;
  routeLog: KafkaRouteLog;
  consumer: KafkaStrategy;
  audit: CommandAudit;
  /** A project of projects.v1, whether it has a route or not. */
  knownProject(project: string): boolean;
  /** Of rollouts under way. */
  analysing: AnalysisWiring;
  /** Unloads what has had nothing to do for its time. */
  unloading: Tick;
  /**
   * Routes of the snapshot, then those of Kafka as they come. Resolves when these are read, or do not come in time:
   * what was taken back while this router was away must not answer again, not even its first request.
   */
  follow(): Promise<void>;
}

export function routeControl(context: Context, path: RequestPath): ControlWiring {
  const { config, clock, log, shutdown } = context;
  const { table, switches, outcomes, serving, ids, upstream } = path;
  const connection = new KafkaConnection({
    brokers: config.kafkaBrokers,
    clientId: `router-${config.replica}`,
    topicPrefix: config.topicPrefix,
    topics: topicTerms(config),
  });
  shutdown.onClose('connection', () => within(KAFKA_CLOSE_MS, connection.close()));
  const projects = new Map<string, ProjectFacts>();
  const knownProject = (project: string): boolean => projects.has(project);
  const snapshot = snapshotFile(context, path, projects);
  shutdown.onClose('snapshot', () => snapshot.flush());
  const producer = new MessageProducer(connection, { lingerMs: 0, name: 'commands' });
  const trail = openAuditTrail({ service: 'router', replica: config.replica, clock, log, producer });
  const audit = new CommandAudit(trail);
  const takingAgain = new TakingAgain({
    group: () => consumer,
    topic: 'routes.v1',
    isEnding: () => shutdown.begun,
  });
  const routeLog = new KafkaRouteLog(connection, (partition, error) => takingAgain.begin(partition, error));
  const held = new Set<number>();
  const strategyOf = strategies(projects);
  const mixed = (project: string, version: number, isCopied: boolean) =>
    isCopied && upstream.table.get(project, version) !== undefined
      ? `version ${version} is at a server elsewhere, and copies are sent to versions that are run here only`
      : upstream.table.mixed(project, version, table.get(project)?.loadedVersions ?? []);
  const probe = {
    modelReady: (project: string, version: number) => {
      const there = upstream.table.get(project, version);
      return there === undefined ? serving.modelReady(project, version) : upstream.readiness.modelReady(there);
    },
    readySomewhere: (project: string, version: number) => {
      const there = upstream.table.get(project, version);
      return there === undefined ? serving.modelReadySomewhere(project, version) : upstream.readiness.modelReady(there);
    },
  };
  const known = new KnownVersions((project) => projects.get(project)?.createdAtMs ?? 0);
  const versions: VersionKnowledge = {
    fault: (command, route) => known.fault(command, route),
    isGone: (project, version) => known.isGone(project, version),
    upToNow: () =>
      inTime(
        follower.readToEnd(),
        config.commandTimeoutMs,
        'whether there is such a version is not known: Kafka is slow',
      ),
  };
  const owner = new RouteOwner(table, switches, routeLog, probe, {
    mixed,
    versions,
    clock,
    loadTimeoutMs: config.loadTimeoutMs,
    sleep,
    failures: (project) => outcomes.failures(project),
    createdAtMs: (project) => projects.get(project)?.createdAtMs,
    strategyOf,
    mayAdvance: (project, route) => analysing.analyst.mayAdvance(project, route),
    askBandit: (route, isOver) => analysing.analyst.bandit(route, isOver),
    onSettled: (project, version, route, made) => {
      control.onSettled(project, version, route, made);
      snapshot.touch();
    },
    onWritten: (before, route) => {
      logRollout(context, route);
      audit.written(before, route);
    },
    onError: (project, error) => log.warn('what became of a version is not written yet', { project }, error),
  });
  const control: RouteControl = new RouteControl(table, new KafkaCommandLog(producer, config.commandTimeoutMs), {
    clock,
    commandId: () => `router-${ids.next()}`,
    commandTimeoutMs: config.commandTimeoutMs,
    loadTimeoutMs: config.loadTimeoutMs,
    knownProject,
    mixed,
    versions,
    strategyOf,
    onRefused: (command, { reason }) => audit.refused(command, reason),
  });
  const holds = (project: string): boolean => held.has(routeLog.partitionOf(project) ?? -1);
  const analysing: AnalysisWiring = analysis(context, {
    ...{ connection, holds, book: path.evidence, routes: () => table.all() },
    planOf: (project) => projects.get(project)?.analysis,
    expectedScores: (project, version, against) => known.expectedScores(project, version, against),
    createdAtMs: (project) => projects.get(project)?.createdAtMs ?? 0,
    versionCreatedAtMs: (project, version) => known.createdAtMsOf(project, version),
    command: async ({ project, version, correlationId, fromRevision }, kind, reason) => {
      const facts = {
        project,
        issuedBy: ANALYSIS,
        tool: OWN_TOOL,
        reason: reason.slice(0, NOTE_CHARACTERS_MAX),
        correlationId,
      };
      // An abort holds for every step of this rollout, and for no later one of the version.
      await control.submit({ ...facts, expectedRevision: kind === 'abort' ? fromRevision : 0 }, { kind, version });
    },
  });
  const removed = new RemovedProjects({
    holds,
    outlived: () =>
      table
        .all()
        .filter(({ project, changedAtMs }) => changedAtMs < (projects.get(project)?.createdAtMs ?? 0))
        .map(({ project }) => project),
    hasRoute: (project) => table.get(project) !== undefined || table.isOutdated(project),
    drop: async (project) => {
      await owner.drop(project);
      control.onRemoved(project);
    },
    failed: (project, error) => log.warn('the route of a removed project stays for now', { project }, error),
  });
  const followed = { connection, projects, snapshot, routeLog, held, control, removed, known, analysing };
  const follower: RouteFollower = routeFollower(context, path, followed);
  // Without a broker none of them would end by itself; what they hold is in Kafka or of no worth without it.
  shutdown.onClose('kafka', async () => {
    await trail.close(PRODUCER_CLOSE_MS);
    const closed = [follower.close(), producer.close(PRODUCER_CLOSE_MS), routeLog.close()];
    await within(KAFKA_CLOSE_MS, Promise.all(closed));
  });
  const consumer: KafkaStrategy = commandsConsumer(connection, async (partitions) => {
    held.clear();
    for (const partition of partitions) held.add(partition);
    for (const { project } of table.all()) if (!holds(project)) owner.release(project);
    // A coordinator of transactions that loads takes seconds; what is held may be other partitions by then.
    const taken = await untilAvailable('routes', () => routeLog.hold([...held]));
    await follower.caughtUp();
    // The first read began after nobody else could write any more only if no other replica held the partitions.
    if (taken.length > 0) await follower.readToEnd();
    routeLog.read();
    await removed.dropHeld();
    for (const route of table.all()) if (holds(route.project)) owner.resume(route);
    // A process that stood still was the owner in its own eyes only: what the other one has applied meanwhile is
    // told to its callers now.
    for (const route of table.all()) control.onRoute(route);
  });
  const follow = async (): Promise<void> => {
    const saved = await snapshot.read();
    for (const route of saved?.routes ?? []) table.apply(route);
    for (const { project, entries } of saved?.switches ?? []) switches.restore(project, entries);
    for (const [project, sticky] of Object.entries(saved?.sticky ?? {})) {
      const matches = saved?.matches?.[project];
      projects.set(project, { sticky, matches, strategy: DEFAULT_STRATEGY, fallbackShare: 0, createdAtMs: 0 });
      table.setSticky(project, sticky);
      table.setMatches(project, matches);
    }
    for (const entry of saved?.upstreams ?? [])
      await upstream.know(entry).catch((error: unknown) => {
        log.warn('a version elsewhere of the snapshot is not known', { project: entry.project }, error);
      });
    follower.start();
    analysing.follow();
    await inTime(follower.caughtUp(), CURRENT_MS_MAX, 'Kafka is slow, or away').catch((error: unknown) => {
      log.warn('routes are not read yet: serves by the copy on disk', { routes: table.all().length }, error);
    });
  };
  const unloading: Tick = {
    name: 'versions without traffic',
    everyMs: UNLOAD_EVERY_MS,
    work: async () => {
      const held = table.all().filter(({ project, keepUntilMs }) => keepUntilMs !== undefined && holds(project));
      await Promise.all(held.map(({ project }) => owner.unloadSpare(project)));
    },
  };
  return { control, owner, routeLog, consumer, audit, analysing, unloading, knownProject, follow };
}

/** One line for each change of a route by its owner: what a rollout has come to, and why. */
function logRollout({ log, clock }: Context, route: Route): void {
  const { project, revision, rollout, targets, reason, correlationId } = route;
  const shares = targets.map(({ version, weight }) => `${version}:${weight}`).join(' ');
  const { phase, version, message: outcome } = rollout;
  const progress = rolloutProgress(route, clock.nowMs());
  const step =
    progress === undefined ? {} : { step: progress.step, steps: progress.steps, waitsFor: progress.waitsFor };
  const { name: experiment, end, arms = [] } = route.experiment ?? {};
  const ofArms = arms.map((arm) => `${arm.version}:${arm.weight}${arm.isReady ? '' : ' (not ready)'}`).join(' ');
  const beside = experiment === undefined ? {} : { experiment, arms: end === undefined ? ofArms : end.reason };
  const change = { project, revision, phase, version, shares, ...step, ...beside, outcome, reason, correlationId };
  log.info('route changed', change);
}

/**
 * Commands are applied after projects were read from Kafka; before that nobody asks but the callers' own look ahead.
 */
function strategies(projects: ReadonlyMap<string, ProjectFacts>): (project: string) => RolloutStrategy {
  return (project) => projects.get(project)?.strategy ?? DEFAULT_STRATEGY;
}

function snapshotFile(
  { config, log }: Context,
  { table, switches, upstream }: RequestPath,
  projects: ReadonlyMap<string, ProjectFacts>,
): SnapshotFile {
  return new SnapshotFile(
    join(config.home, 'router', `routes-${config.replica}.json`),
    () => ({
      routes: table.all(),
      switches: table.all().map(({ project }) => ({ project, entries: [...switches.list(project)] })),
      sticky: Object.fromEntries([...projects].map(([project, { sticky }]) => [project, sticky])),
      matches: Object.fromEntries([...projects].map(([project, { matches = [] }]) => [project, matches])),
      upstreams: upstream.table.entries(),
    }),
    (error) => log.warn('the snapshot of routes could not be used', {}, error),
  );
}

interface Followed {
  connection: KafkaConnection;
  projects: Map<string, ProjectFacts>;
  snapshot: SnapshotFile;
  routeLog: KafkaRouteLog;
  held: ReadonlySet<number>;
  control: RouteControl;
  removed: RemovedProjects;
  known: KnownVersions;
  analysing: AnalysisWiring;
}

function routeFollower(
  { log }: Context,
  { table, switches, upstream, fallbacks }: RequestPath,
  { connection, projects, snapshot, routeLog, held, control, removed, known, analysing }: Followed,
): RouteFollower {
  /** Routes as they came from Kafka; what only the snapshot knows is forgotten when Kafka was read. */
  const confirmed = new Map<string, Route>();
  /** Whose newest route here cannot be read: what is known of them stays until one comes that can. */
  const unreadable = new Set<string>();
  const toldOfLater = (project: string, revision: number): void =>
    log.warn('a newer router has written a route that this one only takes back: update it', { project, revision });
  return new RouteFollower(
    connection,
    {
      onRoute(route, partition) {
        confirmed.set(route.project, route);
        unreadable.delete(route.project);
        routeLog.learnPartition(route.project, partition);
        table.apply(route);
        if (isOfLaterRelease(route)) toldOfLater(route.project, route.revision);
        if (!held.has(partition)) control.onRoute(table.routeOrEmpty(route.project));
        snapshot.touch();
      },
      onRouteUnreadable(project, partition, laterRevision) {
        if (unreadable.size < PROJECTS_MAX) unreadable.add(project);
        if (laterRevision > 0) {
          table.cannotRead(project, laterRevision);
          toldOfLater(project, laterRevision);
        }
        routeLog.learnPartition(project, partition);
      },
      onRouteRemoved(project) {
        confirmed.delete(project);
        unreadable.delete(project);
        table.remove(project);
        switches.forget(project);
        analysing.analyst.forget(project);
        analysing.experiments.forget(project);
        control.onRemoved(project);
        snapshot.touch();
      },
      onProject(project, facts) {
        if (facts === null) {
          projects.delete(project);
          table.forgetFile(project);
          fallbacks.setShare(project, 0);
          upstream.table.remove(project);
          void removed.removed(project);
        } else {
          projects.set(project, facts);
          void removed.applied(project);
          table.setSticky(project, facts.sticky);
          table.setMatches(project, facts.matches);
          fallbacks.setShare(project, facts.fallbackShare);
        }
        snapshot.touch();
      },
      async onModel(model) {
        known.announced(model);
        await upstream.announced(model);
        if (model.upstream !== undefined) snapshot.touch();
      },
      onModelGone(project, version) {
        known.gone(project, version);
      },
      onCaughtUp() {
        for (const { project, revision } of table.all()) {
          const route = confirmed.get(project);
          // Gone, or begun anew: the snapshot's newer revision must not stand in the way.
          const isStale = route === undefined || route.revision < revision;
          if (isStale && !unreadable.has(project)) table.remove(project);
          if (route !== undefined) table.apply(route);
        }
        void removed.caughtUp();
        log.info('routes read from Kafka', { routes: confirmed.size });
      },
    },
    () => ensureTopics(connection),
  );
}
