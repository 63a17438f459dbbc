// Everything the monitor keeps of one project: open windows, joins, quality, alarms, counters. Messages go in one by
// one; `close` gives what is due. Synchronous and without clock, so that a batch is applied whole or not at all, and a
// checkpoint between two batches is consistent.
//
// Life of a window: open (counting) -> closed (software, inputs and scores are judged; its rows wait for labels) ->
// quality judged (late labels still join, and have it judged again) -> retired (joins forgotten). Windows close in the
// order of event time, when the watermark of predictions has passed their end by the allowed lateness; quality is
// judged when that of all streams has passed the label's delay, too. Bounds: OPEN_WINDOWS_MAX windows (the oldest is
// closed early), `joinRowsMax` rows waiting for labels (quality of the oldest closed windows is judged early and they
// retire, then rows go unjoined; both are counted).

import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
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
import type { Project } from '@millrace/project';
import { ProjectAlarms } from '../alarms/project-alarms.js';
import type { JoinedRow } from '../quality/label-join.js';
import { QualityHistory } from '../quality/quality-history.js';
import type { TaskTerms } from '../quality/task-terms.js';
import type { ClosedWindow } from './closed-window.js';
import { type Counters, noCounters } from './counters.js';
import type { HistoryRecord } from './history.js';
import { OpenWindow } from './open-window.js';
import { OwnReferences } from './own-references.js';
import type { Backlog, Stream } from './positions.js';
import type { VersionReference } from './profile.js';
import type { ProjectState } from './project-state.js';
import { RowCohorts, type SlicesOf } from './row-cohorts.js';
import type { ModelMetadata, TrafficRecord } from './sources.js';
import { bucketLength, windowStart } from './window.js';
import { WindowJudge } from './window-judge.js';

/** Windows between the first open and the newest one; more means broken event times or a lateness of months. */
const OPEN_WINDOWS_MAX = 64;

/** Rows that were answered this long ago may not have been read when a checkpoint is made. */
const UNREAD_MS = 60_000;

/** How far event time has come. */
export interface Reached {
  /** In predictions. */
  rowsMs: number;
  /** In all streams: no label that was known before is unread. */
  labelsMs: number;
}

const EVERYTHING: Reached = { rowsMs: Number.POSITIVE_INFINITY, labelsMs: Number.POSITIVE_INFINITY };

export interface ProjectMonitorOptions {
  project: Project;
  metadata: ModelMetadata;
  traffic: TrafficRecord;
  idleMs: { predictions: number; labels: number };
  joinRowsMax: number;
  /** Windows whose joins are kept for late labels after their quality was judged. */
  retainedWindows: number;
  /** What to do with answers and labels of this kind of task. */
  terms(task: string): TaskTerms;
  /** Without it only versions are told apart. */
  slicesOf?: SlicesOf | undefined;
}

interface AwaitingRow {
  id: string;
  mark: number;
  score: number;
  cohorts: readonly Cohort[];
  eventMs: number;
}

/**
 * Tells predictions of one id apart: never 0, the same for a message that came again. Two that were answered in the
 * same millisecond after the same microseconds with the same score count as one; others differ but for 1 in 4 billion.
 */
function markOf({ answeredAtMs, latencyUs, modelVersion }: PredictionMessage, score: number): number {
  let mark = 0;
  for (const part of [answeredAtMs, answeredAtMs / 4_294_967_296, latencyUs, modelVersion, score * 4_294_967_295])
    mark = Math.imul(mark ^ part, 0x9e3779b1) ^ (mark >>> 15);
  return mark >>> 0 || 1;
}

export class ProjectMonitor {
  readonly watermark: Watermark<Stream>;
  readonly alarms: ProjectAlarms;
  readonly quality: QualityHistory;
  readonly counters: Counters = noCounters();
  readonly references: OwnReferences;
  /** What was written before belongs to a deleted project of this name. */
  readonly createdAtMs: number;
  private readonly open = new Map<number, OpenWindow>();
  /** In the order of event time, in which they close. */
  private readonly closed = new Map<number, OpenWindow>();
  /** Judgements that nobody has taken yet. */
  private readonly judged: ClosedWindow[] = [];
  private readonly judge: WindowJudge;
  private readonly history: HistoryRecord[] = [];
  private readonly windowMs: number;
  private closedThroughMs = Number.NEGATIVE_INFINITY;
  private judgedThroughMs = Number.NEGATIVE_INFINITY;
  private retiredThroughMs = Number.NEGATIVE_INFINITY;
  private joinRows = 0;
  /** Windows that hold predictions without an event time. */
  private answerTimedWindows = 0;
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
    this.judge = new WindowJudge(() => this.project, this.quality, this.alarms, options.metadata, options.traffic);
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
    if (window?.hasAnswerTimes === false && message.eventTimeMs <= 0) {
      window.hasAnswerTimes = true;
      this.answerTimedWindows += 1;
    }
    const mark = markOf(message, score);
    const seen = window?.join.seen(message.predictionId, mark) ?? 'new';
    if (seen === 'again') {
      this.counters.duplicatePredictions += 1;
      return;
    }
    const cohorts = this.rowCohorts.of(message);
    if (window === undefined || window.closed) {
      this.counters.latePredictions += 1;
      window?.countLate(cohorts);
    } else this.count(window, message, score, cohorts);
    if (seen === 'reused') this.counters.reusedIds += 1;
    else if (window !== undefined)
      this.awaitLabel(window, { id: message.predictionId, mark, score, cohorts, eventMs }, nowMs);
  }

  private count(window: OpenWindow, message: PredictionMessage, score: number, cohorts: readonly Cohort[]): void {
    this.counters.predictions += 1;
    window.predictions += 1;
    for (const cohort of cohorts) {
      const profile = window.profile(cohort, this.referenceOf);
      if (profile === undefined) this.counters.unkeptCohorts += 1;
      else profile.add(message.features, score, message.latencyUs, message.answeredAtMs);
    }
    window.all.add(message.features, score, message.latencyUs, message.answeredAtMs);
  }

  private awaitLabel(window: OpenWindow, { id, mark, score, cohorts, eventMs }: AwaitingRow, nowMs: number): void {
    if (!this.hasJoinRoom(nowMs) || window.isRetired) {
      this.counters.unjoinable += 1;
      return;
    }
    const before = window.join.size;
    const joined = window.join.addPrediction(id, score, cohorts, eventMs, mark);
    this.joinRows += window.join.size - before;
    if (joined !== undefined) this.joined(window, joined, nowMs);
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
    const isLost = window === undefined || (window.closed && !window.join.has(id));
    if (isLost || !this.hasJoinRoom(nowMs) || window.isRetired) {
      this.counters.unmatchedLabels += 1;
      return;
    }
    const before = window.join.size;
    const { kind, row } = window.join.addLabel(id, message.value);
    this.joinRows += window.join.size - before;
    if (row !== undefined) this.joined(window, row, nowMs);
    else if (kind === 'duplicate') this.counters.duplicateLabels += 1;
    else if (kind === 'contradiction') this.counters.contradictingLabels += 1;
    else if (kind === 'ambiguous') this.counters.ambiguousLabels += 1;
  }

  /** How far event time has come in the partitions, as far as their ends are known. */
  reached(nowMs: number, backlog: Backlog): Reached {
    const unread = this.awaited(backlog);
    return {
      rowsMs: this.watermark.aheadOf('predictions', nowMs, unread),
      labelsMs: this.watermark.ahead(nowMs, unread),
    };
  }

  /** What was reached, where it allows a judgement; else undefined. */
  dueAt(nowMs: number, backlog: Backlog): Reached | undefined {
    const reached = this.reached(nowMs, backlog);
    const isDue =
      this.open.size > OPEN_WINDOWS_MAX ||
      this.someOpen((window) => this.isClosing(window, reached)) ||
      this.toJudge(reached).length > 0 ||
      this.judgedWindows().some((window) => this.isSettledAgain(window, nowMs));
    return isDue ? reached : undefined;
  }

  /**
   * Judges and returns what the watermarks, up to `limit`, allow; retires what is older than the retained windows.
   */
  close(nowMs: number, backlog: Backlog, limit: Reached = EVERYTHING): ClosedWindow[] {
    const reached: Reached = {
      rowsMs: Math.min(this.reached(nowMs, backlog).rowsMs, limit.rowsMs),
      labelsMs: this.watermark.advance(nowMs, this.awaited(backlog), limit.labelsMs),
    };
    for (const window of this.openInOrder()) {
      const early = this.open.size > OPEN_WINDOWS_MAX;
      if (!early && !this.isClosing(window, reached)) break;
      if (early) this.counters.windowsClosedEarly += 1;
      this.closeWindow(window, nowMs);
    }
    const due = this.toJudge(reached);
    for (const window of this.judgedWindows())
      if (window.isChanged && (due.length > 0 || this.isSettledAgain(window, nowMs))) this.judgeQuality(window, nowMs);
    for (const window of due) this.judgeQuality(window, nowMs);
    const retireBefore = this.judgedThroughMs - this.options.retainedWindows * this.windowMs;
    for (const window of [...this.closed.values()]) {
      if (this.project.data.label !== undefined && this.endOf(window) > retireBefore) break;
      this.retire(window, nowMs);
    }
    return this.drainJudged();
  }

  /** Judgements since they were last taken, those that the bound on waiting rows brought about among them. */
  drainJudged(): ClosedWindow[] {
    return this.judged.length === 0 ? [] : this.judged.splice(0);
  }

  /** What must be appended to the history file before the next checkpoint. */
  drainHistory(): HistoryRecord[] {
    return this.history.splice(0);
  }

  /** Event time after which the oldest open window closes. */
  get closesAtMs(): number | undefined {
    const [oldest] = this.openWindows();
    return oldest && oldest.endMs + this.project.monitoring.allowedLatenessMs;
  }

  openWindows(): { startMs: number; endMs: number; predictions: number; labels: number }[] {
    return this.openInOrder().map(({ startMs, predictions, labels }) => ({
      ...{ startMs, endMs: startMs + this.windowMs, predictions, labels },
    }));
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
      windows: [...this.closed.values(), ...this.openInOrder()].map((window) => window.state()),
      quality: this.quality.statesBetween(this.retiredThroughMs, Number.POSITIVE_INFINITY),
      alarms: this.alarms.state(),
      references: this.references.state(),
      counters: this.counters,
      traffic: this.options.traffic.state(this.name, this.answeredSinceMs()),
    };
  }

  /** Processing time since which the router's counts are still to be judged. */
  private answeredSinceMs(): number {
    const first = [...this.open.values()].flatMap(({ all }) => (all.rows === 0 ? [] : all.firstAnsweredMs));
    return Math.min(...first, this.options.traffic.readAtMs(this.name) - UNREAD_MS);
  }

  /**
   * Into a fresh monitor. A saved state of another window length or task is not comparable: only its counters are
   * taken, and of the same task the references.
   */
  restore(state: ProjectState, nowMs: number): void {
    Object.assign(this.counters, state.counters, { joinedByCohort: { ...state.counters.joinedByCohort } });
    if (state.task === this.terms.task.kind) this.references.restore(state.references ?? []);
    if (state.traffic !== undefined) this.options.traffic.restore(this.name, state.traffic);
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
      (window.closed ? this.closed : this.open).set(window.startMs, window);
      if (window.revision > 0) this.judgedThroughMs = this.endOf(window);
      this.joinRows += window.join.size;
      if (window.hasAnswerTimes) this.answerTimedWindows += 1;
    }
  }

  /** Takes back what the history file holds and the checkpoint does not; false for what the checkpoint holds too. */
  recall(record: HistoryRecord): boolean {
    if (record.kind === 'window') return record.endMs <= this.closedThroughMs;
    if (record.startMs + this.windowMs > this.retiredThroughMs) return false;
    this.quality.restore(record.buckets);
    return true;
  }

  private joined(window: OpenWindow, row: JoinedRow, nowMs: number): void {
    window.labels += 1;
    this.counters.labelsJoined += 1;
    if (window.revision > 0) {
      this.counters.lateLabels += 1;
      window.lateLabelAtMs = nowMs;
    }
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
    let window = this.open.get(startMs) ?? this.closed.get(startMs);
    if (window === undefined) {
      if (startMs < this.closedThroughMs) return undefined;
      window = new OpenWindow(startMs);
      this.open.set(startMs, window);
    }
    this.current = window;
    return window;
  }

  private windowOfLabel(id: string, eventMs: number): OpenWindow | undefined {
    const own = this.windowFor(eventMs);
    if (own?.join.has(id)) return own;
    // A prediction without an event time was filed under the time of its answer. With a label delay of weeks there are
    // thousands of windows: they are gone through only where there are such predictions.
    if (this.answerTimedWindows === 0) return own;
    for (const windows of [this.closed, this.open])
      for (const window of windows.values()) if (window.hasAnswerTimes && window.join.has(id)) return window;
    return own;
  }

  private hasJoinRoom(nowMs: number): boolean {
    while (this.joinRows >= this.options.joinRowsMax) {
      const oldest = this.closed.values().next().value;
      if (oldest === undefined) return false;
      if (oldest.revision === 0) this.counters.qualityJudgedEarly += 1;
      this.retire(oldest, nowMs);
    }
    return true;
  }

  private closeWindow(window: OpenWindow, nowMs: number): void {
    const closed = this.judge.close(window, nowMs);
    this.open.delete(window.startMs);
    this.closed.set(window.startMs, window);
    if (this.current === window) this.current = undefined;
    this.closedThroughMs = Math.max(this.closedThroughMs, closed.endMs);
    this.counters.windowsClosed += 1;
    this.tell(closed);
  }

  private judgeQuality(window: OpenWindow, nowMs: number): void {
    if (window.revision > 0) this.counters.qualityCorrected += 1;
    else this.counters.qualityJudged += 1;
    this.judgedThroughMs = Math.max(this.judgedThroughMs, this.endOf(window));
    this.tell(this.judge.judgeQuality(window, nowMs));
  }

  private tell(judged: ClosedWindow): void {
    this.counters.driftEvents += judged.drift.length;
    this.judged.push(judged);
  }

  /** The labels that came so far are the last that count. */
  private retire(window: OpenWindow, nowMs: number): void {
    const isJudged = window.revision > 0 && !window.isChanged;
    if (!isJudged && this.project.data.label !== undefined) this.judgeQuality(window, nowMs);
    const { startMs } = window;
    window.isRetired = true;
    if (window.hasAnswerTimes) this.answerTimedWindows -= 1;
    this.counters.unmatchedLabels += window.join.waitingLabels;
    this.joinRows -= window.join.size;
    this.closed.delete(startMs);
    if (this.current === window) this.current = undefined;
    const buckets = this.quality.statesBetween(startMs, startMs + this.windowMs);
    if (buckets.length > 0)
      this.history.push({ kind: 'quality', project: this.name, createdAtMs: this.createdAtMs, startMs, buckets });
    this.retiredThroughMs = Math.max(this.retiredThroughMs, startMs + this.windowMs);
  }

  private endOf({ startMs }: OpenWindow): number {
    return startMs + this.windowMs;
  }

  private isClosing(window: OpenWindow, { rowsMs }: Reached): boolean {
    return rowsMs >= this.endOf(window) + this.project.monitoring.allowedLatenessMs;
  }

  /** Closed windows whose labels are there, oldest first. */
  private toJudge({ labelsMs }: Reached): OpenWindow[] {
    const due: OpenWindow[] = [];
    if (this.project.data.label === undefined) return due;
    const graceMs = this.labelDelayMs + this.project.monitoring.allowedLatenessMs;
    for (const window of this.closed.values()) {
      if (labelsMs < this.endOf(window) + graceMs) break;
      if (window.revision === 0) due.push(window);
    }
    return due;
  }

  /** Late labels came, and then none for as long as a silent delivery of labels is waited for. */
  private isSettledAgain({ isChanged, lateLabelAtMs }: OpenWindow, nowMs: number): boolean {
    return isChanged && nowMs - (lateLabelAtMs ?? 0) >= this.options.idleMs.labels;
  }

  private someOpen(is: (window: OpenWindow) => boolean): boolean {
    for (const window of this.open.values()) if (is(window)) return true;
    return false;
  }

  /** Those whose quality is judged: the first of the closed ones. */
  private judgedWindows(): OpenWindow[] {
    const judged: OpenWindow[] = [];
    for (const window of this.closed.values()) {
      if (window.revision === 0) break;
      judged.push(window);
    }
    return judged;
  }

  private openInOrder(): OpenWindow[] {
    return [...this.open.values()].sort((a, b) => a.startMs - b.startMs);
  }
}
