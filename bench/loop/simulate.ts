// One stream under one policy, through the real state machines: the loop's `advance`, the router's `decide` and
// `settleLoad`, the monitor's judgements and alarms. Simulated are the clock (a window is a day), serving (the version
// in service answers every row of a window) and the training (learner.ts, within the minute).
//
// At the end of window t the monitor judges its rows, then the quality of window t - delay, whose labels have come; its
// rows become a dataset version; the loop looks. What it puts in service answers window t + 1.

import { cohortOfVersion } from '@millrace/domain';
import type { Project } from '@millrace/project';
import { DEFAULT_STRATEGY, type Decision, decide, primaryVersion, type Route, settleLoad } from '@millrace/routing';
import type { Candidates, Span } from './candidates.js';
import {
  advance,
  driftFinding,
  endFinding,
  initialLoopState,
  type LoopEffect,
  type LoopInput,
  type LoopPolicy,
  type LoopState,
  ProjectAlarms,
  type SubjectVerdict,
} from './machines.js';
import { FIRST, HISTORY } from './stream.js';

export const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** In units of loss. */
export interface Prices {
  /** Of a retraining, blessed or not. */
  retraining: number;
  /** Of a prediction that a bad version answers. */
  exposed: number;
}

/** What a run did; its cost follows by the prices. */
export interface Outcome {
  /** Sum over all live predictions. */
  loss: number;
  retrainings: number;
  exposed: number;
  /** What the version in service was made of, by live window. */
  served: Span[];
  state: LoopState;
}

export const costOf = ({ loss, retrainings, exposed }: Omit<Outcome, 'served' | 'state'>, prices: Prices): number =>
  loss + prices.retraining * retrainings + prices.exposed * exposed;

class Run {
  private state = initialLoopState();
  private route: Route | undefined;
  private readonly alarms: ProjectAlarms;
  /** What each version was made of; version 1 first. */
  private readonly made: Span[] = [FIRST];
  private readonly versionIn: number[] = [];
  private nowMs = HISTORY * DAY_MS;
  private readonly outcome = { loss: 0, retrainings: 0, exposed: 0 };
  private readonly served: Span[] = [];
  private readonly policy: LoopPolicy;

  constructor(
    private readonly candidates: Candidates,
    private readonly project: Project,
  ) {
    const { name, retrain, rollout, monitoring, scope } = project;
    const { automatic: rolloutAutomatic, probation } = rollout;
    this.policy = { project: name, retrain, rolloutAutomatic, probation, metric: scope.metric };
    this.alarms = new ProjectAlarms(monitoring.consecutiveWindows);
  }

  run(): Outcome {
    const { windows, delay } = this.candidates.stream;
    for (let window = 0; window < HISTORY; window++) this.dataset(window);
    const { rows, metrics, positiveShare } = this.candidates.at(FIRST).evaluation;
    const judged = { rows, loss: metrics.log_loss ?? Number.NaN, positiveShare };
    this.tell({ kind: 'model', version: 1, trainingId: 'first', blessed: true, verdict: '', judged });
    for (let window = HISTORY; window < windows; window++) {
      this.serve(window);
      this.nowMs = (window + 1) * DAY_MS;
      this.judgeRows(window);
      const labelled = window - delay;
      if (labelled >= HISTORY) {
        this.judgeQuality(labelled);
        this.dataset(labelled);
        this.tellQuality(labelled);
      }
      this.tell({ kind: 'tick' });
    }
    return { ...this.outcome, served: this.served, state: this.state };
  }

  private get live(): number {
    return primaryVersion(this.route?.targets ?? []);
  }

  private rowsOf(version: number): Span {
    return this.made[version - 1] as Span;
  }

  private serve(window: number): void {
    const of = this.rowsOf(this.live);
    this.versionIn[window] = this.live;
    this.served.push(of);
    this.outcome.loss += this.candidates.lossOf(of, window);
    this.outcome.exposed += this.candidates.exposed(of, window);
  }

  private dataset(window: number): void {
    const id = `d${window}`;
    const { rows: labelledRows } = this.candidates.stream;
    const bounds = { windowStartMs: window * DAY_MS, windowEndMs: (window + 1) * DAY_MS };
    this.tell({ kind: 'dataset', dataset: { id, ordinal: window + 1, labelledRows, ...bounds } });
  }

  private judgeRows(window: number): void {
    const version = this.versionIn[window] as number;
    const { onDrift, prices } = this.project.retrain;
    // Drift of inputs and scores takes back no version: a loop that answers none is not changed by it.
    if (onDrift || prices !== undefined)
      for (const verdict of this.candidates.verdictsOfRows(this.rowsOf(version), window))
        this.feed(version, window, verdict);
    this.alarms.retire(new Set([version]), this.nowMs);
  }

  private judgeQuality(window: number): void {
    const version = this.versionIn[window] as number;
    for (const verdict of this.candidates.verdictsOfQuality(this.rowsOf(version), window))
      this.feed(version, window, verdict);
  }

  /** As the trainer reads it from metrics.v1. */
  private tellQuality(window: number): void {
    const version = this.versionIn[window] as number;
    const {
      rows,
      metrics,
      positiveShare,
      meanScore = Number.NaN,
    } = this.candidates.qualityOf(this.rowsOf(version), window);
    const bounds = { startMs: window * DAY_MS, endMs: (window + 1) * DAY_MS };
    const { log_loss: loss = Number.NaN } = metrics;
    this.tell({ kind: 'quality', version, ...bounds, predictions: rows, rows, loss, positiveShare, meanScore });
  }

  private feed(version: number, window: number, verdict: SubjectVerdict): void {
    const cohort = cohortOfVersion(version);
    const startMs = window * DAY_MS;
    const endMs = startMs + DAY_MS;
    const change = this.alarms.feed(cohort, verdict, { startMs, endMs });
    const context = { project: this.project.name, cohort, startMs, endMs, rows: this.candidates.stream.rows };
    if (change === 'calmed') {
      const told = this.alarms.takeTold(cohort, verdict.subject, 'calm');
      if (told === undefined) return;
      this.tell({ kind: 'drift_ended', eventId: endFinding(context, verdict, { ...told, reason: 'calm' }).data.ends });
    }
    if (change !== 'drifted') return;
    const { id: eventId, data } = driftFinding(context, verdict, []);
    const { feature, detector, value, threshold, correlationId } = data;
    this.alarms.told(cohort, verdict.subject, { id: eventId, correlationId });
    const bounds = { windowStartMs: startMs, windowEndMs: endMs };
    this.tell({ kind: 'drift', eventId, feature, detector, value, threshold, ...bounds, cohort, correlationId });
  }

  private tell(input: LoopInput): void {
    const { state, effects } = advance(this.state, input, this.policy, this.nowMs);
    this.state = state;
    for (const effect of effects) this.carryOut(effect);
  }

  private carryOut(effect: LoopEffect): void {
    this.nowMs += MINUTE_MS;
    if (effect.kind === 'start_training') {
      this.train(effect);
      return;
    }
    if (effect.kind === 'compare') {
      this.compare(effect);
      return;
    }
    const { reason, correlationId } = effect;
    const action =
      effect.kind === 'rollback'
        ? ({ kind: 'rollback' } as const)
        : ({ kind: 'startRollout', version: effect.version } as const);
    const expectedRevision = effect.kind === 'rollback' ? effect.expectedRevision : 0;
    const command = {
      ...{ id: `${correlationId}/${action.kind}/${this.nowMs}`, project: this.project.name, issuedAtMs: this.nowMs },
      ...{ expectedRevision, correlationId, reason, action },
    };
    this.decided(decide(this.route, command, DEFAULT_STRATEGY, this.nowMs));
  }

  private train({ datasetVersions, trainingId }: Extract<LoopEffect, { kind: 'start_training' }>): void {
    this.outcome.retrainings += 1;
    const windows = datasetVersions.map((id) => Number(id.slice(1)));
    const of = { first: Math.min(...windows), last: Math.max(...windows) };
    const champion = { of: this.rowsOf(this.live), version: this.live };
    const { blessed, verdict, evaluation, championEvaluation } = this.candidates.contest(of, champion);
    this.made.push(of);
    const judged = {
      ...{ rows: evaluation.rows, loss: evaluation.metrics.log_loss ?? Number.NaN },
      ...{ championLoss: championEvaluation.metrics.log_loss, positiveShare: evaluation.positiveShare },
    };
    this.tell({ kind: 'model', version: this.made.length, trainingId, blessed, verdict, judged });
  }

  private compare({ version, against, datasetVersion }: Extract<LoopEffect, { kind: 'compare' }>): void {
    const window = Number(datasetVersion.slice(1));
    const rows = this.candidates.compared(this.rowsOf(version), this.rowsOf(against), window);
    this.tell({ kind: 'compared', version, datasetVersion, rows });
  }

  private decided(decision: Decision): void {
    if (decision.kind !== 'changed') return;
    this.route = decision.route;
    const { revision, rollout } = decision.route;
    this.tellRoute(decision.route);
    if (rollout.phase !== 'loading') return;
    const ready = { kind: 'ready', version: rollout.version, revision } as const;
    this.decided(settleLoad(decision.route, ready, DEFAULT_STRATEGY, this.nowMs));
  }

  private tellRoute({ revision, targets, previousVersion, rollout }: Route): void {
    const { phase, message, version: rolloutVersion } = rollout;
    const liveVersion = primaryVersion(targets);
    this.tell({ kind: 'route', revision, liveVersion, previousVersion, rolloutVersion, phase, message });
  }
}

export function simulate(candidates: Candidates, project: Project): Outcome {
  return new Run(candidates, project).run();
}
