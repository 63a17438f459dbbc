// routes.v1, projects.v1 and models.v1. Writing the first: one transactional producer per partition, its id is the
// partition, so that the broker fences a predecessor. Reading: every replica follows all three from their beginning.

import { decodeModelVersion, decodeProject, decodeRoute, encodeRoute, type ModelVersion } from '@millrace/contracts';
import { assert, PlatformError } from '@millrace/domain';
import { CompactedReader, FencedWriters, type KafkaConnection, type OnEntry } from '@millrace/kafka';
import { projectFromDocument } from '@millrace/project';
import { type AnalysisPlan, type MatchRule, type RolloutStrategy, type Route, strategyNamed } from '@millrace/routing';
import { logger } from '@millrace/telemetry';
import type { RouteLog } from './route-owner.js';

const ROUTES_TOPIC = 'routes.v1';
const PROJECTS_TOPIC = 'projects.v1';
const MODELS_TOPIC = 'models.v1';
const START_RETRY_MS = 1_000;

export class KafkaRouteLog implements RouteLog {
  private readonly writers: FencedWriters;
  private readonly partitions = new Map<string, number>();
  /** Taken over, and what the predecessor wrote there may not be known yet: nothing is decided on it. */
  private readonly unread = new Set<number>();

  constructor(
    connection: KafkaConnection,
    /** The writer of the partition was refused, or may have been: it must be taken over again. */
    private readonly lost: (partition: number, error: PlatformError) => void,
  ) {
    this.writers = new FencedWriters(connection, 'routes');
  }

  /** commands.v1 and routes.v1 have the same keys and partition count, so the same partition. */
  learnPartition(project: string, partition: number): void {
    this.partitions.set(project, partition);
  }

  partitionOf(project: string): number | undefined {
    return this.partitions.get(project);
  }

  /**
   * Takes over the transactional ids of these partitions and drops the others. Gives those that were not held, or not
   * to use: nothing is written there before `read`.
   */
  async hold(partitions: readonly number[]): Promise<number[]> {
    // Before they are taken over: in the turn between nothing is decided on them either.
    for (const partition of partitions) if (this.writers.held([partition]).length === 0) this.unread.add(partition);
    const taken = await this.writers.hold(partitions);
    for (const partition of taken) this.unread.add(partition);
    return taken;
  }

  /** Everything is in force here that was written to the partitions before they were taken over. */
  read(): void {
    this.unread.clear();
  }

  write(route: Route): Promise<void> {
    return this.put(route.project, encodeRoute(route));
  }

  remove(project: string): Promise<void> {
    return this.put(project, null);
  }

  private async put(project: string, value: Uint8Array | null): Promise<void> {
    const partition = this.partitions.get(project);
    assert(partition !== undefined, `the partition of ${project} is known before it is written`);
    if (this.unread.has(partition))
      throw new PlatformError('unavailable', `routes of partition ${partition} are not read to their end yet`);
    const writer = this.writers.of(partition);
    try {
      await writer.send(ROUTES_TOPIC, [{ key: project, value, partition }]);
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (!writer.isUsable) this.lost(partition, error);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.writers.close();
  }
}

/** What a project's file says of its traffic. */
export interface ProjectFacts {
  sticky: boolean;
  strategy: RolloutStrategy;
  /** Rules about headers. */
  matches?: readonly MatchRule[] | undefined;
  /** Not there before the project file was read. */
  analysis?: AnalysisPlan;
  /** Percent of the requests that a fallback version may answer where their own has failed; 0 = none. */
  fallbackShare: number;
  /** What is older belongs to a deleted project of the name. */
  createdAtMs: number;
}

export interface FollowerHandlers {
  onRoute(route: Route, partition: number): void;
  /** What was known of it before stays. */
  /** `laterRevision`: its revision where a later release has written it, else 0. */
  onRouteUnreadable(project: string, partition: number, laterRevision: number): void;
  onRouteRemoved(project: string): void;
  onProject(project: string, facts: ProjectFacts | null): void;
  onModel(model: ModelVersion): Promise<void>;
  /** Retention has deleted it. */
  onModelGone(project: string, version: number): void;
  /** All that was there has been read once. */
  onCaughtUp(): void;
}

/** Follows routes, projects and versions; starts in the background and waits for a broker as long as it takes. */
export class RouteFollower {
  private readonly log = logger('routes');
  private reader: CompactedReader | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  private readonly reached: Promise<void>;
  private resolveReached: () => void = () => undefined;

  constructor(
    private readonly connection: KafkaConnection,
    private readonly handlers: FollowerHandlers,
    private readonly ready: () => Promise<void>,
  ) {
    this.reached = new Promise((resolve) => {
      this.resolveReached = resolve;
    });
  }

  start(): void {
    if (this.closed) return;
    this.follow().catch((error: unknown) => {
      this.log.warn('cannot follow routes yet', {}, error);
      this.timer = setTimeout(() => this.start(), START_RETRY_MS);
    });
  }

  /** Resolves when everything written before the follower started is in force here. */
  caughtUp(): Promise<void> {
    return this.reached;
  }

  /** Everything is in force that a predecessor wrote before it was fenced off. */
  async readToEnd(): Promise<void> {
    await this.reached;
    await this.reader?.upToNow();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.reader?.close();
  }

  private async follow(): Promise<void> {
    await this.ready();
    this.reader ??= new CompactedReader(this.connection, {
      name: 'router',
      topics: { [ROUTES_TOPIC]: this.onRoute, [PROJECTS_TOPIC]: this.onProject, [MODELS_TOPIC]: this.onModel },
    });
    await this.reader.caughtUp();
    this.handlers.onCaughtUp();
    this.resolveReached();
  }

  private readonly onRoute: OnEntry = (key, value, position) => {
    if (value === null) {
      this.handlers.onRouteRemoved(key);
      return;
    }
    let route: Route;
    try {
      route = decodeRoute(value);
      if (route.project !== key)
        throw new PlatformError('corrupt', `the route of ${route.project} stands under ${key}`);
    } catch (error) {
      const { laterRevision = 0 } = PlatformError.from(error).facts;
      this.handlers.onRouteUnreadable(key, position.partition, Number(laterRevision));
      throw error;
    }
    this.handlers.onRoute(route, position.partition);
  };

  private readonly onModel: OnEntry = (key, value) => {
    if (value !== null) return this.handlers.onModel(decodeModelVersion(value));
    const [project = '', version] = key.split('/');
    this.handlers.onModelGone(project, Number(version));
  };

  private readonly onProject: OnEntry = (key, value) => {
    if (value === null) {
      this.handlers.onProject(key, null);
      return;
    }
    const { document, createdAtMs } = decodeProject(value);
    const { name, rollout } = projectFromDocument(document);
    const { sticky, strategy: named, steps, checks, bandit, keepMs, matches, analysis, fallback } = rollout;
    const strategy = strategyNamed(named, { steps, checks, bandit, keepMs });
    const fallbackShare = fallback?.share ?? 0;
    this.handlers.onProject(name, { sticky, strategy, matches, analysis, fallbackShare, createdAtMs });
  };
}
