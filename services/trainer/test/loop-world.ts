// A world for the loop of one project: topics, a store, a trainer and a router (its own state machine, libs/routing)
// that fail, answer late and die as a list of events says. It holds the loop to what it promises, at every step: each
// promise that was broken is in `broken`.

import { ALL, cohortOfVersion, PlatformError } from '@millrace/domain';
import type { Project } from '@millrace/project';
import { DEFAULT_STRATEGY, decide, emptyRoute, primaryVersion, type Route, settleLoad } from '@millrace/routing';
import { rollbackCommandId, rolloutCommandId } from '../src/loop/command-ids.js';
import { advance } from '../src/loop/loop-advance.js';
import { type LoopActions, LoopRunner, type LoopStore } from '../src/loop/loop-runner.js';
import {
  DAY_MS,
  HISTORY_MAX,
  type LoopEffect,
  type LoopInput,
  type LoopPolicy,
  type LoopState,
} from '../src/loop/loop-state.js';
import { WorldClock } from './world-clock.js';

export const TOPIC_NAMES = ['datasets', 'models', 'routes', 'drift'] as const;
export type TopicName = (typeof TOPIC_NAMES)[number];

/** How the next writes or effects of a kind go: nothing of them is done, or all and nobody hears of it. */
export type Fault = 'not done' | 'done, and not told' | 'refused for ever';

export type WorldEvent =
  | { does: 'time'; ms: number }
  /** Time passes, and the loop is ticked. */
  | { does: 'tick'; ms: number }
  /** The clock on the wall is ahead by this, and ticked; 0 = it is corrected. */
  | { does: 'clock ahead'; ms: number }
  | { does: 'deliver'; topic: TopicName; count: number }
  /** All topics to their ends. */
  | { does: 'deliver all' }
  /** What came last comes again. */
  | { does: 'again'; topic: TopicName }
  /** The next message is never read. */
  | { does: 'lose'; topic: TopicName }
  | { does: 'rows' }
  | { does: 'drift'; feature: number; of: 'live' | 'before' | 'all'; detector: string }
  | { does: 'drift ends'; which: number }
  | { does: 'training ends'; how: 'blessed' | 'not blessed' | 'failed' | 'failed, and nobody is told' }
  | { does: 'training by hand'; blessed: boolean }
  /** Both versions were asked for the same rows. */
  | { does: 'comparison'; says: 'better' | 'worse' | 'nothing' | 'skip' | 'again' | 'end' }
  /** The router takes what is on its way, and what loads is ready or fails. */
  | { does: 'router'; load: 'ready' | 'failed' | 'slow' }
  | { does: 'kill' | 'project anew' }
  | { does: 'stop' | 'resume' }
  | { does: 'approve' | 'reject'; by: string }
  | { does: 'person rolls back' }
  | { does: 'person promotes'; which: number }
  | { does: 'person rolls out'; version: number }
  | {
      does: 'policy';
      approval: 'automatic' | 'manual';
      rolloutAutomatic: boolean;
      budgetPerDay?: number;
      approvers?: number;
    }
  | { does: 'fault'; of: 'save' | 'training' | 'command'; fault: Fault; times: number };

class Killed extends Error {}

const MINUTE_MS = 60_000;
const LOAD_MS_MAX = 60 * MINUTE_MS;
export const BUDGET = 3;
const START_MS = 1_700_000_000_000;
export const FEATURES = ['hour', 'origin', '@quality', '@software'];

export interface Seen {
  from: LoopState;
  input: LoopInput['kind'];
  to: LoopState;
  effects: readonly LoopEffect['kind'][];
  policy: LoopPolicy;
}

export class LoopWorld {
  readonly clock = new WorldClock(START_MS);
  runner!: LoopRunner;
  readonly broken: string[] = [];
  /** Saves and effects so far: places where the process may die. */
  operations = 0;
  /** Of them, those of a script. */
  scriptOperations = 0;
  /** Dies at this one, before it is done or right after. */
  killAt: { operation: number; when: 'before' | 'after' } | null = null;
  readonly begun: string[] = [];
  route: Route;
  largest = 0;

  private process = 0;
  private isDead = false;
  private createdAtMs = START_MS;
  private policy: Project;
  private readonly kept = new Map<number, string>();
  private topics: Record<TopicName, { input: LoopInput; atMs: number }[]> = empty();
  private read: Record<TopicName, number> = { datasets: 0, models: 0, routes: 0, drift: 0 };
  /** Where a process that comes next goes on with events. */
  private committed = 0;
  private faults: { of: 'save' | 'training' | 'command'; fault: Fault; times: number }[] = [];
  /** As the trainer keeps them: of this process, and of all. */
  private known = new Set<string>();
  private open: string[] = [];
  private comparisons: Extract<LoopEffect, { kind: 'compare' }>[] = [];
  private announced = new Set<string>();
  private commands: Parameters<typeof decide>[1][] = [];
  private byLoop = new Set<string>();
  private versions = 1;
  private ordinal = 0;
  private drifts = 0;
  private dataMs = 0;
  private isStopped = false;
  /** What was begun before a stop. */
  private readonly ended = new Set<string>();
  private readonly stopped = new Set<string>();
  private readonly sent = new Set<string>();
  private readonly takenBack = new Set<number>();
  private readonly decidedAtMs = new Map<string, number>();
  private savesFailed = 0;
  private deciding!: Parameters<WorldClock['saved']>[1];
  private toldRoute: Extract<LoopInput, { kind: 'route' }> | null = null;
  private loadingSinceMs = 0;

  constructor(
    project: Project,
    private readonly compacts: boolean,
    private readonly see: (seen: Seen) => void,
  ) {
    this.policy = project;
    this.route = emptyRoute(project.name);
  }

  static async of(
    project: Project,
    compacts: boolean,
    see: (seen: Seen) => void = () => undefined,
  ): Promise<LoopWorld> {
    const world = new LoopWorld(project, compacts, see);
    world.firstVersion();
    await world.start();
    await world.does({ does: 'deliver', topic: 'routes', count: 9 });
    return world;
  }

  get state(): LoopState {
    return this.runner.stateOf(this.policy.name);
  }

  get waits() {
    return this.runner.waitOf(this.policy.name);
  }

  async does(event: WorldEvent): Promise<void> {
    await this.act(event);
    if (this.isDead) {
      await this.start();
      if (this.killAt !== null) await this.goOn(event);
    }
    this.look();
  }

  /** After a death in a script: what is on topics is read again, and who got no answer asks again. */
  private async goOn(event: WorldEvent): Promise<void> {
    await this.act({ does: 'deliver all' });
    const isAnswered = !['stop', 'resume', 'approve', 'reject', 'policy', 'training ends'].includes(event.does);
    if (!isAnswered) await this.act(event);
  }

  private async act(event: WorldEvent): Promise<void> {
    switch (event.does) {
      case 'time':
        this.pass(event.ms);
        return;
      case 'tick':
        this.pass(event.ms);
        return this.tick();
      case 'clock ahead':
        this.clock.setAhead(event.ms);
        return this.tick();
      case 'deliver':
        return this.deliver(event.topic, event.count);
      case 'deliver all':
        for (const topic of TOPIC_NAMES) await this.deliver(topic, Number.POSITIVE_INFINITY);
        return;
      case 'again': {
        const last = this.topics[event.topic][this.read[event.topic] - 1];
        if (last !== undefined) await this.tell(last.input, last.atMs);
        return;
      }
      case 'lose':
        this.read[event.topic] = Math.min(this.read[event.topic] + 1, this.topics[event.topic].length);
        return;
      case 'rows':
        return this.rows();
      case 'drift':
        return this.drift(event);
      case 'drift ends':
        if (this.drifts > 0)
          this.write('drift', { kind: 'drift_ended', eventId: `e${1 + (event.which % this.drifts)}` });
        return;
      case 'training ends':
        return this.trainingEnds(event.how);
      case 'comparison':
        return this.compares(event.says);
      case 'training by hand':
        return this.announce(`hand-${this.versions}`, event.blessed);
      case 'router':
        return this.routerGoesOn(event.load);
      case 'person rolls back':
        return this.personAsks({ kind: 'rollback' });
      case 'person promotes':
        return this.personAsks({ kind: 'promote', version: 1 + (event.which % this.versions) });
      case 'person rolls out':
        return this.personAsks({ kind: 'startRollout', version: event.version });
      case 'policy':
        this.policy = {
          ...this.policy,
          rollout: { ...this.policy.rollout, automatic: event.rolloutAutomatic },
          retrain: {
            ...{ ...this.policy.retrain, approval: event.approval, approvers: event.approvers ?? 1 },
            budgetPerDay: event.budgetPerDay ?? BUDGET,
          },
        };
        return this.runner.define(this.policy, this.createdAtMs);
      case 'fault':
        this.faults.push({ of: event.of, fault: event.fault, times: event.times });
        return;
      case 'kill':
        this.isDead = true;
        return;
      case 'project anew':
        return this.anew();
      default:
        return this.person(event);
    }
  }

  // -- time, and what is written

  private pass(ms: number): void {
    this.clock.pass(ms);
    // As long as a router may take (MILLRACE_ROUTER_LOAD_TIMEOUT).
    if (this.route.rollout.phase === 'loading' && this.clock.passedMs - this.loadingSinceMs >= LOAD_MS_MAX)
      this.loaded('failed');
  }

  private async tick(): Promise<void> {
    const failed = this.savesFailed;
    await this.runner.tick();
    if (this.isDead || this.savesFailed > failed) return;
    const fault = this.clock.lastsTooLong(this.state.phase, this.policy);
    if (fault !== '') this.broken.push(fault);
  }

  private write(topic: TopicName, input: LoopInput): void {
    this.topics[topic].push({ input, atMs: Math.max(this.clock.nowMs, this.createdAtMs) });
  }

  private rows(): void {
    const ordinal = ++this.ordinal;
    const windowStartMs = this.dataMs;
    this.dataMs += 10 * MINUTE_MS;
    const dataset = { id: `d${ordinal}`, ordinal, windowStartMs, windowEndMs: this.dataMs, labelledRows: 10 };
    this.write('datasets', { kind: 'dataset', dataset });
  }

  private drift({ feature, of, detector }: Extract<WorldEvent, { does: 'drift' }>): void {
    const eventId = `e${++this.drifts}`;
    const live = primaryVersion(this.route.targets);
    const version = of === 'live' ? live : this.route.previousVersion || live;
    this.write('drift', {
      ...{ kind: 'drift', eventId, correlationId: `c${this.dataMs}`, detector, value: 1, threshold: 0.2 },
      feature: FEATURES[feature % FEATURES.length] as string,
      ...{ windowStartMs: Math.max(0, this.dataMs - 10 * MINUTE_MS), windowEndMs: this.dataMs },
      cohort: of === 'all' ? ALL : cohortOfVersion(version),
    });
  }

  private announce(trainingId: string, blessed: boolean): void {
    this.announced.add(trainingId);
    const version = ++this.versions;
    // What a training of before a stop makes is left to a person.
    if (this.stopped.has(trainingId)) this.ended.add(`rollout ${version}`);
    const verdict = blessed ? '' : `version ${version} is not blessed: it is no better`;
    this.write('models', { kind: 'model', version, trainingId, blessed, verdict });
  }

  // -- the process

  private async start(): Promise<void> {
    this.isDead = false;
    const process = ++this.process;
    this.known = new Set(this.open);
    this.comparisons = [];
    this.runner = new LoopRunner(
      this.store(process),
      this.actions(process),
      this.clock.ofProcess(),
      { info: () => undefined, error: () => undefined },
      (from, input, policy, nowMs) => {
        this.deciding = { from, input: input.kind };
        const result = advance(from, input, policy, nowMs);
        const effects = result.effects.map(({ kind }) => kind);
        this.see({ from, input: input.kind, to: result.state, effects, policy });
        return result;
      },
    );
    await this.runner.define(this.policy, this.createdAtMs);
    // Compacted topics are read from their beginning, events from where they were committed.
    this.read = { datasets: 0, models: 0, routes: 0, drift: this.committed };
    if (this.compacts) this.read.routes = Math.max(0, this.topics.routes.length - 1);
    if (this.isDead) return this.start();
  }

  private async deliver(topic: TopicName, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const message = this.topics[topic][this.read[topic]];
      if (message === undefined || this.isDead) return;
      if (!(await this.tell(message.input, message.atMs))) return;
      this.read[topic] += 1;
      if (topic === 'drift') this.committed = this.read[topic];
    }
  }

  /** False where it was not taken: it comes again. */
  private async tell(input: LoopInput, atMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    try {
      await this.runner.apply(this.policy.name, input, atMs);
      if (input.kind === 'route' && !this.isDead && input.revision >= (this.toldRoute?.revision ?? 0))
        this.toldRoute = input;
      return !this.isDead;
    } catch (thrown) {
      if (!(thrown instanceof Killed || thrown instanceof PlatformError)) throw thrown;
      return false;
    }
  }

  private async person(
    event: Extract<WorldEvent, { does: 'stop' | 'resume' } | { does: 'approve' | 'reject' }>,
  ): Promise<void> {
    const { does } = event;
    // Also where nobody hears of it: it may be so.
    if (does === 'resume') this.isStopped = false;
    const isTaken = await this.tell({ reason: 'why', ...event, kind: does } as LoopInput);
    if (!isTaken || does !== 'stop') return;
    this.isStopped = true;
    for (const key of this.sent) this.ended.add(key);
    for (const id of this.open) this.stopped.add(id);
  }

  private async anew(): Promise<void> {
    await this.runner.forget(this.policy.name);
    if (this.isDead) return;
    await this.runner.tidy().catch(() => undefined);
    this.clock.pass(1);
    this.createdAtMs = this.clock.nowMs;
    this.topics = empty();
    this.committed = 0;
    this.open = [];
    this.announced = new Set();
    this.commands = [];
    this.isStopped = false;
    this.toldRoute = null;
    for (const set of [this.ended, this.stopped, this.sent, this.takenBack]) set.clear();
    this.decidedAtMs.clear();
    this.begun.length = 0;
    this.versions = 1;
    this.route = emptyRoute(this.policy.name);
    this.firstVersion();
    this.isDead = true;
  }

  private firstVersion(): void {
    this.route = {
      ...this.route,
      ...{ revision: 1, loadedVersions: [1], targets: [{ version: 1, weight: 100, name: 'v1' }] },
      rollout: { phase: 'promoted', version: 1, message: '' },
    };
    this.announced.add('first');
    this.write('models', { kind: 'model', version: 1, trainingId: 'first', blessed: true, verdict: '' });
    this.tellRoute();
  }

  // -- what it stands on

  /** One more place to die at. @throws Killed; PlatformError as the events say */
  private async operation(process: number, of: 'save' | 'training' | 'command', work: () => void): Promise<void> {
    const refuseDead = () => {
      if (process !== this.process || this.isDead) throw new Killed('the process is dead');
    };
    refuseDead();
    const number = ++this.operations;
    const dies = this.killAt?.operation === number ? this.killAt.when : null;
    if (dies === 'before') this.isDead = true;
    refuseDead();
    const fault = this.faults.find((one) => one.of === of && one.times > 0);
    if (fault !== undefined && of === 'save') this.savesFailed += 1;
    if (fault !== undefined) fault.times -= 1;
    if (fault?.fault === 'not done') throw new PlatformError('unavailable', 'no broker');
    if (fault?.fault === 'refused for ever' && of !== 'save')
      throw new PlatformError('invalid_argument', 'refused', { retry: 'never' });
    work();
    if (dies === 'after') this.isDead = true;
    refuseDead();
    if (fault?.fault === 'done, and not told') throw new PlatformError('unavailable', 'nobody knows');
  }

  private store(process: number): LoopStore {
    return {
      load: async (_project, createdAtMs) => {
        const text = this.kept.get(createdAtMs);
        return text === undefined ? null : (JSON.parse(text) as LoopState);
      },
      save: (_project, createdAtMs, state) =>
        this.operation(process, 'save', () => {
          this.kept.set(createdAtMs, JSON.stringify(state));
          this.lookAtSaved(state);
        }),
      remove: async () => undefined,
      projects: async () => [],
    };
  }

  private actions(process: number): LoopActions {
    return {
      startTraining: (_project, effect) =>
        this.operation(process, 'training', () => {
          const { trainingId } = effect;
          this.effect(`training ${trainingId}`);
          if (this.known.has(trainingId) || this.announced.has(trainingId)) return;
          this.known.add(trainingId);
          this.open.push(trainingId);
          if (this.begun.includes(trainingId)) this.broken.push(`training ${trainingId} was begun twice`);
          this.begun.push(trainingId);
        }),
      compare: (_project, effect) =>
        this.operation(process, 'training', () => {
          if (this.isStopped) this.broken.push('a comparison while the loop was stopped');
          this.comparisons.push(effect);
        }),
      startRollout: (project, effect) =>
        this.operation(process, 'command', () => {
          this.lookAtRollout(effect.version);
          this.effect(`rollout ${effect.version}`);
          const id = rolloutCommandId(effect);
          this.byLoop.add(id);
          this.command(id, effect, { kind: 'startRollout', version: effect.version }, project);
        }),
      rollback: (project, effect) =>
        this.operation(process, 'command', () => {
          const id = rollbackCommandId(effect);
          this.effect(id);
          this.byLoop.add(id);
          this.command(id, effect, { kind: 'rollback' }, project, effect.expectedRevision);
        }),
    };
  }

  /** The router takes one at a time; the loop begins none where it has been told that another one is under way. */
  private lookAtRollout(version: number): void {
    const { phase, rolloutVersion } = this.toldRoute ?? {};
    if (phase === 'loading' && rolloutVersion !== version && !this.sent.has(`rollout ${version}`))
      this.broken.push(`a rollout of version ${version} while version ${rolloutVersion} was loading`);
  }

  private effect(key: string): void {
    if (this.isStopped) this.broken.push(`${key} while the loop was stopped`);
    if (this.ended.has(key)) this.broken.push(`${key}, which a stop had ended`);
    this.sent.add(key);
  }

  private command(
    id: string,
    { reason, correlationId }: { reason: string; correlationId: string },
    action: Parameters<typeof decide>[1]['action'],
    project = this.policy.name,
    expectedRevision = 0,
  ): void {
    this.commands.push({ id, project, issuedAtMs: this.clock.nowMs, expectedRevision, correlationId, reason, action });
  }

  private async trainingEnds(how: Extract<WorldEvent, { does: 'training ends' }>['how']): Promise<void> {
    const trainingId = this.open.shift();
    if (trainingId === undefined) return;
    if (how === 'blessed' || how === 'not blessed') return this.announce(trainingId, how === 'blessed');
    // A request that failed is forgotten: a process that comes next begins it again where the loop still waits for it.
    this.begun.splice(this.begun.indexOf(trainingId), 1);
    if (how === 'failed') {
      const input: LoopInput = { kind: 'training_failed', trainingId, message: 'no rows' };
      for (let tries = 0; tries < 50 && !this.isDead; tries++) if (await this.tell(input)) return;
    }
  }

  private async compares(says: Extract<WorldEvent, { does: 'comparison' }>['says']): Promise<void> {
    const asked = this.comparisons.shift();
    if (asked === undefined) return;
    const { version, datasetVersion } = asked;
    if (says === 'skip' || says === 'again' || says === 'end') {
      await this.tell({ kind: 'not_compared', version, datasetVersion, outcome: says, reason: 'no rows' });
      return;
    }
    const mean = { better: 1, worse: -1, nothing: 0 }[says];
    const blocks = { count: 400, mean, m2: 400 };
    await this.tell({
      kind: 'compared',
      ...{ version, datasetVersion, rows: { rows: 800, version: 0.5, against: 0.5 - mean, blocks } },
    });
  }

  // -- the router, and a person at it

  private personAsks(action: Parameters<typeof decide>[1]['action']): void {
    this.command(`person-${this.commands.length}-${this.clock.nowMs}-${this.route.revision}`, BY_PERSON, action);
  }

  private routerGoesOn(load: 'ready' | 'failed' | 'slow'): void {
    for (const command of this.commands) {
      const before = this.route;
      const isLoop = this.byLoop.has(command.id);
      const decision = decide(before, command, DEFAULT_STRATEGY, this.clock.nowMs);
      if (decision.kind !== 'changed') continue;
      this.moved(before, decision.route, command, isLoop);
    }
    this.commands = [];
    if (load !== 'slow') this.loaded(load);
  }

  private loaded(load: 'ready' | 'failed'): void {
    const { phase, version } = this.route.rollout;
    if (phase !== 'loading') return;
    const outcome = { kind: load, version, revision: this.route.revision, message: 'not ready' };
    const settled = settleLoad(this.route, outcome, DEFAULT_STRATEGY, this.clock.nowMs);
    if (settled.kind !== 'changed') return;
    this.route = settled.route;
    this.tellRoute();
  }

  private moved(before: Route, after: Route, { action }: Parameters<typeof decide>[1], isLoop: boolean): void {
    const [from, to] = [before, after].map(({ targets }) => primaryVersion(targets)) as [number, number];
    if (isLoop && action.kind === 'startRollout' && this.takenBack.has(action.version))
      this.broken.push(`version ${action.version}, which was taken back, was rolled out by itself`);
    if (isLoop && action.kind === 'rollback' && this.takenBack.has(to))
      this.broken.push(`a rollback by itself brought version ${to} again, which was taken back`);
    if (to < from) this.takenBack.add(from);
    if (!isLoop) this.takenBack.delete(to);
    if (after.rollout.phase === 'loading') this.loadingSinceMs = this.clock.passedMs;
    this.route = after;
    this.tellRoute();
  }

  private tellRoute(): void {
    const { revision, targets, previousVersion, rollout, recentCommandIds } = this.route;
    this.write('routes', {
      ...{ kind: 'route', revision, liveVersion: primaryVersion(targets), previousVersion },
      ...{ rolloutVersion: rollout.version, phase: rollout.phase, message: rollout.message },
      commandIds: recentCommandIds,
    });
  }

  // -- what it promises

  private lookAtSaved(state: LoopState): void {
    const text = JSON.stringify(state);
    this.largest = Math.max(this.largest, text.length);
    if (state.history.length > HISTORY_MAX) this.broken.push(`${state.history.length} steps of history`);
    this.broken.push(...this.clock.saved(state, this.deciding, this.policy));
    for (const id of state.trainingIds) if (!this.decidedAtMs.has(id)) this.decidedAtMs.set(id, this.clock.passedMs);
    // A decision that nobody heard of to be saved is none, unless it comes to its effect.
    const decided = [...this.decidedAtMs].filter(([id]) => this.sent.has(`training ${id}`));
    const within = decided.filter(([, atMs]) => atMs > this.clock.passedMs - DAY_MS).length;
    if (within > BUDGET && !this.clock.isMisled(DAY_MS))
      this.broken.push(`${within} retrainings within a day, at most ${BUDGET}`);
  }

  private look(): void {
    const { phase, openDrifts, endedDrifts } = this.state;
    if (this.isStopped && phase !== 'stopped') this.broken.push(`stopped, and it is ${phase}`);
    const both = openDrifts.filter(({ eventId }) => endedDrifts.includes(eventId));
    if (both.length > 0) this.broken.push(`drift ${both.map(({ eventId }) => eventId)} is open and over`);
  }
}

const BY_PERSON = { reason: 'by hand', correlationId: 'hand' };

const empty = (): Record<TopicName, { input: LoopInput; atMs: number }[]> => ({
  ...{ datasets: [], models: [], routes: [], drift: [] },
});
