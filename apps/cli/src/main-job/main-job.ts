// The main job: bulk load, first training, live replay, drift, retraining, switch, rollback and undo, as a client of
// the services' public APIs. It decides nothing that the platform decides; it sends traffic, watches and measures.

import { type Clock, PlatformError } from '@millrace/domain';
import { figure } from '@millrace/evaluation';
import type { Project, ReplaySpec } from '@millrace/project';
import type { ControlClient, RegisteredVersion } from '../client/control.http.js';
import { shownId } from '../ids.js';
import type { Stage, Stages } from '../terminal/stage.js';
import { showTraining } from '../train/training-report.js';
import { makeBadRows } from './bad-rows.js';
import { watchLoop } from './loop-watch.js';
import { replayKeys } from './replay-keys.js';
import type { ReplayRow } from './replay-rows.duckdb.js';
import { shiftStart } from './shift.js';
import type { LiveTraffic } from './traffic.process.js';
import type { TrafficResult } from './traffic-messages.js';
import { pause, until, type Waiting } from './waiting.js';

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
  /** Some rows of the replay, to make bad ones from. */
  sampleRow: () => Promise<ReplayRow>;
  startTraffic: (plan: {
    reserveRows: number;
    reserve: { from: number; to: number };
    shiftFrom: number;
    traceEvery: number;
  }) => LiveTraffic;
  /** Sends rows that are to be loaded besides; gives the upload's id. */
  upload: (rows: readonly object[]) => Promise<string>;
  reporter: Stages;
  clock: Clock;
  /** Aborts between steps. */
  signal: AbortSignal;
}

export interface MainJobResult {
  importedRows: number;
  rejectedRows: number;
  /** The first trained version of this run. */
  firstVersion: number;
  traffic: TrafficResult;
  shiftFrom: number;
  reserveRows: number;
  rollbackMs: number | null;
  /** What the probation of the retrained version says; null = there was none. */
  probation: string | null;
}

const POLL_MS = 100;
const TELL_EVERY_MS = 1_000;
const SLOW_POLL_MS = 500;
const TRACE_EVERY = 1_000;
/** Rows kept for the new version, as a multiple of the labelled ones that it must serve: labels come later. */
const KEPT_FACTOR = 2;
/** What the loop may still need when the last row has been answered. */
/** How the loop ends a probation. */
const PROBATION_SAYS = /^(version \d+ (stays|is better now)|rolling back: version \d+ is better now)/;
const LOOP_GRACE_MS = 2_000;

export class MainJob {
  constructor(private readonly options: MainJobOptions) {}

  async run(): Promise<MainJobResult> {
    const { options } = this;
    const { revision } = await options.control.applyProject(options.projectText);
    const imported = await this.ingest();
    const { version } = await this.train(imported.datasetVersion, revision);
    await this.waitForLive('rollout', version);
    const live = await this.replay(version);
    return { ...live, firstVersion: version, importedRows: imported.accepted, rejectedRows: imported.rejected };
  }

  private async ingest(): Promise<{ accepted: number; rejected: number; datasetVersion: string }> {
    const { control, project, replay } = this.options;
    const stage = this.stage('ingest', `bulk load of ${project.name}`);
    const sample = await this.options.sampleRow();
    const good = { ...sample.values, [replayKeys(project).label.column]: sample.outcome };
    const upload = await this.options.upload(makeBadRows(project, good, replay.history.badRows));
    const request = {
      source: replay.source,
      fromMs: replay.history.fromMs,
      toMs: replay.history.toMs,
      ...(Number.isFinite(this.options.rows) ? { rows: this.options.rows } : {}),
      seed: replay.seed,
      upload,
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
          `${state.accepted} rows accepted, ${state.rejected} refused, dataset version ${shownId(state.datasetVersion)}`,
        );
        return { accepted: state.accepted, rejected: state.rejected, datasetVersion: state.datasetVersion };
      }
      await pause(POLL_MS, this.options.signal);
    }
  }

  private async train(datasetVersion: string, projectRevision: number): Promise<RegisteredVersion> {
    const { control, project, replay } = this.options;
    const stage = this.stage('train', `on ${project.training.workers} workers`);
    const { trainingId } = await control.startTraining(project.name, {
      datasetVersions: [datasetVersion],
      evaluateFromMs: project.evaluation.fromMs ?? replay.history.trainToMs,
      workers: project.training.workers,
      seed: project.training.seed,
      trigger: 'initial',
      projectRevision,
    });
    for (;;) {
      const training = await control.training(project.name, trainingId);
      const { message = 'no reason given' } = training.last;
      showTraining(stage, training);
      if (training.state === 'failed') {
        stage.fail(message);
        throw new PlatformError('internal', `the training failed: ${message}`);
      }
      const model =
        training.state === 'finished'
          ? (await control.models(project.name)).find((m) => m.trainingId === trainingId)
          : undefined;
      if (model) {
        const figures = `${figure(model.evaluation, 'auc')}, ${figure(model.evaluation, 'log_loss')}`;
        const text = `version ${model.version}: ${figures}, ${model.blessed ? 'blessed' : 'not blessed'}`;
        if (!model.blessed) {
          stage.fail(`${text}: ${model.reasons.join(' ')}`);
          throw new PlatformError('internal', `version ${model.version} was not blessed: ${model.reasons.join(' ')}`);
        }
        stage.done(text);
        return model;
      }
      await pause(POLL_MS, this.options.signal);
    }
  }

  private async waitForLive(id: 'rollout' | 'switch', version: number): Promise<void> {
    const { control, project } = this.options;
    const stage = this.stage(id, `version ${version} goes live`);
    await until(
      this.waiting(),
      async () => {
        const route = await control.route(project.name).catch(() => null);
        return route?.targets.some((target) => target.version === version && target.weight === 100);
      },
      `version ${version} to go live`,
    );
    stage.done(`version ${version} answers all traffic`);
  }

  private async replay(firstVersion: number) {
    const { options } = this;
    const { replay, control, project, reporter } = options;
    const reserveRows = options.shift ? Math.round(options.replayRows * replay.live.reserveShare) : 0;
    const shiftFrom = shiftStart(options.replayRows, options.shift ? replay.shift : undefined);
    const stage = this.stage('replay', `${options.replayRows} rows at ${options.ratePerSecond}/s`);
    // Once there is a new version, it serves these.
    const keptRows = Math.min(reserveRows, KEPT_FACTOR * options.labelledOnNewVersion);
    const reserve = { from: options.replayRows, to: options.replayRows + reserveRows - keptRows };
    const traffic = options.startTraffic({ reserveRows, reserve, shiftFrom, traceEvery: TRACE_EVERY });
    const onAbort = () => traffic.abandon();
    options.signal.addEventListener('abort', onAbort);
    try {
      // Told where it is awaited; the traffic may fail before.
      const progress = this.showProgress(traffic, stage, shiftFrom);
      progress.catch(() => undefined);
      const loop = options.shift
        ? watchLoop({
            control,
            project,
            reporter,
            traffic,
            waiting: this.waiting(),
            firstVersion,
            watched: new Set(replay.shift?.operations.map((operation) => operation.feature)),
            labelledOnNewVersion: options.labelledOnNewVersion,
            stage: (id, title) => this.stage(id, title),
            waitForLive: (version) => this.waitForLive('switch', version),
          })
        : Promise.resolve(null);
      const rolled = await Promise.race([loop, traffic.result.then(() => this.endedEarly(loop))]);
      await until(
        this.waiting(),
        async () => traffic.status.sent >= options.replayRows || traffic.isOver,
        'the replay to be sent',
      );
      traffic.stop();
      const result = await traffic.result;
      await progress;
      stage.done(`${result.requests} requests, ${result.failures} failed, ${result.labelsSent} labels`);
      const probation = rolled === null ? null : await this.tellProbation();
      return { traffic: result, shiftFrom, reserveRows, rollbackMs: rolled?.rollbackMs ?? null, probation };
    } finally {
      options.signal.removeEventListener('abort', onAbort);
      traffic.stop();
    }
  }

  /** Why the retrained version stays, or which one would be better: both on the live rows that have a label by now. */
  private async tellProbation(): Promise<string> {
    const { control, project } = this.options;
    const stage = this.stage('probation', 'both versions on the same live rows');
    const { probation, history } = await control.loop(project.name);
    const decided = history.findLast(({ message }) => PROBATION_SAYS.test(message))?.message;
    const said = decided ?? probation?.says ?? 'nothing was compared: no dataset version has closed since the switch';
    stage.done(said);
    return said;
  }

  /** Traffic ran out before the loop was through: say where the loop stood. */
  private async endedEarly(loop: Promise<{ rollbackMs: number } | null>): Promise<{ rollbackMs: number } | null> {
    if (!this.options.shift) return null;
    const through = await Promise.race([loop, pause(LOOP_GRACE_MS, this.options.signal).then(() => 'late' as const)]);
    if (through !== 'late') return through;
    const state = await this.options.control.loop(this.options.project.name).catch(() => ({}));
    const phase = (state as { phase?: string }).phase ?? 'unknown';
    throw new PlatformError(
      'deadline_exceeded',
      `the traffic was used up before the loop was through (it is in phase "${phase}"); raise --replay-rows or replay.live.reserveShare`,
    );
  }

  private async showProgress(traffic: LiveTraffic, stage: Stage, shiftFrom: number): Promise<void> {
    while (!traffic.isOver) {
      const { sent, failures } = traffic.status;
      const shifted = sent > shiftFrom ? ', shifted' : '';
      stage.progress(sent, Math.max(this.options.replayRows, sent), `${traffic.phase}${shifted}, ${failures} failed`);
      await pause(SLOW_POLL_MS, this.options.signal);
    }
  }

  /**
   * A stage on the terminal and, as an annotation, on the dashboard; the job goes on when the monitor does not answer.
   */
  private stage(id: string, title: string): Stage {
    const { control, clock, project, reporter } = this.options;
    const stage = reporter.stage(id, title);
    const heading = `${id.charAt(0).toUpperCase()}${id.slice(1)}`;
    let toldMs = Number.NEGATIVE_INFINITY;
    const tell = (state: 'running' | 'done' | 'failed', progress: number | null, detail: string) => {
      toldMs = clock.monotonicMs();
      void control.annotate(project.name, id, { title: heading, state, progress, detail }).catch(() => undefined);
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

  private waiting(): Waiting {
    return { clock: this.options.clock, signal: this.options.signal };
  }
}
