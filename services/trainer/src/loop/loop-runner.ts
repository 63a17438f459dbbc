// Runs the loops of all projects: one input at a time per project, the new state saved before its effects are
// performed, so that a crash in between repeats effects (their receivers know repeated ones) and never forgets one.
// An effect that fails is repeated in the same way, as long as the state says that it is to be had.

import { type Clock, PlatformError, PROJECTS_MAX } from '@millrace/domain';
import type { Project } from '@millrace/project';
import { HELD_MS, HeldClock } from './held-clock.js';
import { advance, pendingEffects } from './loop-advance.js';
import { askedView, wordFault } from './loop-approval.js';
import { notAhead } from './loop-clock.js';
import { probationText, standing } from './loop-probation.js';
import { initialLoopState, type LoopEffect, type LoopInput, type LoopPolicy, type LoopState } from './loop-state.js';
import { type LoopWait, loopWait } from './loop-wait.js';

/** Keeps the state of a project, which name and time of creation tell from all others. */
export interface LoopStore {
  load(project: string, createdAtMs: number): Promise<LoopState | null>;
  /** Durable when it resolves. */
  save(project: string, createdAtMs: number, state: LoopState): Promise<void>;
  remove(project: string): Promise<void>;
  /** Those of which something is kept. */
  projects(): Promise<string[]>;
}

/** What the loop can do. Each may be repeated with the same ids and must then have no further effect. */
export interface LoopActions {
  startTraining(project: string, effect: Extract<LoopEffect, { kind: 'start_training' }>): Promise<void>;
  startRollout(project: string, effect: Extract<LoopEffect, { kind: 'start_rollout' }>): Promise<void>;
  rollback(project: string, effect: Extract<LoopEffect, { kind: 'rollback' }>): Promise<void>;
  /** Begins it; its result comes as an input. */
  compare(project: string, effect: Extract<LoopEffect, { kind: 'compare' }>): Promise<void>;
}

export interface LoopReport {
  info(message: string, facts: Record<string, string | number>): void;
  error(message: string, facts: Record<string, string | number>): void;
}

interface Loop {
  project: Project;
  readonly createdAtMs: number;
  policy: LoopPolicy;
  state: LoopState;
  /** Tail of the project's queue. */
  turn: Promise<void>;
  /** An effect has failed, so often in a row, and is tried again from then on. */
  failed: { tries: number; againAtMs: number } | null;
  /** By which the state's times hold. */
  readonly time: HeldClock;
  /** A save has failed, and may be kept all the same: what is kept may be ahead of the state. */
  isUnsure: boolean;
}

/** Before an effect is tried again: twice as long each time, up to the most. */
const AGAIN_MS = 500;
const AGAIN_MS_MAX = 60_000;

export class LoopRunner {
  /** Projects that are there, also those that have no loop because their definition could not be read or taken. */
  private readonly present = new Set<string>();
  private readonly loops = new Map<string, Loop>();

  constructor(
    private readonly store: LoopStore,
    private readonly actions: LoopActions,
    private readonly clock: Clock,
    private readonly report: LoopReport,
    private readonly decide: typeof advance = advance,
  ) {}

  /** The project is there, whatever comes of its definition: what is kept of it stays. */
  noteProject(project: string): void {
    this.present.add(project);
  }

  /** Starts a project's loop, or gives it a new policy; what was begun before a restart is begun again. */
  async define(project: Project, createdAtMs: number): Promise<void> {
    const { name, retrain, rollout, scope } = project;
    const { automatic: rolloutAutomatic, probation } = rollout;
    const policy: LoopPolicy = { project: name, retrain, rolloutAutomatic, probation, metric: scope.metric };
    const known = this.loops.get(project.name);
    // Applied anew while nobody looked: another project.
    if (known !== undefined && known.createdAtMs !== createdAtMs) await this.end(known);
    else if (known !== undefined) {
      known.project = project;
      known.policy = policy;
      return;
    }
    if (this.loops.size >= PROJECTS_MAX)
      throw new PlatformError('overloaded', `${this.loops.size} loops run; at most ${PROJECTS_MAX} may`);
    const kept = await this.store.load(project.name, createdAtMs);
    const time = new HeldClock(this.clock);
    const state = kept === null ? initialLoopState() : notAhead(kept, policy, time.nowMs());
    // A second definition may have come while the state was read.
    if (this.loops.has(project.name)) return;
    const loop: Loop = {
      ...{ project, createdAtMs, policy, state, turn: Promise.resolve(), failed: null, isUnsure: false },
      time,
    };
    this.loops.set(project.name, loop);
    await this.inTurn(loop, () => this.repeat(loop));
  }

  /**
   * Applies an input; inputs of unknown projects are dropped and reported, and so is what was written (`atMs`) before
   * the project was created. Resolves when its effects were performed; where it rejects nothing has changed, and the
   * caller may bring the input again.
   */
  async apply(project: string, input: LoopInput, atMs = Number.POSITIVE_INFINITY): Promise<void> {
    const loop = this.loops.get(project);
    if (loop === undefined || atMs < loop.createdAtMs) {
      this.report.info('input for a project without a loop', { project, input: input.kind });
      return;
    }
    await this.inTurn(loop, () => this.step(loop, input));
  }

  private inTurn(loop: Loop, work: () => Promise<void>): Promise<void> {
    // What was before it may have failed: its caller knows.
    loop.turn = loop.turn.catch(() => undefined).then(work);
    return loop.turn;
  }

  async tick(): Promise<void> {
    for (const [project, loop] of this.loops) {
      try {
        await this.inTurn(loop, async () => {
          if (loop.failed !== null && this.clock.monotonicMs() >= loop.failed.againAtMs) await this.repeat(loop);
        });
        await this.apply(project, { kind: 'tick' });
      } catch (thrown) {
        const { code, reason } = PlatformError.from(thrown);
        this.report.error('a loop was not looked at: the next tick does it', { project, code, reason });
      }
    }
  }

  /** It weighs what a retraining costs: others need not hear of every window. */
  weighs(project: string): boolean {
    return this.loops.get(project)?.policy.retrain.prices !== undefined;
  }

  stateOf(project: string): LoopState {
    return this.loopOf(project).state;
  }

  /** Why a person's word cannot be taken now; undefined = it can. */
  wordFault(project: string, word: Parameters<typeof wordFault>[2]): string | undefined {
    const { state, policy } = this.loopOf(project);
    return wordFault(state, policy, word);
  }

  /** Where the probation of the version in service stands; null = it is on none. */
  probationOf(project: string) {
    const { state, policy } = this.loopOf(project);
    if (state.probation === null) return null;
    const { version, against, byHand, sinceMs, untilMs, seen } = state.probation;
    const { difference, lower, upper } = standing(state.probation);
    const finite = (value: number) => (Number.isFinite(value) ? value : null);
    return {
      ...{ version, against, byHand, sinceMs, untilMs, metric: policy.metric },
      ...{ rows: seen.rows, versionValue: seen.version, againstValue: seen.against },
      ...{ difference: seen.rows === 0 ? null : difference, lower: finite(lower), upper: finite(upper) },
      says: probationText(state.probation, policy.metric),
    };
  }

  /** What people are asked; null = nothing. */
  askedOf(project: string) {
    const { state, policy } = this.loopOf(project);
    return askedView(state, policy);
  }

  /** What it waits for, in words. */
  waitOf(project: string): LoopWait {
    const { state, project: definition, time } = this.loopOf(project);
    return loopWait(state, definition, time.nowMs());
  }

  /** The project is no more: its loop begins nothing again. What is kept of it goes with `tidy`. */
  async forget(project: string): Promise<void> {
    this.present.delete(project);
    const loop = this.loops.get(project);
    if (loop !== undefined) await this.end(loop);
  }

  private async end(loop: Loop): Promise<void> {
    this.loops.delete(loop.project.name);
    // A step that has begun saves once more; that it may fail is told to whoever asked for it.
    await loop.turn.catch(() => undefined);
  }

  /** Removes what is kept of deleted projects; once all projects are known. */
  async tidy(): Promise<void> {
    for (const project of await this.store.projects()) {
      if (!this.loops.has(project) && !this.present.has(project)) await this.store.remove(project);
    }
  }

  private loopOf(project: string): Loop {
    const loop = this.loops.get(project);
    if (loop === undefined) throw new PlatformError('not_found', `there is no project "${project}"`);
    return loop;
  }

  private async step(loop: Loop, input: LoopInput): Promise<void> {
    await this.keepTime(loop);
    await this.move(loop, input);
  }

  /** However the clock on the wall is set, nothing waits for longer, and for less only by what it believes. */
  private async keepTime(loop: Loop): Promise<void> {
    const { time, project } = loop;
    const wasHeld = time.heldMs > 0;
    for (let input = time.next(); input !== null; input = time.next()) {
      await this.move(loop, input, time.nowAfterMs(input));
      time.took(input);
    }
    if (time.heldMs > 0 && !wasHeld)
      this.report.info('the clock is ahead all at once: it is not believed unless it stays so', {
        ...{ project: project.name, ahead_ms: time.heldMs, for_ms: HELD_MS },
      });
  }

  private async move(loop: Loop, input: LoopInput, nowMs = loop.time.nowMs()): Promise<void> {
    const project = loop.project.name;
    const before = loop.state;
    const { state, effects } = this.decide(before, input, loop.policy, nowMs);
    if (state === before && !loop.isUnsure) return;
    loop.isUnsure = true;
    await this.store.save(project, loop.createdAtMs, { ...state, asked: askedView(state, loop.policy) });
    loop.isUnsure = false;
    loop.state = state;
    const told = state.history.at(-1);
    if (told !== undefined && told !== before.history.at(-1)) {
      this.report.info(told.message, { project, phase: state.phase, correlation_id: told.correlationId });
    }
    await this.perform(loop, effects);
  }

  /** What the state says was begun and has no result yet. Its receivers know it again. */
  private repeat(loop: Loop): Promise<void> {
    const tries = loop.failed?.tries ?? 0;
    loop.failed = null;
    return this.perform(loop, pendingEffects(loop.state, loop.policy), tries);
  }

  /** `tries`: how often in a row they have failed. */
  private async perform(loop: Loop, effects: readonly LoopEffect[], tries = 0): Promise<void> {
    const project = loop.project.name;
    for (const effect of effects) {
      if (this.loops.get(project) !== loop) return;
      try {
        await this.carryOut(project, effect);
        loop.failed = null;
      } catch (thrown) {
        const error = PlatformError.from(thrown);
        const { code, reason } = error;
        this.report.error('an effect of the loop failed', { project, effect: effect.kind, code, reason, tries });
        if (await this.endsEpisode(loop, effect, error)) continue;
        const pauseMs = Math.min(AGAIN_MS * 2 ** tries, AGAIN_MS_MAX);
        loop.failed = { tries: tries + 1, againAtMs: this.clock.monotonicMs() + pauseMs };
      }
    }
  }

  private carryOut(project: string, effect: LoopEffect): Promise<void> {
    if (effect.kind === 'start_training') return this.actions.startTraining(project, effect);
    if (effect.kind === 'start_rollout') return this.actions.startRollout(project, effect);
    if (effect.kind === 'rollback') return this.actions.rollback(project, effect);
    return this.actions.compare(project, effect);
  }

  /** A training that is refused for ever ends its episode, as one that fails does; false where that is not saved. */
  private async endsEpisode(loop: Loop, effect: LoopEffect, { retry, reason }: PlatformError): Promise<boolean> {
    if (effect.kind !== 'start_training' || retry !== 'never') return false;
    try {
      await this.step(loop, { kind: 'training_failed', trainingId: effect.trainingId, message: reason });
      return true;
    } catch {
      return false; // with the effect it comes again
    }
  }
}
