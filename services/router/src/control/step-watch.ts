// Brings the steps of rollouts when they are due, as the owner of their routes: waits for the time, asks serving
// whether the version is still ready and the analysis whether it may have more, and hands the outcome to the owner.
// It keeps nothing that the route does not say, so that whoever takes a partition over goes on from the route alone.
//
// Of a bandit it asks every so often what labels say: its weight moves, it ends before its time where one version is
// better, and at its time it ends.
//
// A version that serving does not call ready for `readyTimeoutMs` after its step was due has failed: the rollout
// does not hang, whatever else of the route changes meanwhile. While the analysis says 'not yet' it waits, and the
// route says for whom (libs/routing: rolloutProgress). A check before a switch waits no longer than the route says:
// then a person is asked, whatever has become of the analysis.

import type { Clock } from '@millrace/domain';
import { type BanditMove, isDue, isUndecided, type Route, type StepOutcome } from '@millrace/routing';

export interface ReadinessProbe {
  modelReady(project: string, version: number): Promise<boolean>;
}

/**
 * What the analysis says of a step that is due: it may come; not yet, ask again; or the rollout is to end, or to wait
 * for a person. Pure and quick: it is asked about once a second, and before each step.
 */
export type StepAnswer = 'yes' | 'not yet' | { abort: string } | { pause: string };
export type MayAdvance = (project: string, route: Route) => StepAnswer;

/** What labels say of a bandit's version, whose time may be over. Pure and quick. */
export type AskBandit = (route: Route, isOver: boolean) => BanditMove;

/** Who is named where the analysis ends or pauses a rollout, where the owner does, and where labels do. */
export const ANALYSIS = 'the analysis';
const ROUTER = 'the router';
const UNDECIDED = 'the analysis has not decided in time: `millrace rollout status` shows what it has seen';
const LABELS = 'the labels';

/** Between two looks at a step that is due and may not come. */
const LOOK_EVERY_MS = 250;
/** The analysis pauses the rollout by itself at that time, and knows more of why. */
const UNDECIDED_AFTER_MS = 5_000;
/** Long waits are slept in parts, so that an ended watch goes. */
const SLEEP_MS_MAX = 1_000;

interface Routes {
  get(project: string): Route | undefined;
  /** Never rejects: what could not be written leaves the route as it was. */
  settle(project: string, outcome: StepOutcome): Promise<void>;
}

export interface StepWatchOptions {
  clock: Clock;
  readyTimeoutMs: number;
  sleep(ms: number): Promise<void>;
  mayAdvance: MayAdvance;
  askBandit: AskBandit;
  /** It threw. */
  onError(project: string, error: unknown): void;
}

/** The running watch of a project. */
interface Watched {
  /** At which it began. */
  revision: number;
  /** Which step of which rollout. */
  step: string;
  /** Of the version, on the monotonic clock; undefined: it was ready when it was asked for last. */
  unreadySinceMs: number | undefined;
}

export class StepWatch {
  private readonly watching = new Map<string, Watched>();

  constructor(
    private readonly routes: Routes,
    private readonly probe: ReadinessProbe,
    private readonly options: StepWatchOptions,
  ) {}

  /** Of a route that has come into force here; one without a step that has a time ends the watch. */
  watch(route: Route): void {
    const { project, revision, rollout } = route;
    const { steps } = rollout;
    const waits = rollout.phase === 'progressing' && steps?.dueMs !== undefined && steps.pause === undefined;
    const known = this.watching.get(project);
    if (!waits) this.end(project);
    else if (known?.revision !== revision) {
      const step = `${steps.at} of ${steps.fromRevision} since ${steps.sinceMs}`;
      const watched = { revision, step, unreadySinceMs: known?.step === step ? known.unreadySinceMs : undefined };
      this.watching.set(project, watched);
      void this.untilMoved(project, watched);
    }
  }

  end(project: string): void {
    this.watching.delete(project);
  }

  private async untilMoved(project: string, watched: Watched): Promise<void> {
    const { clock, sleep } = this.options;
    const { revision } = watched;
    /** Of a bandit: when labels were asked last; a move writes the route. */
    let askedAtMs = this.routes.get(project)?.changedAtMs ?? 0;
    for (;;) {
      const route = this.current(project, revision);
      const steps = route?.rollout.steps;
      if (route === undefined || steps?.dueMs === undefined) return;
      const isOver = isDue(steps, clock.nowMs());
      const nextMs = Math.min(steps.dueMs, askedAtMs + (steps.bandit?.everyMs ?? Number.POSITIVE_INFINITY));
      if (clock.nowMs() < nextMs) {
        await sleep(Math.min(SLEEP_MS_MAX, Math.max(1, nextMs - clock.nowMs())));
        continue;
      }
      const isReady = await this.probe.modelReady(project, route.rollout.version).catch(() => false);
      if (this.current(project, revision) === undefined) return;
      watched.unreadySinceMs = isReady ? undefined : (watched.unreadySinceMs ?? clock.monotonicMs());
      const outcome = this.outcomeOf(route, watched.unreadySinceMs, isOver);
      if (outcome === undefined && isReady && !isOver) {
        askedAtMs = clock.nowMs();
        continue;
      }
      // What was written ends this watch; what was not, or was refused by a clock set back, is looked at again.
      if (outcome !== undefined) await this.routes.settle(project, outcome);
      if (this.current(project, revision) !== undefined) await sleep(LOOK_EVERY_MS);
    }
  }

  /** undefined: this watch is over. */
  private current(project: string, revision: number): Route | undefined {
    if (this.watching.get(project)?.revision !== revision) return undefined;
    const route = this.routes.get(project);
    return route?.revision === revision ? route : undefined;
  }

  /** undefined: nothing yet. */
  private outcomeOf(route: Route, unreadySinceMs: number | undefined, isOver: boolean): StepOutcome | undefined {
    const { revision } = route;
    const { version } = route.rollout;
    const at = { version, revision };
    const { clock, readyTimeoutMs } = this.options;
    if (unreadySinceMs !== undefined) {
      const ms = clock.monotonicMs() - unreadySinceMs;
      if (ms < readyTimeoutMs) return undefined;
      return { kind: 'abort', ...at, by: ROUTER, reason: `serving has not called it ready for ${readyTimeoutMs} ms` };
    }
    return route.rollout.steps?.bandit === undefined ? this.advanced(route) : this.moved(route, isOver);
  }

  /** `reason`: of the next step, where it is known. */
  private advanced(route: Route, reason?: string): StepOutcome | undefined {
    const at = { version: route.rollout.version, revision: route.revision };
    const answer = this.asked(route);
    if (answer === 'yes') return { kind: 'next', ...at, ...(reason === undefined ? {} : { reason }) };
    const { steps } = route.rollout;
    const longAgoMs = this.options.clock.nowMs() - UNDECIDED_AFTER_MS;
    if (answer === 'not yet' && steps !== undefined && isUndecided(steps, longAgoMs))
      return { kind: 'pause', ...at, by: ROUTER, reason: UNDECIDED };
    if (answer === 'not yet') return undefined;
    return 'abort' in answer
      ? { kind: 'abort', ...at, by: ANALYSIS, reason: answer.abort }
      : { kind: 'pause', ...at, by: ANALYSIS, reason: answer.pause };
  }

  /** Of a bandit. Everything for its version takes the analysis, too, as every last step does. */
  private moved(route: Route, isOver: boolean): StepOutcome | undefined {
    const at = { version: route.rollout.version, revision: route.revision };
    const { askBandit, onError } = this.options;
    let move: BanditMove;
    try {
      move = askBandit(route, isOver);
    } catch (error) {
      onError(route.project, error);
      return undefined;
    }
    switch (move.kind) {
      case 'stay':
        return undefined;
      case 'weight':
        return { kind: 'weight', ...at, weight: move.weight, reason: move.reason };
      case 'keep':
        return { kind: 'abort', ...at, by: LABELS, reason: move.reason };
      case 'promote':
        return this.advanced(route, move.reason);
    }
  }

  /** An analysis that fails ends no rollout and brings none on. */
  private asked(route: Route): StepAnswer {
    const { mayAdvance, onError } = this.options;
    try {
      return mayAdvance(route.project, route);
    } catch (error) {
      onError(route.project, error);
      return 'not yet';
    }
  }
}
