// Everything the monitor keeps of one project: open windows, joins, quality, alarms, counters. Messages go in one by
// one; `close` gives what is due. Synchronous and without clock, so that a batch is applied whole or not at all, and a
// checkpoint between two batches is consistent.
//
// Life of a window: open (counting) -> closed (tested and published; late labels still join) -> retired (joins
// forgotten). Windows close in the order of event time. Bounds: OPEN_WINDOWS_MAX windows (the oldest is closed early),
// `joinRowsMax` rows waiting for labels (oldest closed windows are retired early, then rows go unjoined and are
// counted).

import type { LabelMessage, PredictionMessage, SoftwareMetrics, WindowMetrics } from '@millrace/contracts';
import {
  COHORTS_MAX,
  type Cohort,
  cohortKey,
  EVENT_TIME_AHEAD_MS_MAX,
  predictionId,
  type SourceId,
  type Task,
  Watermark,
} from '@millrace/domain';
import type { Evaluation } from '@millrace/evaluation';
import type { WatchedInput } from '@millrace/features';
import type { Project } from '@millrace/project';
import { type DriftFinding, driftFinding } from '../alarms/drift-event.js';
import { ProjectAlarms } from '../alarms/project-alarms.js';
import { type Judgement, judgeWindow } from '../judgement/judge.js';
import type { JoinedRow } from '../quality/label-join.js';
import { QualityHistory } from '../quality/quality-history.js';
import type { TaskTerms } from '../quality/task-terms.js';
import { type Counters, noCounters } from './counters.js';
import type { HistoryRecord } from './history.js';
import { OpenWindow } from './open-window.js';
import { OwnReferences } from './own-references.js';
import type { Backlog, Stream } from './positions.js';
import type { CohortProfile, VersionReference } from './profile.js';
import type { ProjectState } from './project-state.js';
import { RowCohorts, type SlicesOf } from './row-cohorts.js';
import { bucketLength, isDue, windowStart } from './window.js';

/** Windows between the first open and the newest one; more means broken event times or a lateness of months. */
const OPEN_WINDOWS_MAX = 64;

/** What the project's monitor asks of the outside. */
export interface ModelMetadata {
  /** undefined where nobody applied the project. */
  createdAtMs(project: string): number | undefined;
  reference(project: string, version: number): VersionReference | undefined;
  /** Of a version whose package brings no reference, in the order of a prediction's features. */
  inputsWithoutReference(project: string, version: number): readonly WatchedInput[] | undefined;
  evaluation(project: string, version: number): Evaluation | undefined;
}

export interface TrafficRecord {
  /** Requests and failures at the router between two processing times. */
  between(
    project: string,
    version: number | 'all',
    fromMs: number,
    toMs: number,
  ): { requests: number; failures: number };
}

export interface ProjectMonitorOptions {
  project: Project;
  metadata: ModelMetadata;
  traffic: TrafficRecord;
  idleMs: { predictions: number; labels: number };
  joinRowsMax: number;
  /** Closed windows whose joins are kept for late labels. */
  retainedWindows: number;
  /** What to do with answers and labels of this kind of task. */
  terms(task: string): TaskTerms;
  /** Without it only versions are told apart. */
  slicesOf?: SlicesOf | undefined;
}

export interface ClosedWindow {
  startMs: number;
  endMs: number;
  /** ALL first. */
  metrics: WindowMetrics[];
  drift: DriftFinding[];
}

export class ProjectMonitor {
  readonly watermark: Watermark<Stream>;
  readonly alarms: ProjectAlarms;
  readonly quality: QualityHistory;
  readonly counters: Counters = noCounters();
  readonly references: OwnReferences;
  /** What was written before belongs to a deleted project of this name. */
  readonly createdAtMs: number;
  private readonly windows = new Map<number, OpenWindow>();
  private readonly history: HistoryRecord[] = [];
  private readonly windowMs: number;
  private closedThroughMs = Number.NEGATIVE_INFINITY;
  private retiredThroughMs = Number.NEGATIVE_INFINITY;
  private joinRows = 0;
  /** The window of the last message: nearly always that of the next one. */
  private current: OpenWindow | undefined;
  private readonly terms: TaskTerms;
  private readonly rowCohorts: RowCohorts;
  private project: Project;

  constructor(private readonly options: ProjectMonitorOptions) {
    this.project = options.project;
    this.createdAtMs = options.metadata.createdAtMs(options.project.name) ?? 0;
    const { monitoring } = options.project;
    this.windowMs = monitoring.windowMs;
    this.watermark = new Watermark({ idleMs: options.idleMs, silence: 'all time', allSilent: 'newest' });
    this.alarms = new ProjectAlarms(monitoring.consecutiveWindows);
    this.terms = options.terms(options.project.scope.task);
    const { scoreName } = this.terms.task;
    this.references = new OwnReferences(scoreName, options.idleMs.predictions, monitoring.referenceRows);
    this.quality = new QualityHistory(this.terms, bucketLength(this.windowMs));
    this.rowCohorts = new RowCohorts(options.slicesOf);
  }

  get name(): string {
    return this.project.name;
  }

  /** Without a label nothing is waited for. */
  private get labelDelayMs(): number {
    return this.project.data.label?.delayMs ?? 0;
  }

  private awaited(backlog: Backlog): readonly SourceId<Stream>[] {
    const behind = backlog.behind();
    return this.project.data.label === undefined ? behind.filter(({ stream }) => stream !== 'labels') : behind;
  }

  get task(): Task {
    return this.terms.task;
  }

  /** Takes a changed project file; false when its window length or task differs, which needs a new monitor. */
  adopt(project: Project): boolean {
    if (project.monitoring.windowMs !== this.windowMs || project.scope.task !== this.terms.task.kind) return false;
    this.project = project;
    this.alarms.needed = project.monitoring.consecutiveWindows;
    this.references.want(project.monitoring.referenceRows);
    return true;
  }

  prediction(message: PredictionMessage, partition: number, nowMs: number): void {
    const eventMs = message.eventTimeMs > 0 ? message.eventTimeMs : message.answeredAtMs;
    if (message.role !== 'live') {
      this.counters.shadowPredictions += 1;
      return;
    }
    if (eventMs > nowMs + EVENT_TIME_AHEAD_MS_MAX) {
      this.counters.futurePredictions += 1;
      return;
    }
    this.watermark.observe('predictions', partition, eventMs, nowMs);
    const score = this.terms.task.scoreOf(message.outputs);
    const inputs = this.options.metadata.inputsWithoutReference(this.name, message.modelVersion);
    this.references.see(message, score, partition, inputs);
    const window = this.windowFor(eventMs);
    if (window === undefined || window.closed) {
      this.counters.latePredictions += 1;
      return;
    }
    if (window.join.has(message.predictionId)) {
      this.counters.duplicatePredictions += 1;
      return;
    }
    this.counters.predictions += 1;
    window.predictions += 1;
    const cohorts = this.rowCohorts.of(message);
    for (const cohort of cohorts) {
      const profile = window.profile(cohort, this.referenceOf);
      if (profile === undefined) this.counters.unkeptCohorts += 1;
      else profile.add(message.features, score, message.latencyUs, message.answeredAtMs);
    }
    window.all.add(message.features, score, message.latencyUs, message.answeredAtMs);
    if (!this.hasJoinRoom()) {
      this.counters.unjoinable += 1;
      return;
    }
    const before = window.join.size;
    const joined = window.join.addPrediction(message.predictionId, score, cohorts, eventMs);
    this.joinRows += window.join.size - before;
    if (joined !== undefined) this.joined(window, joined);
  }

  label(message: LabelMessage, partition: number, nowMs: number): void {
    if (this.project.data.label === undefined) {
      // Of a time when the project had one: it joins nothing and holds no window.
      this.counters.labels += 1;
      this.counters.unmatchedLabels += 1;
      return;
    }
    const knownMs = message.knownAtMs > 0 ? message.knownAtMs : message.eventTimeMs + this.labelDelayMs;
    if (knownMs <= nowMs + EVENT_TIME_AHEAD_MS_MAX) this.watermark.observe('labels', partition, knownMs, nowMs);
    this.counters.labels += 1;
    // Where the client named no prediction, its request id is taken to be the record's id (row 0).
    const id = message.predictionId === '' ? predictionId(message.recordId, 0) : message.predictionId;
    const window = this.windowOfLabel(id, message.eventTimeMs);
    if (window === undefined || (window.closed && !window.join.has(id)) || !this.hasJoinRoom()) {
      this.counters.unmatchedLabels += 1;
      return;
    }
    const before = window.join.size;
    const { kind, row } = window.join.addLabel(id, message.value);
    this.joinRows += window.join.size - before;
    if (row !== undefined) this.joined(window, row);
    else if (kind === 'duplicate') this.counters.duplicateLabels += 1;
    else if (kind === 'contradiction') this.counters.contradictingLabels += 1;
  }

  /** How far event time has come in all partitions, as far as their ends are known. */
  watermarkMs(nowMs: number, backlog: Backlog): number {
    return this.watermark.ahead(nowMs, this.awaited(backlog));
  }

  /** The watermark, where it allows a window to close; else undefined. */
  dueAtMs(nowMs: number, backlog: Backlog): number | undefined {
    const watermarkMs = this.watermarkMs(nowMs, backlog);
    const oldest = this.inOrder().find((window) => !window.closed);
    const isOldestDue = oldest !== undefined && this.isDue(oldest, watermarkMs);
    return isOldestDue || this.openCount() > OPEN_WINDOWS_MAX ? watermarkMs : undefined;
  }

  /**
   * Closes and returns what the watermark, up to `limitMs`, allows; retires what is older than the retained windows.
   */
  close(nowMs: number, backlog: Backlog, limitMs = Number.POSITIVE_INFINITY): ClosedWindow[] {
    const watermarkMs = this.watermark.advance(nowMs, this.awaited(backlog), limitMs);
    const closed: ClosedWindow[] = [];
    for (const window of this.inOrder()) {
      if (window.closed) continue;
      const early = this.openCount() > OPEN_WINDOWS_MAX;
      if (!early && !this.isDue(window, watermarkMs)) break;
      if (early) this.counters.windowsClosedEarly += 1;
      closed.push(this.closeWindow(window, nowMs));
    }
    const retireBefore = this.closedThroughMs - this.options.retainedWindows * this.windowMs;
    for (const window of this.inOrder()) {
      if (!window.closed || window.startMs + this.windowMs > retireBefore) break;
      this.retire(window);
    }
    return closed;
  }

  /** What must be appended to the history file before the next checkpoint. */
  drainHistory(): HistoryRecord[] {
    return this.history.splice(0);
  }

  openWindows(): { startMs: number; endMs: number; predictions: number; labels: number }[] {
    return this.inOrder()
      .filter((window) => !window.closed)
      .map(({ startMs, predictions, labels }) => ({ startMs, endMs: startMs + this.windowMs, predictions, labels }));
  }

  state(): ProjectState {
    return {
      project: this.name,
      createdAtMs: this.createdAtMs,
      windowMs: this.windowMs,
      task: this.terms.task.kind,
      watermark: this.watermark.state(),
      closedThroughMs: Number.isFinite(this.closedThroughMs) ? this.closedThroughMs : null,
      retiredThroughMs: Number.isFinite(this.retiredThroughMs) ? this.retiredThroughMs : null,
      windows: this.inOrder().map((window) => window.state()),
      quality: this.quality.statesBetween(this.retiredThroughMs, Number.POSITIVE_INFINITY),
      alarms: this.alarms.state(),
      references: this.references.state(),
      counters: this.counters,
    };
  }

  /**
   * Into a fresh monitor. A saved state of another window length or task is not comparable: only its counters are
   * taken, and of the same task the references.
   */
  restore(state: ProjectState, nowMs: number): void {
    Object.assign(this.counters, state.counters, { joinedByCohort: { ...state.counters.joinedByCohort } });
    if (state.task === this.terms.task.kind) this.references.restore(state.references ?? []);
    if (state.windowMs !== this.windowMs || state.task !== this.terms.task.kind) {
      this.closedThroughMs = state.closedThroughMs ?? Number.NEGATIVE_INFINITY;
      this.retiredThroughMs = this.closedThroughMs;
      return;
    }
    this.watermark.restore(state.watermark, nowMs);
    this.closedThroughMs = state.closedThroughMs ?? Number.NEGATIVE_INFINITY;
    this.retiredThroughMs = state.retiredThroughMs ?? Number.NEGATIVE_INFINITY;
    this.quality.restore(state.quality);
    this.alarms.restore(state.alarms);
    for (const saved of state.windows) {
      const window = OpenWindow.fromState(saved, this.referenceOf);
      this.windows.set(window.startMs, window);
      this.joinRows += window.join.size;
    }
  }

  /** Takes back what the history file holds and the checkpoint does not; false for what the checkpoint holds too. */
  recall(record: HistoryRecord): boolean {
    if (record.kind === 'window') return record.endMs <= this.closedThroughMs;
    if (record.startMs + this.windowMs > this.retiredThroughMs) return false;
    this.quality.restore(record.buckets);
    return true;
  }

  private joined(window: OpenWindow, row: JoinedRow): void {
    window.labels += 1;
    this.counters.labelsJoined += 1;
    if (window.closed) this.counters.lateLabels += 1;
    for (const cohort of row.cohorts) {
      this.countJoined(cohortKey(cohort));
      this.quality.add(cohort, row.eventTimeMs, row.score, row.label);
    }
  }

  private countJoined(key: string): void {
    const { joinedByCohort } = this.counters;
    const before = joinedByCohort[key];
    if (before === undefined && Object.keys(joinedByCohort).length >= COHORTS_MAX) {
      // The first of the keys is the lowest version.
      delete joinedByCohort[Object.keys(joinedByCohort)[0] as string];
    }
    joinedByCohort[key] = (before ?? 0) + 1;
  }

  private readonly referenceOf = (version: number | 'all'): VersionReference | undefined =>
    version === 'all'
      ? undefined
      : (this.options.metadata.reference(this.name, version) ?? this.references.of(version));

  private windowFor(eventMs: number): OpenWindow | undefined {
    const startMs = windowStart(eventMs, this.windowMs);
    if (this.current?.startMs === startMs) return this.current;
    let window = this.windows.get(startMs);
    if (window === undefined) {
      if (startMs < this.closedThroughMs) return undefined;
      window = new OpenWindow(startMs);
      this.windows.set(startMs, window);
    }
    this.current = window;
    return window;
  }

  private windowOfLabel(id: string, eventMs: number): OpenWindow | undefined {
    const own = this.windowFor(eventMs);
    if (own?.join.has(id)) return own;
    // A prediction without an event time was filed under the time of its answer.
    for (const window of this.windows.values()) if (window.join.has(id)) return window;
    return own;
  }

  private hasJoinRoom(): boolean {
    while (this.joinRows >= this.options.joinRowsMax) {
      const oldest = this.inOrder()[0];
      if (oldest === undefined || !oldest.closed) return false;
      this.retire(oldest);
    }
    return true;
  }

  private closeWindow(window: OpenWindow, nowMs: number): ClosedWindow {
    const { startMs } = window;
    const endMs = startMs + this.windowMs;
    const metrics: WindowMetrics[] = [];
    const drift: DriftFinding[] = [];
    const serving = new Set<number>();
    for (const profile of window.list()) {
      const { cohort } = profile;
      if (cohort.version !== 'all') serving.add(cohort.version);
      const { row, judgement } = this.judge(window, profile, endMs, nowMs);
      metrics.push(row);
      for (const verdict of judgement.verdicts) {
        const change = this.alarms.feed(cohort, verdict, { startMs, endMs });
        if (change !== 'drifted' || cohort.version === 'all') continue;
        const context = { project: this.name, cohort, startMs, endMs, rows: row.predictions };
        drift.push(driftFinding(context, verdict, judgement.histogram(verdict.subject)));
      }
    }
    this.alarms.retire(serving, endMs);
    window.close();
    if (this.current === window) this.current = undefined;
    this.closedThroughMs = Math.max(this.closedThroughMs, endMs);
    this.counters.windowsClosed += 1;
    this.counters.driftEvents += drift.length;
    this.history.push({
      kind: 'window',
      project: this.name,
      createdAtMs: this.createdAtMs,
      startMs,
      endMs,
      metrics,
      drift,
    });
    return { startMs, endMs, metrics, drift };
  }

  private judge(
    window: OpenWindow,
    profile: CohortProfile,
    endMs: number,
    nowMs: number,
  ): { row: WindowMetrics; judgement: Judgement } {
    const { cohort, rows } = profile;
    const figures = this.quality.figures(cohort, window.startMs, endMs);
    const software = this.softwareOf(profile);
    const judgement = judgeWindow({
      monitoring: this.project.monitoring,
      rows,
      features: profile.features,
      score: profile.score,
      quality: figures,
      evaluation: this.evaluationOf(cohort),
      software,
    });
    const row: WindowMetrics = {
      project: this.name,
      windowStartMs: window.startMs,
      windowEndMs: endMs,
      predictions: rows,
      labels: figures.rows,
      cohort,
      tests: judgement.tests,
      quality: figures,
      software,
      closedAtMs: nowMs,
    };
    return { row, judgement };
  }

  /** undefined for a slice: nobody knows which requests that failed would have belonged to it. */
  private softwareOf(profile: CohortProfile): SoftwareMetrics | undefined {
    const { cohort, rows, latencyUs, firstAnsweredMs: first, lastAnsweredMs: last } = profile;
    if (cohort.slice !== 'all') return undefined;
    const { requests, failures } = this.options.traffic.between(this.name, cohort.version, first, last);
    const quantileMs = (q: number) => (latencyUs.count === 0 ? Number.NaN : latencyUs.quantileUs(q) / 1000);
    return {
      requestsPerSecond: last > first ? (rows * 1000) / (last - first) : rows,
      errorShare: requests === 0 ? 0 : failures / requests,
      p50Ms: quantileMs(0.5),
      p99Ms: quantileMs(0.99),
    };
  }

  /**
   * How good the version was when it was trained, on rows of every slice; undefined where unknown or not comparable.
   */
  private evaluationOf({ version, slice }: Cohort): Evaluation | undefined {
    if (version === 'all' || slice !== 'all') return undefined;
    return this.options.metadata.evaluation(this.name, version);
  }

  private retire(window: OpenWindow): void {
    const { startMs } = window;
    this.counters.unmatchedLabels += window.join.waitingLabels;
    this.joinRows -= window.join.size;
    this.windows.delete(startMs);
    const buckets = this.quality.statesBetween(startMs, startMs + this.windowMs);
    this.history.push({ kind: 'quality', project: this.name, createdAtMs: this.createdAtMs, startMs, buckets });
    this.retiredThroughMs = Math.max(this.retiredThroughMs, startMs + this.windowMs);
  }

  private isDue({ startMs }: OpenWindow, watermarkMs: number): boolean {
    return isDue(startMs, this.windowMs, this.labelDelayMs + this.project.monitoring.allowedLatenessMs, watermarkMs);
  }

  private inOrder(): OpenWindow[] {
    return [...this.windows.values()].sort((a, b) => a.startMs - b.startMs);
  }

  private openCount(): number {
    let open = 0;
    for (const window of this.windows.values()) if (!window.closed) open++;
    return open;
  }
}
