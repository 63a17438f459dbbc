// Applies commands to routes, as the one writer of the projects whose partition of commands.v1 this process holds:
// decide, write the new route to the log, and only when the log has it put it in force here. A rollout is two writes:
// `loading`, and after serving said ready (or the time is up) `promoted`, `progressing` or `failed`. While it is
// progressing its steps come when they are due (step-watch.ts); a running experiment ends by its time
// (experiment-watch.ts). Writes of one project run one after the other.
//
// Acceptance, from which a switch is timed: for promote, rollback and weights the moment the command was issued; for a
// rollout the moment its version was seen ready, because loading is not part of the switch; for a step by time the
// moment all had agreed to it.

import type { Clock } from '@millrace/domain';
import type { Switch } from '@millrace/routing';
import {
  type Decision,
  decide,
  decideUnread,
  type ExperimentOutcome,
  isKeepOver,
  type LoadOutcome,
  primaryVersion,
  type RejectionReason,
  type RolloutStrategy,
  type Route,
  type RouteCommand,
  type StepOutcome,
  sameTraffic,
  settleExperiment,
  settleKeep,
  settleLoad,
  settleStep,
} from '@millrace/routing';
import type { SwitchLog } from '../outcomes/switch-log.js';
import type { RouteTable } from '../routing/route-table.js';
import { type ArmProbe, ExperimentWatch } from './experiment-watch.js';
import { deletedMessage, type VersionKnowledge, versionFault } from './known-versions.js';
import { type AskBandit, type MayAdvance, StepWatch } from './step-watch.js';

/** Between two questions to serving whether a version is ready. */
const PROBE_EVERY_MS = 50;

/** Durable storage of routes; rejects when the write is not known to be durable or this process was fenced off. */
export interface RouteLog {
  write(route: Route): Promise<void>;
  remove(project: string): Promise<void>;
}

/** Why a version cannot stand on the project's route beside those that do, or get copies, as a sentence. */
export type MixedOrigins = (project: string, version: number, isCopied: boolean) => string | undefined;

/** Refuses a command that would put versions of a server elsewhere and of our own on one route. */
export function otherOrigin(
  { project, action }: Pick<RouteCommand, 'project' | 'action'>,
  mixed: MixedOrigins,
): { kind: 'rejected'; reason: RejectionReason; message: string } | undefined {
  const isCopied = action?.kind === 'setShadows';
  const brings = action?.kind === 'startRollout' || action?.kind === 'promote';
  const arms = action?.kind === 'startExperiment' ? action.arms.map(({ version }) => version) : [];
  const versions = isCopied ? action.versions : brings ? [action.version] : arms;
  for (const version of versions) {
    const message = mixed(project, version, isCopied);
    if (message !== undefined) return { kind: 'rejected', reason: 'other_origin', message };
  }
  return undefined;
}

/** What becomes of a command by the route that is known here, or by the one before where that cannot be read. */
export function decisionOn(
  table: Pick<RouteTable, 'get' | 'routeOrEmpty' | 'unreadRevision'>,
  command: RouteCommand,
  strategy: RolloutStrategy,
  nowMs: number,
): Decision {
  const { project } = command;
  const unread = table.unreadRevision(project);
  return unread === undefined
    ? decide(table.get(project), command, strategy, nowMs)
    : decideUnread(table.routeOrEmpty(project), unread, command, strategy, nowMs);
}

export type CommandResult =
  | { kind: 'applied'; route: Route; switch: Switch | null }
  | { kind: 'rejected'; reason: RejectionReason | 'unknown_project'; message: string; route: Route };

export interface OwnerOptions {
  clock: Clock;
  loadTimeoutMs: number;
  sleep(ms: number): Promise<void>;
  failures(project: string): number;
  /** undefined where there is no such project. */
  createdAtMs(project: string): number | undefined;
  strategyOf(project: string): RolloutStrategy;
  mixed: MixedOrigins;
  versions: VersionKnowledge;
  /** A load ended, or a command ended it; `route` is the state after it. */
  onSettled(project: string, version: number, route: Route, made: Switch | null): void;
  /** Asked before a step comes by its time; without it all steps come. */
  mayAdvance?: MayAdvance;
  /** Without it the shares of a bandit stay as they are, until its time is over. */
  askBandit?: AskBandit;
  /** A route is in force that this process has written. */
  onWritten?(before: Route | undefined, route: Route): void;
  /** The outcome of a load or a step, or an unload, could not be written; it is tried again. */
  onError(project: string, error: unknown): void;
}

interface Acceptance {
  atMs: number;
  failuresBefore: number;
}

/** The running watch of a project's load. */
interface LoadWatch {
  /** At which it began: other changes of the route begin another one. */
  revision: number;
  /** Which load. */
  load: string;
  /** On the monotonic clock: of the load, whatever else of the route has changed since it was asked for. */
  endMs: number;
}

/** Who takes a load over when its time is up looks at serving itself, so long at most. */
const TAKEN_OVER_MS = 5_000;

export class RouteOwner {
  private readonly tails = new Map<string, Promise<unknown>>();
  private readonly watching = new Map<string, LoadWatch>();
  private readonly steps: StepWatch;
  /** Projects of which a write is on its way that unloads versions. */
  private readonly unloading = new Set<string>();
  private readonly experiments: ExperimentWatch;

  constructor(
    private readonly table: RouteTable,
    private readonly switches: SwitchLog,
    private readonly log: RouteLog,
    private readonly probe: ArmProbe,
    private readonly options: OwnerOptions,
  ) {
    const {
      clock,
      loadTimeoutMs,
      sleep,
      mayAdvance = () => 'yes',
      askBandit = () => ({ kind: 'stay' }),
      onError,
    } = options;
    this.steps = new StepWatch(
      { get: (project) => table.get(project), settle: (project, outcome) => this.settleStep(project, outcome) },
      probe,
      { clock, readyTimeoutMs: loadTimeoutMs, sleep, mayAdvance, askBandit, onError },
    );
    this.experiments = new ExperimentWatch(
      { get: (project) => table.get(project), settle: (project, outcome) => this.settleExperiment(project, outcome) },
      probe,
      { clock, sleep },
    );
  }

  /** Rejects only where Kafka could not be written or read: the command then was not applied and must come again. */
  apply(command: RouteCommand): Promise<CommandResult> {
    const { clock } = this.options;
    const sinceIssuedMs = command.issuedAtMs === 0 ? 0 : Math.max(0, clock.nowMs() - command.issuedAtMs);
    const acceptance: Acceptance = {
      atMs: clock.monotonicMs() - sinceIssuedMs,
      failuresBefore: this.options.failures(command.project),
    };
    return this.inTurn(command.project, async () => {
      // Whoever sent the command may have read further.
      if (this.options.createdAtMs(command.project) === undefined)
        await this.options.versions.upToNow().catch(() => undefined);
      const createdAtMs = this.options.createdAtMs(command.project);
      // On its way while the project was deleted: it must not bring the route back, nor count for the next of the name.
      if (createdAtMs === undefined || (command.issuedAtMs !== 0 && command.issuedAtMs < createdAtMs)) {
        const message = `project '${command.project}' is not known`;
        return {
          kind: 'rejected',
          reason: 'unknown_project',
          message,
          route: this.table.routeOrEmpty(command.project),
        };
      }
      const before = this.table.get(command.project);
      const mixed = otherOrigin(command, this.options.mixed);
      if (mixed !== undefined) return { ...mixed, route: this.table.routeOrEmpty(command.project) };
      const decision = decisionOn(this.table, command, this.options.strategyOf(command.project), clock.nowMs());
      if (decision.kind === 'rejected') return { ...decision, route: this.table.routeOrEmpty(command.project) };
      if (decision.kind === 'unchanged') return { kind: 'applied', route: decision.route, switch: null };
      const fault = await versionFault(command, this.options.versions, () => this.table.routeOrEmpty(command.project));
      if (fault !== undefined) return { ...fault, route: this.table.routeOrEmpty(command.project) };
      const made = await this.putInForce(before, decision.route, acceptance);
      if (before?.rollout.phase === 'loading' && decision.route.rollout.phase !== 'loading') {
        this.watching.delete(command.project);
        this.options.onSettled(command.project, before.rollout.version, decision.route, null);
      }
      this.watch(decision.route);
      return { kind: 'applied', route: decision.route, switch: made };
    });
  }

  /** Goes on with rollouts that a predecessor began: called for routes of newly assigned partitions. */
  resume(route: Route): void {
    this.watch(route);
  }

  /** The partition went to another process: it goes on with the load, or the steps. */
  release(project: string): void {
    this.watching.delete(project);
    this.steps.end(project);
    this.experiments.end(project);
  }

  /** The project is no more: its route goes, too, also while a version is being loaded. */
  drop(project: string): Promise<void> {
    return this.inTurn(project, async () => {
      const route = this.table.get(project);
      if (route === undefined) {
        // Of a later release, and it cannot be read here: it goes with its project all the same.
        if (!this.table.isOutdated(project)) return;
        await this.log.remove(project);
        this.table.remove(project);
        return;
      }
      // Here first: a request that finds the route while serving unloads would be answered as a fault of the platform.
      this.table.remove(project);
      try {
        await this.log.remove(project);
      } catch (thrown) {
        this.table.apply(route);
        throw thrown;
      }
      this.watching.delete(project);
      this.steps.end(project);
      this.experiments.end(project);
      this.switches.forget(project);
    });
  }

  private watch(route: Route): void {
    this.watchLoad(route);
    this.steps.watch(route);
    this.experiments.watch(route);
  }

  private watchLoad(route: Route): void {
    const { project, revision, rollout } = route;
    const known = this.watching.get(project);
    if (rollout.phase !== 'loading' || known?.revision === revision) return;
    const load = `${rollout.version} since ${rollout.loadingSinceMs}`;
    const endMs = known?.load === load ? known.endMs : this.loadEndMs(route);
    this.watching.set(project, { revision, load, endMs });
    this.untilSettled(route, endMs).catch((error: unknown) => this.options.onError(project, error));
  }

  /** When the time of a load is up that this process has not watched before. */
  private loadEndMs({ rollout: { loadingSinceMs } }: Route): number {
    const { clock, loadTimeoutMs } = this.options;
    const passedMs = loadingSinceMs === undefined ? 0 : clock.nowMs() - loadingSinceMs;
    const leftMs = Math.max(loadTimeoutMs - passedMs, TAKEN_OVER_MS);
    // Neither a clock that is behind nor a short time-out makes it longer.
    return clock.monotonicMs() + Math.min(loadTimeoutMs, leftMs);
  }

  private async untilSettled(route: Route, endMs: number): Promise<void> {
    const { project, revision } = route;
    const { version } = route.rollout;
    const { clock, loadTimeoutMs, sleep, versions } = this.options;
    // The trainer looks at routes when it has told that a version is gone: of the two one sees the other.
    let looked: 'no' | 'under way' | 'yes' = 'no';
    const look = (): void => {
      if (looked !== 'no') return;
      looked = 'under way';
      versions.upToNow().then(
        () => {
          looked = 'yes';
        },
        () => {
          looked = 'no'; // the broker is away: again with the next question
        },
      );
    };
    const isLooked = () => looked === 'yes';
    const current = () =>
      this.watching.get(project)?.revision === revision && this.table.get(project)?.revision === revision;
    while (current()) {
      look();
      const isLoaded = await this.probe.modelReady(project, version).catch(() => false);
      if (!current()) return;
      const gone = versions.isGone(project, version);
      const ready = isLoaded && isLooked() && !gone;
      if (ready || gone || clock.monotonicMs() >= endMs) {
        const message = gone ? deletedMessage(project, version) : `not ready within ${loadTimeoutMs} ms`;
        const settled = await this.settle(project, {
          kind: ready ? 'ready' : 'failed',
          version,
          revision,
          message,
        });
        if (settled) return;
      }
      await sleep(PROBE_EVERY_MS);
    }
  }

  /** False = the log was not there, or this router may not write; the watch goes on. */
  private async settle(project: string, outcome: LoadOutcome & { message: string }): Promise<boolean> {
    const acceptance: Acceptance = {
      atMs: this.options.clock.monotonicMs(),
      failuresBefore: this.options.failures(project),
    };
    if (this.table.isOutdated(project)) return false;
    try {
      await this.inTurn(project, async () => {
        const before = this.table.routeOrEmpty(project);
        const decision: Decision = settleLoad(
          before,
          outcome,
          this.options.strategyOf(project),
          this.options.clock.nowMs(),
        );
        if (decision.kind !== 'changed') return;
        const made = await this.putInForce(before, decision.route, acceptance);
        this.watching.delete(project);
        this.options.onSettled(project, outcome.version, decision.route, made);
        this.watch(decision.route);
      });
      return true;
    } catch (error) {
      this.options.onError(project, error);
      return false;
    }
  }

  private settleStep(project: string, outcome: StepOutcome): Promise<void> {
    const { clock, strategyOf } = this.options;
    return this.settleByWatch(project, (route) => settleStep(route, outcome, strategyOf(project), clock.nowMs()));
  }

  private settleExperiment(project: string, outcome: ExperimentOutcome): Promise<void> {
    const { clock, strategyOf } = this.options;
    return this.settleByWatch(project, (route) => settleExperiment(route, outcome, strategyOf(project), clock.nowMs()));
  }

  /** Where the log is not there the watch goes on. */
  private async settleByWatch(project: string, settle: (route: Route) => Decision): Promise<void> {
    const { clock, failures, onError } = this.options;
    const acceptance: Acceptance = { atMs: clock.monotonicMs(), failuresBefore: failures(project) };
    const settled = this.inTurn(project, async () => {
      const before = this.table.routeOrEmpty(project);
      const decision = settle(before);
      if (decision.kind !== 'changed' || this.table.isOutdated(project)) return;
      await this.putInForce(before, decision.route, acceptance);
      this.watch(decision.route);
    });
    await settled.catch((error: unknown) => onError(project, error));
  }

  /** Called about once a second for routes of this process: what has had nothing to do for its time is unloaded. */
  async unloadSpare(project: string): Promise<void> {
    const { clock, failures, strategyOf, onError } = this.options;
    const seen = this.table.get(project);
    if (seen === undefined || !isKeepOver(seen, clock.nowMs()) || this.unloading.has(project)) return;
    this.unloading.add(project);
    const acceptance: Acceptance = { atMs: clock.monotonicMs(), failuresBefore: failures(project) };
    const done = this.inTurn(project, async () => {
      const before = this.table.routeOrEmpty(project);
      const decision = settleKeep(before, seen.revision, strategyOf(project), clock.nowMs());
      if (decision.kind !== 'changed' || this.table.isOutdated(project)) return;
      await this.putInForce(before, decision.route, acceptance);
      // A running experiment is watched at its route's revision.
      this.watch(decision.route);
    });
    // What could not be written is tried again a second later.
    await done.catch((error: unknown) => onError(project, error)).finally(() => this.unloading.delete(project));
  }

  private async putInForce(before: Route | undefined, route: Route, acceptance: Acceptance): Promise<Switch | null> {
    await this.log.write(route);
    this.table.apply(route);
    this.options.onWritten?.(before, route);
    if (sameTraffic(before, route)) return null;
    const nowMs = this.options.clock.monotonicMs();
    const entry = {
      atMs: this.options.clock.nowMs(),
      fromVersion: before === undefined ? 0 : primaryVersion(before.targets),
      toVersion: primaryVersion(route.targets),
      reason: route.reason,
      correlationId: route.correlationId,
      revision: route.revision,
      effectiveMs: nowMs - acceptance.atMs,
    };
    return this.switches.add(route.project, entry, acceptance.failuresBefore, nowMs);
  }

  private inTurn<T>(project: string, step: () => Promise<T>): Promise<T> {
    const previous = this.tails.get(project) ?? Promise.resolve();
    const next = previous.then(step, step);
    const tail = next.catch(() => undefined);
    this.tails.set(project, tail);
    void tail.then(() => {
      if (this.tails.get(project) === tail) this.tails.delete(project);
    });
    return next;
  }
}
