// The control API behind both of its endpoints (HTTP and gRPC): turns a call into a command, puts it on commands.v1
// like anybody else's, and waits a bounded time for what its owner made of it.

import type { Command } from '@millrace/contracts';
import { type Clock, type ErrorCode, PlatformError } from '@millrace/domain';
import type { Switch } from '@millrace/routing';
import { type Decision, type RolloutStrategy, type Route, type RouteAction } from '@millrace/routing';
import type { RouteTable } from '../routing/route-table.js';
import { type VersionKnowledge, versionFault } from './known-versions.js';
import { type CommandResult, decisionOn, type MixedOrigins, otherOrigin } from './route-owner.js';

/** Callers waiting at the same time. */
const WAITERS_MAX = 1_024;

export interface CommandLog {
  publish(command: Command): Promise<void>;
}

export interface CallerFacts {
  project: string;
  issuedBy: string;
  reason: string;
  correlationId: string;
  /** 0 = whatever is current. */
  expectedRevision: number;
  /** Where the word came from, as it is said. */
  tool?: string;
  address?: string;
}

export interface ControlAnswer {
  route: Route;
  switch: Switch | null;
}

interface Waiter {
  resolve(answer: ControlAnswer): void;
  reject(error: PlatformError): void;
  timer: NodeJS.Timeout;
  /** A rollout's caller waits for this version to settle. */
  rollout: { project: string; version: number } | null;
}

export interface ControlOptions {
  clock: Clock;
  commandId(): string;
  commandTimeoutMs: number;
  loadTimeoutMs: number;
  knownProject(project: string): boolean;
  strategyOf(project: string): RolloutStrategy;
  mixed: MixedOrigins;
  versions: VersionKnowledge;
  /** A command that was refused here: it never reaches the log. */
  onRefused(command: Command & { action: RouteAction }, error: PlatformError): void;
}

export class RouteControl {
  private readonly waiters = new Map<string, Waiter>();

  constructor(
    private readonly table: RouteTable,
    private readonly log: CommandLog,
    private readonly options: ControlOptions,
  ) {}

  /** Resolves when the command is in force (what loads a version: when it has traffic or is checked, or failed). */
  async submit(facts: CallerFacts, action: RouteAction): Promise<ControlAnswer> {
    for (const [name, text] of [
      ['reason', facts.reason],
      ['issuedBy', facts.issuedBy],
      ['correlationId', facts.correlationId],
    ] as const)
      if (text.length > NOTE_CHARACTERS_MAX)
        throw new PlatformError(
          'invalid_argument',
          `${name} has ${text.length} characters, at most ${NOTE_CHARACTERS_MAX}`,
        );
    const isKnown = () => this.table.get(facts.project) !== undefined || this.options.knownProject(facts.project);
    // It may have been applied a moment ago; with the broker away it is what is known here that counts.
    if (!isKnown()) await this.options.versions.upToNow().catch(() => undefined);
    if (!isKnown()) throw unknownProject(facts.project);
    const { clock } = this.options;
    const id = this.options.commandId();
    const command: Command & { action: RouteAction } = {
      id,
      project: facts.project,
      issuedBy: facts.issuedBy,
      issuedAtMs: clock.nowMs(),
      expectedRevision: facts.expectedRevision,
      correlationId: facts.correlationId === '' ? id : facts.correlationId,
      reason: reasonOf(facts, action),
      action,
      ...(facts.address === undefined ? {} : { address: facts.address }),
      ...(facts.tool === undefined ? {} : { tool: facts.tool }),
    };
    const foreseen = await this.admitted(command).catch((thrown: unknown) => {
      this.options.onRefused(command, PlatformError.from(thrown));
      throw thrown;
    });
    const { phase, version, back } = foreseen.route.rollout;
    // A rollback may have to load its version first, too.
    const loads = phase === 'loading' && (action.kind === 'startRollout' || (action.kind === 'rollback' && back));
    const rollout = loads ? { project: facts.project, version } : null;
    const answer = this.wait(id, rollout);
    this.log.publish(command).catch((error: unknown) => this.fail(id, PlatformError.from(error, 'unavailable')));
    return answer;
  }

  /** What this replica can refuse by itself never reaches the log; the owner decides again on its own state. */
  private async admitted(command: Command & { action: RouteAction }): Promise<Exclude<Decision, { kind: 'rejected' }>> {
    const route = () => this.table.routeOrEmpty(command.project);
    const mixed = otherOrigin(command, this.options.mixed);
    if (mixed !== undefined) throw refusal(mixed, route());
    const foreseen = await this.foresee(command);
    if (foreseen.kind === 'rejected') throw refusal(foreseen, route());
    const fault = await versionFault(command, this.options.versions, route);
    if (fault !== undefined) throw refusal(fault, route());
    return foreseen;
  }

  /** Another replica may have changed the route a moment ago: before one is refused it is read to its end. */
  private async foresee(command: Command & { action: RouteAction }): Promise<Decision> {
    const { clock, strategyOf, versions } = this.options;
    const { project } = command;
    const now = () => decisionOn(this.table, command, strategyOf(project), clock.nowMs());
    const first = now();
    if (first.kind !== 'rejected') return first;
    const isRead = await versions.upToNow().then(
      () => true,
      () => false, // the broker is away: by what is known here
    );
    return isRead ? now() : first;
  }

  /** The owner applied or refused a command (anybody's). */
  onResult(commandId: string, result: CommandResult): void {
    const waiter = this.waiters.get(commandId);
    if (waiter === undefined) return;
    if (result.kind === 'rejected') this.fail(commandId, refusal(result, result.route));
    else if (waiter.rollout === null || result.route.rollout.phase !== 'loading') this.succeed(commandId, result);
  }

  /** A load ended on the owner, or was seen to have ended on routes.v1. */
  onSettled(project: string, version: number, route: Route, made: Switch | null): void {
    for (const [id, waiter] of this.waiters) {
      if (waiter.rollout?.project !== project || waiter.rollout.version !== version) continue;
      this.settle(id, version, route, made);
    }
  }

  private settle(id: string, version: number, route: Route, made: Switch | null): void {
    const { rollout } = route;
    const moved = rollout.phase === 'promoted' || rollout.phase === 'progressing';
    if (moved && rollout.version === version) this.succeed(id, { route, switch: made });
    else this.fail(id, notPromoted(version, route));
  }

  /** A route came by the log: with another replica as owner this is how its callers here learn the result. */
  onRoute(route: Route): void {
    // By the command: a rollout that failed before is no answer to who asks for its version again.
    for (const id of route.recentCommandIds) {
      const waiter = this.waiters.get(id);
      if (waiter === undefined) continue;
      if (waiter.rollout === null) this.succeed(id, { route, switch: null });
      else if (route.rollout.phase !== 'loading') this.settle(id, waiter.rollout.version, route, null);
    }
  }

  /** The project is no more, and its route with it. */
  onRemoved(project: string): void {
    for (const [id, waiter] of this.waiters)
      if (waiter.rollout?.project === project) this.fail(id, unknownProject(project));
  }

  private wait(id: string, rollout: Waiter['rollout']): Promise<ControlAnswer> {
    if (this.waiters.size >= WAITERS_MAX) {
      throw new PlatformError('overloaded', `${WAITERS_MAX} commands are waiting already`);
    }
    const { commandTimeoutMs, loadTimeoutMs } = this.options;
    const timeoutMs = commandTimeoutMs + (rollout === null ? 0 : loadTimeoutMs);
    return new Promise((resolve, reject) => {
      const late = () =>
        this.fail(id, new PlatformError('deadline_exceeded', `no result in ${timeoutMs} ms; it may still be applied`));
      this.waiters.set(id, { resolve, reject, rollout, timer: setTimeout(late, timeoutMs) });
    });
  }

  private succeed(id: string, answer: ControlAnswer): void {
    this.take(id)?.resolve({ route: answer.route, switch: answer.switch });
  }

  private fail(id: string, error: PlatformError): void {
    this.take(id)?.reject(error);
  }

  private take(id: string): Waiter | undefined {
    const waiter = this.waiters.get(id);
    if (waiter === undefined) return undefined;
    clearTimeout(waiter.timer);
    this.waiters.delete(id);
    return waiter;
  }
}

/** Who lets a version live that is not blessed answers for it. */
export function refuseNameless(action: RouteAction, issuedBy: string): void {
  if (!isForced(action) || issuedBy.trim() !== '') return;
  throw new PlatformError('invalid_argument', 'force takes issuedBy: who rolls out a version that is not blessed');
}

const isForced = (action: RouteAction): boolean =>
  (action.kind === 'startRollout' || action.kind === 'startExperiment') && action.force === true;

/** Kept with the route, so that who looks at it later sees whose decision it was. */
function reasonOf({ reason, issuedBy }: CallerFacts, action: RouteAction): string {
  if (!isForced(action)) return reason;
  return `${reason === '' ? '' : `${reason}; `}forced by ${issuedBy}`;
}

const unknownProject = (project: string): PlatformError =>
  new PlatformError('not_found', `project '${project}' is not known`);

/** As of the HTTP API (libs/api). */
export const NOTE_CHARACTERS_MAX = 1_024;

const CODES: Readonly<Record<string, ErrorCode>> = { unknown_version: 'not_found' };

function refusal(rejected: { reason: string; message: string }, route: Route): PlatformError {
  if (rejected.reason === 'unknown_project') return unknownProject(route.project);
  const code = CODES[rejected.reason] ?? (rejected.reason.startsWith('invalid_') ? 'invalid_argument' : 'conflict');
  return new PlatformError(code, rejected.message, {
    retry: 'never',
    facts: { reason: rejected.reason, revision: route.revision },
  });
}

function notPromoted(version: number, route: Route): PlatformError {
  const { rollout, revision } = route;
  const facts = { revision, version };
  return rollout.phase === 'failed' && rollout.version === version
    ? new PlatformError('unavailable', `version ${version}: ${rollout.message}`, { retry: 'never', facts })
    : new PlatformError('conflict', `the rollout of version ${version} was superseded`, { retry: 'never', facts });
}
