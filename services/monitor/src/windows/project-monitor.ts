// Everything the monitor keeps of one project: open windows, joins, quality, alarms, counters. Messages go in one by one;
// `close` gives what is due. Synchronous and without clock, so that a batch is applied whole or not at all, and a checkpoint
// between two batches is consistent.
//
// Life of a window: open (counting) -> closed (tested and published; late labels still join) -> retired (joins forgotten).
// Windows close in the order of event time. Bounds: OPEN_WINDOWS_MAX windows (the oldest is closed early), `joinRowsMax` rows
// waiting for labels (oldest closed windows are retired early, then rows go unjoined and are counted).

import type { LabelMessage, PredictionMessage, WindowMetrics } from '@millrace/contracts';
import { predictionId, taskOf, Watermark } from '@millrace/domain';
import type { Evaluation } from '@millrace/evaluation';
import type { Project } from '@millrace/project';
import { AlarmBoard } from '../alarms/alarm-board.js';
import { type DriftFinding, driftFinding } from '../alarms/drift-event.js';
import { type Judgement, judgeWindow } from '../judgement/judge.js';
import type { JoinedRow } from '../quality/label-join.js';
import { QualityBook } from '../quality/quality-book.js';
import { type Counters, noCounters } from './counters.js';
import type { HistoryRecord } from './history.js';
import { OpenWindow } from './open-window.js';
import type { Backlog, Stream } from './positions.js';
import type { VersionReference } from './profile.js';
import type { ProjectState } from './project-state.js';
import { bucketLength, isDue, windowStart } from './window.js';

/** Windows between the first open and the newest one; more means broken event times or a lateness of months. */
export const OPEN_WINDOWS_MAX = 64;
/** An event time this far ahead of processing time is a mistake and must not close every window. */
const FUTURE_MS_MAX = 86_400_000;

/** What the project's monitor asks of the outside. */
export interface ModelCatalog {
  reference(project: string, version: number): VersionReference | undefined;
  evaluation(project: string, version: number): Evaluation | undefined;
}

export interface TrafficRecord {
  /** Requests and failures at the router between two processing times; version 0 = all together. */
  between(project: string, version: number, fromMs: number, toMs: number): { requests: number; failures: number };
}

export interface ProjectMonitorOptions {
  project: Project;
  catalog: ModelCatalog;
  traffic: TrafficRecord;
  idleMs: { predictions: number; labels: number };
  joinRowsMax: number;
  /** Closed windows whose joins are kept for late labels. */
  retainedWindows: number;
}

export interface ClosedWindow {
  startMs: number;
  endMs: number;
  /** Version 0 (all together) first. */
  metrics: WindowMetrics[];
  drift: DriftFinding[];
}

export class ProjectMonitor {
  readonly watermark: Watermark<Stream>;
  readonly alarms: AlarmBoard;
  readonly quality: QualityBook;
  readonly counters: Counters = noCounters();
  private readonly windows = new Map<number, OpenWindow>();
  private readonly history: HistoryRecord[] = [];
  private readonly windowMs: number;
  private closedThroughMs = Number.NEGATIVE_INFINITY;
  private retiredThroughMs = Number.NEGATIVE_INFINITY;
  private joinRows = 0;
  /** The window of the last message: nearly always that of the next one. */
  private current: OpenWindow | undefined;
  private project: Project;

  constructor(private readonly options: ProjectMonitorOptions) {
    this.project = options.project;
    const { monitoring } = options.project;
    this.windowMs = monitoring.windowMs;
    this.watermark = new Watermark({ idleMs: options.idleMs, silence: 'all time', allSilent: 'newest' });
    this.alarms = new AlarmBoard(monitoring.consecutiveWindows);
    this.quality = new QualityBook(bucketLength(this.windowMs));
  }

  get name(): string {
    return this.project.name;
  }

  /** Takes a changed project file; false when its window length differs, which needs a new monitor. */
  adopt(project: Project): boolean {
    if (project.monitoring.windowMs !== this.windowMs) return false;
    this.project = project;
    this.alarms.needed = project.monitoring.consecutiveWindows;
    return true;
  }

  prediction(message: PredictionMessage, partition: number, nowMs: number): void {
    const eventMs = message.eventTimeMs > 0 ? message.eventTimeMs : message.answeredAtMs;
    if (message.role !== 'live') {
      this.counters.shadowPredictions += 1;
      return;
    }
    if (eventMs > nowMs + FUTURE_MS_MAX) {
      this.counters.futurePredictions += 1;
      return;
    }
    this.watermark.observe('predictions', partition, eventMs, nowMs);
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
    const score = taskOf(this.project.scope.task).scoreOf(message.outputs);
    window
      .profile(message.modelVersion, () => this.options.catalog.reference(this.name, message.modelVersion))
      ?.add(message.features, score, message.latencyUs, message.answeredAtMs);
    window.all.add(message.features, score, message.latencyUs, message.answeredAtMs);
    if (!this.hasJoinRoom()) {
      this.counters.unjoinable += 1;
      return;
    }
    const before = window.join.size;
    const joined = window.join.addPrediction(message.predictionId, score, message.modelVersion, eventMs);
    this.joinRows += window.join.size - before;
    if (joined !== undefined) this.joined(window, joined);
  }

  label(message: LabelMessage, partition: number, nowMs: number): void {
    const knownMs = message.knownAtMs > 0 ? message.knownAtMs : message.eventTimeMs + this.project.data.label.delayMs;
    if (knownMs <= nowMs + FUTURE_MS_MAX) this.watermark.observe('labels', partition, knownMs, nowMs);
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

  /** Closes and returns what the watermark allows; retires what is older than the retained windows. */
  close(nowMs: number, backlog: Backlog): ClosedWindow[] {
    const watermarkMs = this.watermark.advance(nowMs, backlog.behind());
    const { monitoring, data } = this.project;
    const graceMs = data.label.delayMs + monitoring.allowedLatenessMs;
    const closed: ClosedWindow[] = [];
    for (const window of this.inOrder()) {
      if (window.closed) continue;
      const early = this.openCount() > OPEN_WINDOWS_MAX;
      if (!early && !isDue(window.startMs, this.windowMs, graceMs, watermarkMs)) break;
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
      windowMs: this.windowMs,
      watermark: this.watermark.state(),
      closedThroughMs: Number.isFinite(this.closedThroughMs) ? this.closedThroughMs : null,
      retiredThroughMs: Number.isFinite(this.retiredThroughMs) ? this.retiredThroughMs : null,
      windows: this.inOrder().map((window) => window.state()),
      quality: this.quality.statesBetween(this.retiredThroughMs, Number.POSITIVE_INFINITY),
      alarms: this.alarms.state(),
      counters: this.counters,
    };
  }

  /** Into a fresh monitor. A saved state of another window length is not comparable: only its counters are taken. */
  restore(state: ProjectState, nowMs: number): void {
    Object.assign(this.counters, state.counters, { joinedByVersion: { ...state.counters.joinedByVersion } });
    if (state.windowMs !== this.windowMs) {
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
      const window = OpenWindow.fromState(saved, (version) => this.options.catalog.reference(this.name, version));
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
    const byVersion = this.counters.joinedByVersion;
    byVersion[row.version] = (byVersion[row.version] ?? 0) + 1;
    this.quality.add(row.version, row.eventTimeMs, row.probability, row.outcome);
  }

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
    for (const version of [0, ...window.versions()]) {
      const { row, judgement } = this.judge(window, version, endMs, nowMs);
      metrics.push(row);
      for (const verdict of judgement.verdicts) {
        const change = this.alarms.feed(version, verdict, { startMs, endMs });
        if (change !== 'drifted' || version === 0) continue;
        const context = { project: this.name, modelVersion: version, startMs, endMs, rows: row.predictions };
        drift.push(driftFinding(context, verdict, judgement.histogram(verdict.subject)));
      }
    }
    this.alarms.retire(new Set(window.versions()), endMs);
    window.close();
    if (this.current === window) this.current = undefined;
    this.closedThroughMs = Math.max(this.closedThroughMs, endMs);
    this.counters.windowsClosed += 1;
    this.counters.driftEvents += drift.length;
    this.history.push({ kind: 'window', project: this.name, startMs, endMs, metrics, drift });
    return { startMs, endMs, metrics, drift };
  }

  private judge(
    window: OpenWindow,
    version: number,
    endMs: number,
    nowMs: number,
  ): { row: WindowMetrics; judgement: Judgement } {
    const { catalog, traffic } = this.options;
    const profile = version === 0 ? window.all : window.profile(version, () => undefined);
    const latency = profile?.latencyUs;
    const first = profile?.firstAnsweredMs ?? 0;
    const last = profile?.lastAnsweredMs ?? 0;
    const { requests, failures } = traffic.between(this.name, version, first, last);
    const rows = profile?.rows ?? 0;
    const quantileMs = (q: number) =>
      latency === undefined || latency.count === 0 ? Number.NaN : latency.quantileUs(q) / 1000;
    const p99Ms = quantileMs(0.99);
    const errorShare = requests === 0 ? 0 : failures / requests;
    const figures =
      version === 0
        ? this.quality.figuresOfAll(window.startMs, endMs)
        : this.quality.figures(version, window.startMs, endMs);
    const judgement = judgeWindow({
      monitoring: this.project.monitoring,
      rows,
      features: profile?.features ?? [],
      score: profile?.score,
      quality: figures,
      evaluation: version === 0 ? undefined : catalog.evaluation(this.name, version),
      software: { errorShare, p99Ms },
    });
    const row: WindowMetrics = {
      project: this.name,
      windowStartMs: window.startMs,
      windowEndMs: endMs,
      predictions: rows,
      labels: figures.rows,
      modelVersion: version,
      tests: judgement.tests,
      quality: figures,
      software: {
        requestsPerSecond: last > first ? (rows * 1000) / (last - first) : rows,
        errorShare,
        p50Ms: quantileMs(0.5),
        p99Ms,
      },
      closedAtMs: nowMs,
    };
    return { row, judgement };
  }

  private retire(window: OpenWindow): void {
    const { startMs } = window;
    this.counters.unmatchedLabels += window.join.waitingLabels;
    this.joinRows -= window.join.size;
    this.windows.delete(startMs);
    const buckets = this.quality.statesBetween(startMs, startMs + this.windowMs);
    this.history.push({ kind: 'quality', project: this.name, startMs, buckets });
    this.retiredThroughMs = Math.max(this.retiredThroughMs, startMs + this.windowMs);
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
