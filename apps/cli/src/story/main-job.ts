// The main job: bulk load, first training, live replay, drift, retraining, switch, rollback and undo, as a client of
// the services' public APIs. It decides nothing that the platform decides; it sends traffic, watches and measures.

import { once } from 'node:events';
import { type Clock, PlatformError } from '@millrace/domain';
import type { Project, ReplaySpec } from '@millrace/project';
import type { ControlClient, ModelVersionView, SwitchView } from '../client/control.http.js';
import type { Reporter, Stage } from '../terminal/reporter.js';
import { makeBadRows } from './bad-rows.js';
import type { ReplayDoors } from './doors.grpc.js';
import type { ReplayRow } from './replay-rows.duckdb.js';
import { shiftStart } from './shift.js';
import { Traffic } from './traffic.js';

export interface MainJobOptions {
  project: Project;
  replay: ReplaySpec;
  /** The project file's text, as `apply` sends it. */
  projectText: string;
  /** Bulk rows; Infinity = every row of the range. */
  rows: number;
  replayRows: number;
  ratePerSecond: number;
  shift: boolean;
  /** Labelled rows that the new version must have served before the traffic may end. */
  labelledOnNewVersion: number;
  control: ControlClient;
  openDoors: () => ReplayDoors;
  readRows: (rows: number, reserveRows: number) => Promise<ReplayRow[]>;
  writeBadRows: (rows: readonly object[]) => Promise<string>;
  reporter: Reporter;
  clock: Clock;
  /** Aborts between steps. */
  signal: AbortSignal;
}

export interface MainJobResult {
  importedRows: number;
  rejectedRows: number;
  rows: readonly ReplayRow[];
  traffic: Traffic;
  shiftFrom: number;
  shiftStartedAtMs: number | null;
  recordsAccepted: number;
  rollbackMs: number | null;
  rollbackSwitches: SwitchView[];
}

const POLL_MS = 100;
const TELL_EVERY_MS = 1_000;
const SLOW_POLL_MS = 500;
const STEP_DEADLINE_MS = 600_000;
const TRACE_EVERY = 1_000;

export class MainJob {
  constructor(private readonly options: MainJobOptions) {}

  async run(): Promise<MainJobResult> {
    const { options } = this;
    await options.control.applyProject(options.projectText);
    const imported = await this.ingest();
    await this.train(imported.datasetVersion);
    await this.waitForLive(1);
    const live = await this.replay();
    return { ...live, importedRows: imported.accepted, rejectedRows: imported.rejected };
  }

  private async ingest(): Promise<{ accepted: number; rejected: number; datasetVersion: string }> {
    const { control, project, replay } = this.options;
    const stage = this.stage('ingest', `bulk load of ${project.name}`);
    const sample = (await this.options.readRows(1, 0))[0];
    if (sample === undefined) throw new PlatformError('invalid_argument', 'the replay source has no rows');
    const good = { ...sample.values, [project.data.label.column]: sample.outcome };
    const extraFile = await this.options.writeBadRows(makeBadRows(project, good, replay.history.badRows));
    const request = {
      source: replay.source,
      fromMs: replay.history.fromMs,
      toMs: replay.history.toMs,
      ...(Number.isFinite(this.options.rows) ? { rows: this.options.rows } : {}),
      seed: replay.seed,
      extraFile,
    };
    const { importId } = await control.startImport(project.name, request);
    for (;;) {
      const state = await control.importState(project.name, importId);
      stage.progress(state.rowsRead, this.options.rows, `${state.accepted} accepted, ${state.rejected} refused`);
      if (state.state === 'failed') {
        stage.fail(state.message ?? 'failed');
        throw new PlatformError('internal', `the import failed: ${state.message}`);
      }
      if (state.state === 'done' && state.datasetVersion) {
        stage.done(
          `${state.accepted} rows accepted, ${state.rejected} refused, dataset version ${state.datasetVersion.slice(0, 12)}`,
        );
        return { accepted: state.accepted, rejected: state.rejected, datasetVersion: state.datasetVersion };
      }
      await this.pause(POLL_MS);
    }
  }

  private async train(datasetVersion: string): Promise<ModelVersionView> {
    const { control, project, replay } = this.options;
    const stage = this.stage('train', `version 1 on ${project.training.workers} workers`);
    const { trainingId } = await control.startTraining(project.name, {
      datasetVersions: [datasetVersion],
      evaluateFromMs: project.evaluation.fromMs ?? replay.history.trainToMs,
      workers: project.training.workers,
      seed: project.training.seed,
      reason: 'initial',
    });
    for (;;) {
      const training = await control.training(project.name, trainingId);
      const { step = 0, steps = 0, loss = 0, rowsPerSecond = 0, message = 'no reason given' } = training.last;
      if (steps > 0) stage.progress(step, steps, `loss ${loss.toFixed(4)}, ${Math.round(rowsPerSecond)} rows/s`);
      if (training.state === 'failed') {
        stage.fail(message);
        throw new PlatformError('internal', `the training failed: ${message}`);
      }
      const model =
        training.state === 'finished'
          ? (await control.models(project.name)).find((m) => m.trainingId === trainingId)
          : undefined;
      if (model) {
        const figures = `AUC ${model.evaluation?.auc.toFixed(4)}, log loss ${model.evaluation?.logLoss.toFixed(4)}`;
        const text = `version ${model.version}: ${figures}, ${model.blessed ? 'blessed' : 'not blessed'}`;
        if (!model.blessed) {
          stage.fail(`${text}: ${model.reasons.join('; ')}`);
          throw new PlatformError('internal', `version ${model.version} was not blessed: ${model.reasons.join('; ')}`);
        }
        stage.done(text);
        return model;
      }
      await this.pause(POLL_MS);
    }
  }

  private async waitForLive(version: number): Promise<void> {
    const { control, project } = this.options;
    const stage = this.stage('rollout', `version ${version} goes live`);
    await this.until(async () => {
      const route = await control.route(project.name).catch(() => null);
      return route?.targets.some((target) => target.version === version && target.weight === 100);
    }, `version ${version} to go live`);
    stage.done(`version ${version} answers all traffic`);
  }

  private async replay() {
    const { options } = this;
    const { replay, project, clock } = options;
    const reserveRows = options.shift ? Math.round(options.replayRows * replay.live.reserveShare) : 0;
    const rows = await options.readRows(options.replayRows, reserveRows);
    const doors = options.openDoors();
    const shift = options.shift ? replay.shift : undefined;
    const shiftFrom = shiftStart(options.replayRows, shift);
    const stage = this.stage('replay', `${options.replayRows} rows at ${options.ratePerSecond}/s`);
    const traffic = new Traffic({
      project,
      rows,
      ratePerSecond: options.ratePerSecond,
      shiftFrom,
      operations: shift?.operations ?? [],
      doors,
      clock,
      traceEvery: TRACE_EVERY,
    });
    const running = traffic.run();
    const onAbort = () => traffic.stop();
    options.signal.addEventListener('abort', onAbort);
    try {
      const loop = options.shift ? this.watchLoop(traffic) : Promise.resolve(null);
      const progress = this.showProgress(traffic, stage, running);
      const rolled = await Promise.race([loop, running.then(() => this.endedEarly(traffic, loop))]);
      await this.until(
        async () => traffic.sent >= options.replayRows || options.signal.aborted,
        'the replay to be sent',
      );
      traffic.stop();
      await running;
      await progress;
      stage.done(`${traffic.requests} requests, ${traffic.failures} failed, ${traffic.labelsSent} labels`);
      await this.withDeadline(doors.drain(), 60_000, 'ingest to acknowledge the last records and labels');
      return {
        rows,
        traffic,
        shiftFrom,
        shiftStartedAtMs: rows[shiftFrom]?.eventTimeMs ?? null,
        recordsAccepted: doors.recordsAccepted(),
        rollbackMs: rolled?.rollbackMs ?? null,
        rollbackSwitches: rolled?.switches ?? [],
      };
    } finally {
      options.signal.removeEventListener('abort', onAbort);
      traffic.stop();
      // Answers may still be due; each request has a deadline, so this ends.
      await running;
      doors.close();
    }
  }

  /** Traffic ran out before the loop was through: say where the loop stood. */
  private async endedEarly(traffic: Traffic, loop: Promise<{ rollbackMs: number; switches: SwitchView[] } | null>) {
    if (!this.options.shift) return null;
    const grace = await Promise.race([
      loop,
      new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), 2_000).unref()),
    ]);
    if (grace !== 'late') return grace;
    const state = await this.options.control.loop(this.options.project.name).catch(() => ({}));
    throw new PlatformError(
      'deadline_exceeded',
      `the traffic of ${traffic.requests} rows was used up before the loop was through (it is in phase "${(state as { phase?: string }).phase ?? 'unknown'}"); raise --replay-rows or replay.live.reserveShare`,
    );
  }

  /** From the drift event to the undone rollback. */
  private async watchLoop(traffic: Traffic): Promise<{ rollbackMs: number; switches: SwitchView[] }> {
    const { control, project, reporter, replay } = this.options;
    const watched = new Set(replay.shift?.operations.map((operation) => operation.feature));
    await this.until(
      async () => {
        const state = await control.loop(project.name);
        return state.phase === 'settling' || state.phase === 'training' || state.phase === 'approval';
      },
      'a drift event',
      SLOW_POLL_MS,
    );
    const events = await control.driftEvents(project.name);
    const first = events.filter((event) => watched.has(event.feature)).at(-1);
    const told = first ? `${first.feature}: ${first.detector} ${first.value.toFixed(3)} ≥ ${first.threshold}` : 'seen';
    reporter.line(`! drift        ${told}; the loop retrains once data has settled`);

    const retrain = this.stage('retrain', 'on the newest live data');
    await this.until(
      async () => (await control.loop(project.name)).phase === 'training',
      'the retraining to start',
      SLOW_POLL_MS,
    );
    traffic.phase = 'retrain';
    const second = await this.waitForVersion(2);
    traffic.phase = 'switch';
    const figures = `version 2: log loss ${second.evaluation?.logLoss.toFixed(4)} against ${second.championEvaluation?.logLoss.toFixed(4)} of version ${second.championVersion}`;
    if (!second.blessed) {
      retrain.fail(`${figures}, not blessed`);
      throw new PlatformError('internal', `version 2 was not blessed: ${second.reasons.join('; ')}`);
    }
    retrain.done(`${figures}, blessed`);
    await this.waitForLive(2);

    const stage = this.stage('rollback', 'exercised and undone');
    const request = { reason: 'exercise', correlationId: 'main-job-rollback' };
    const back = await control.rollback(project.name, request);
    await this.until(async () => this.servedSince(traffic, 1), 'version 1 to answer after the rollback', POLL_MS);
    const again = await control.promote(project.name, {
      version: 2,
      reason: 'undo the rollback',
      correlationId: 'main-job-undo',
    });
    await this.until(async () => this.servedSince(traffic, 2), 'version 2 to answer after the undo', POLL_MS);
    stage.done(
      `rolled back in ${back.switch.effectiveMs.toFixed(1)} ms, undone in ${again.switch.effectiveMs.toFixed(1)} ms`,
    );
    traffic.phase = 'after';
    await this.until(
      async () => (await this.labelled(2)) >= this.options.labelledOnNewVersion,
      `version 2 to serve ${this.options.labelledOnNewVersion} labelled rows`,
      SLOW_POLL_MS,
    );
    return { rollbackMs: back.switch.effectiveMs, switches: [back.switch, again.switch] };
  }

  /** Whether the newest answered row came from `version`. */
  private servedSince(traffic: Traffic, version: number): boolean {
    for (let i = traffic.sent - 1; i >= 0 && i > traffic.sent - 2_000; i--) {
      const served = traffic.versions[i] as number;
      if (served !== 0) return served === version;
    }
    return false;
  }

  private async labelled(version: number): Promise<number> {
    const { byVersion } = await this.options.control.labelsJoined(this.options.project.name);
    return byVersion[String(version)] ?? 0;
  }

  private async waitForVersion(version: number): Promise<ModelVersionView> {
    const { control, project } = this.options;
    let found: ModelVersionView | undefined;
    await this.until(
      async () => {
        found = (await control.models(project.name)).find((model) => model.version === version);
        const loop = found ? null : await control.loop(project.name);
        if (loop && (loop.phase === 'cooling' || loop.phase === 'calm')) {
          const last = (loop.history as { message: string }[] | undefined)?.at(-1)?.message;
          throw new PlatformError('internal', `the retraining made no version: ${last ?? 'unknown'}`);
        }
        return found !== undefined;
      },
      `version ${version}`,
      SLOW_POLL_MS,
    );
    return found as ModelVersionView;
  }

  private async showProgress(traffic: Traffic, stage: Stage, running: Promise<void>): Promise<void> {
    let over = false;
    const ended = running.then(() => {
      over = true;
    });
    while (!over) {
      const shifted = traffic.isShifted ? ', shifted' : '';
      stage.progress(
        traffic.sent,
        Math.max(this.options.replayRows, traffic.sent),
        `${traffic.phase}${shifted}, ${traffic.failures} failed`,
      );
      await Promise.race([ended, this.pause(SLOW_POLL_MS)]);
    }
  }

  /** A stage on the terminal and on the dashboard; the story goes on when the dashboard does not answer. */
  private stage(id: string, title: string): Stage {
    const { control, clock, project, reporter } = this.options;
    const stage = reporter.stage(id, title);
    let toldMs = Number.NEGATIVE_INFINITY;
    const tell = (state: string, progress: number | null, detail: string) => {
      toldMs = clock.monotonicMs();
      void control.tellStory(project.name, { id, title, state, progress, detail }).catch(() => undefined);
    };
    tell('running', null, '');
    return {
      progress: (done, total, detail = '') => {
        stage.progress(done, total, detail);
        if (clock.monotonicMs() - toldMs >= TELL_EVERY_MS)
          tell('running', Math.min(1, done / Math.max(1, total)), detail);
      },
      done: (detail) => {
        stage.done(detail);
        tell('done', 1, detail);
      },
      fail: (detail) => {
        stage.fail(detail);
        tell('failed', null, detail);
      },
    };
  }

  private async until(check: () => Promise<boolean | undefined>, what: string, pollMs = POLL_MS): Promise<void> {
    const startedMs = this.options.clock.monotonicMs();
    while (!(await check())) {
      if (this.options.signal.aborted) throw new PlatformError('cancelled', `stopped while waiting for ${what}`);
      if (this.options.clock.monotonicMs() - startedMs > STEP_DEADLINE_MS) {
        throw new PlatformError('deadline_exceeded', `waited ${STEP_DEADLINE_MS / 1_000} s for ${what}`);
      }
      await this.pause(pollMs);
    }
  }

  private async withDeadline<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
    const timeout = AbortSignal.timeout(ms);
    const late = once(timeout, 'abort').then(() => {
      throw new PlatformError('deadline_exceeded', `waited ${ms / 1_000} s for ${what}`);
    });
    return Promise.race([work, late]);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}
