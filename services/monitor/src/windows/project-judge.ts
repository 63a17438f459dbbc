// The judge of one project: decides, over the parts of all partitions, which windows are closed, judges them by what
// the parts counted together, and keeps what was said: alarms, closed windows until they are over, quality of those
// that are. It sees no message. Synchronous and without clock.
//
// Life of a window: open (counting) -> closed (software, inputs and scores are judged; its rows wait for labels) ->
// quality judged (late labels still join, and have it judged again) -> retired (joins forgotten). Windows close in the
// order of event time, when the watermark of predictions has passed their end by the allowed lateness; quality is
// judged when that of all streams has passed the label's delay, too. Bound: OPEN_WINDOWS_MAX windows (the oldest is
// closed early).

import { type SourceId, Watermark } from '@millrace/domain';
import type { Project } from '@millrace/project';
import { ProjectAlarms, type ProjectAlarmsState } from '../alarms/project-alarms.js';
import { ProjectQuality } from '../quality/project-quality.js';
import { QualityHistory } from '../quality/quality-history.js';
import type { TaskTerms } from '../quality/task-terms.js';
import type { ClosedWindow } from './closed-window.js';
import { type JudgeCounters, noJudgeCounters } from './counters.js';
import type { HistoryRecord } from './history.js';
import { JudgedWindow, type JudgedWindowState } from './judged-window.js';
import { mergedProfiles, mergedRows } from './merged-window.js';
import type { PartitionPart } from './partition-part.js';
import type { Backlog, Stream } from './positions.js';
import type { ModelMetadata, TrafficRecord } from './sources.js';
import { bucketLength } from './window.js';
import { WindowJudge } from './window-judge.js';
import type { WindowShare } from './window-share.js';

/** Windows between the first open and the newest one; more means broken event times or a lateness of months. */
const OPEN_WINDOWS_MAX = 64;

const STREAMS: readonly Stream[] = ['predictions', 'labels'];

/** How far event time has come. */
export interface Reached {
  /** In predictions. */
  rowsMs: number;
  /** In all streams: no label that was known before is unread. */
  labelsMs: number;
}

const EVERYTHING: Reached = { rowsMs: Number.POSITIVE_INFINITY, labelsMs: Number.POSITIVE_INFINITY };

export interface JudgeState {
  /** null before anything was reached, closed, retired. */
  reachedMs: number | null;
  closedThroughMs: number | null;
  retiredThroughMs: number | null;
  windows: JudgedWindowState[];
  alarms: ProjectAlarmsState;
  counters: JudgeCounters;
}

export interface JudgeOptions {
  project(): Project;
  createdAtMs: number;
  windowMs: number;
  terms: TaskTerms;
  metadata: ModelMetadata;
  traffic: TrafficRecord;
  idleMs: { predictions: number; labels: number };
  /** Windows whose joins are kept for late labels after their quality was judged. */
  retainedWindows: number;
  /** In the order of partitions. */
  parts(): readonly PartitionPart[];
}

export class ProjectJudge {
  readonly alarms: ProjectAlarms;
  readonly quality: ProjectQuality;
  readonly counters: JudgeCounters = noJudgeCounters();
  private readonly watermark: Watermark<Stream>;
  private readonly retiredQuality: QualityHistory;
  /** In the order of event time, in which they close. */
  private readonly closed = new Map<number, JudgedWindow>();
  /** Judgements that nobody has taken yet. */
  private readonly said: ClosedWindow[] = [];
  private readonly judge: WindowJudge;
  private readonly history: HistoryRecord[] = [];
  private closedThroughMs = Number.NEGATIVE_INFINITY;
  private judgedThroughMs = Number.NEGATIVE_INFINITY;
  private retiredThroughMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: JudgeOptions) {
    const { project, idleMs, terms, metadata, traffic, parts } = options;
    const bucketMs = bucketLength(options.windowMs);
    this.watermark = new Watermark({ idleMs, silence: 'all time', allSilent: 'newest' });
    this.alarms = new ProjectAlarms(project().monitoring.consecutiveWindows);
    this.retiredQuality = new QualityHistory(terms, bucketMs);
    const histories = () => [this.retiredQuality, ...parts().map(({ quality }) => quality)];
    this.quality = new ProjectQuality(terms, bucketMs, histories);
    this.judge = new WindowJudge(project, this.quality, this.alarms, metadata, traffic);
  }

  /** How far event time has come in the partitions, as far as their ends are known. */
  reached(nowMs: number, backlog: Backlog): Reached {
    this.observe();
    const unread = this.awaited(backlog);
    return {
      rowsMs: this.watermark.aheadOf('predictions', nowMs, unread),
      labelsMs: this.watermark.ahead(nowMs, unread),
    };
  }

  /** What was reached, where it allows a judgement; else undefined. */
  dueAt(nowMs: number, backlog: Backlog): Reached | undefined {
    const reached = this.reached(nowMs, backlog);
    const open = this.openStarts();
    const isDue =
      open.length > OPEN_WINDOWS_MAX ||
      open.some((startMs) => this.isClosing(startMs, reached)) ||
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
    const open = this.openStarts();
    for (const [i, startMs] of open.entries()) {
      const early = open.length - i > OPEN_WINDOWS_MAX;
      if (!early && !this.isClosing(startMs, reached)) break;
      if (early) this.counters.windowsClosedEarly += 1;
      this.closeWindow(startMs, nowMs);
    }
    const due = this.toJudge(reached);
    for (const window of this.judgedWindows())
      if (this.isChanged(window) && (due.length > 0 || this.isSettledAgain(window, nowMs)))
        this.judgeQuality(window, nowMs);
    for (const window of due) this.judgeQuality(window, nowMs);
    const retireBefore = this.judgedThroughMs - this.options.retainedWindows * this.options.windowMs;
    for (const window of [...this.closed.values()]) {
      if (this.labelDelayMs !== undefined && this.endOf(window) > retireBefore) break;
      this.retire(window, nowMs);
    }
    return this.drainSaid();
  }

  /** Gives the oldest closed window's joins up, judged by the labels that came; false where there is none. */
  giveUpOldest(nowMs: number): boolean {
    const oldest = this.closed.values().next().value;
    if (oldest === undefined) return false;
    if (oldest.revision === 0) this.counters.qualityJudgedEarly += 1;
    this.retire(oldest, nowMs);
    return true;
  }

  /** Judgements since they were last taken, those that the bound on waiting rows brought about among them. */
  drainSaid(): ClosedWindow[] {
    return this.said.length === 0 ? [] : this.said.splice(0);
  }

  /** What must be appended to the history file before the next checkpoint. */
  drainHistory(): HistoryRecord[] {
    return this.history.splice(0);
  }

  /** Start times of windows that are open in some part, oldest first. */
  openStarts(): number[] {
    const starts = new Set<number>();
    for (const part of this.options.parts()) for (const { startMs } of part.open()) starts.add(startMs);
    return [...starts].sort((a, b) => a - b);
  }

  /** Tells a part that is new here what is closed already. */
  brief(part: PartitionPart): void {
    part.closedThrough(this.closedThroughMs);
    for (const { startMs, revision } of this.closed.values()) {
      part.close(startMs);
      if (revision > 0) part.judged(startMs);
    }
  }

  state(): JudgeState {
    const finite = (ms: number) => (Number.isFinite(ms) ? ms : null);
    return {
      reachedMs: finite(this.watermark.currentMs),
      closedThroughMs: finite(this.closedThroughMs),
      retiredThroughMs: finite(this.retiredThroughMs),
      windows: [...this.closed.values()].map((window) => window.state()),
      alarms: this.alarms.state(),
      counters: this.counters,
    };
  }

  /** Into a fresh judge, before its parts. */
  restore(state: JudgeState, nowMs: number): void {
    Object.assign(this.counters, state.counters);
    this.watermark.restore({ watermarkMs: state.reachedMs, sources: [] }, nowMs);
    this.closedThroughMs = state.closedThroughMs ?? Number.NEGATIVE_INFINITY;
    this.retiredThroughMs = state.retiredThroughMs ?? Number.NEGATIVE_INFINITY;
    this.alarms.restore(state.alarms);
    for (const saved of state.windows) {
      const window = JudgedWindow.fromState(saved);
      this.closed.set(window.startMs, window);
      if (window.revision > 0) this.judgedThroughMs = this.endOf(window);
    }
  }

  /** What also holds of a state whose windows cannot be taken over: what was closed is over. */
  restoreCounts(state: JudgeState): void {
    Object.assign(this.counters, state.counters);
    this.closedThroughMs = state.closedThroughMs ?? Number.NEGATIVE_INFINITY;
    this.retiredThroughMs = this.closedThroughMs;
  }

  /** Takes back what the history file holds and the checkpoint does not; false for what the checkpoint holds too. */
  recall(record: HistoryRecord): boolean {
    if (record.kind === 'window') return record.endMs <= this.closedThroughMs;
    if (record.startMs + this.options.windowMs > this.retiredThroughMs) return false;
    this.retiredQuality.restore(record.buckets);
    return true;
  }

  /** Without a label nothing is waited for: undefined. */
  private get labelDelayMs(): number | undefined {
    return this.options.project().data.label?.delayMs;
  }

  private observe(): void {
    for (const part of this.options.parts()) {
      for (const stream of STREAMS) {
        const heard = part.heardOf(stream);
        if (heard !== undefined)
          this.watermark.place({ stream, partition: part.partition }, heard.maxEventMs, heard.atMs);
      }
    }
  }

  private awaited(backlog: Backlog): readonly SourceId<Stream>[] {
    const behind = backlog.behind();
    return this.labelDelayMs === undefined ? behind.filter(({ stream }) => stream !== 'labels') : behind;
  }

  private shares(startMs: number): WindowShare[] {
    return this.options.parts().flatMap((part) => part.share(startMs) ?? []);
  }

  private closeWindow(startMs: number, nowMs: number): void {
    const window = new JudgedWindow(startMs);
    const { profiles, unkept } = mergedProfiles(this.shares(startMs));
    const closed = this.judge.close(window, profiles, nowMs);
    this.counters.unkeptCohorts += unkept;
    for (const part of this.options.parts()) part.close(startMs);
    this.closed.set(startMs, window);
    this.closedThroughMs = Math.max(this.closedThroughMs, closed.endMs);
    this.counters.windowsClosed += 1;
    this.say(closed);
  }

  private judgeQuality(window: JudgedWindow, nowMs: number): void {
    const { startMs } = window;
    if (window.revision > 0) this.counters.qualityCorrected += 1;
    else {
      this.counters.qualityJudged += 1;
      this.bringTogether(startMs, nowMs);
    }
    this.judgedThroughMs = Math.max(this.judgedThroughMs, this.endOf(window));
    window.judgedLabels = this.labelsOf(window);
    this.say(this.judge.judgeQuality(window, mergedRows(this.shares(startMs)), nowMs));
    for (const part of this.options.parts()) part.judged(startMs);
  }

  /**
   * Labels that wait in one partition for a row that came in another: a client named the entity of one of the two only,
   * so that their keys differ. All rows are read now.
   */
  private bringTogether(startMs: number, nowMs: number): void {
    const parts = this.options.parts();
    for (const part of parts) {
      for (const [id, label] of part.share(startMs)?.join.waitingList() ?? []) {
        const holder = parts.find((other) => other !== part && other.holds(id, startMs));
        if (holder === undefined) continue;
        part.handOver(startMs, id);
        holder.join(id, label, startMs, nowMs);
      }
    }
  }

  private say(judged: ClosedWindow): void {
    this.counters.driftEvents += judged.drift.length;
    this.said.push(judged);
  }

  /** The labels that came so far are the last that count. */
  private retire(window: JudgedWindow, nowMs: number): void {
    const isJudged = window.revision > 0 && !this.isChanged(window);
    if (!isJudged && this.labelDelayMs !== undefined) this.judgeQuality(window, nowMs);
    const { startMs } = window;
    this.closed.delete(startMs);
    const counted = this.options.parts().map((part) => part.retire(startMs));
    const before = this.retiredThroughMs;
    for (const buckets of counted) this.retiredQuality.restore(buckets);
    this.retiredThroughMs = Math.max(before, this.endOf(window));
    const buckets = this.retiredQuality.statesBetween(startMs, this.endOf(window));
    if (buckets.length === 0) return;
    const { createdAtMs, project } = this.options;
    this.history.push({ kind: 'quality', project: project().name, createdAtMs, startMs, buckets });
  }

  private endOf({ startMs }: { startMs: number }): number {
    return startMs + this.options.windowMs;
  }

  private labelsOf({ startMs }: JudgedWindow): number {
    return this.shares(startMs).reduce((sum, { labels }) => sum + labels, 0);
  }

  /** Labels joined that its last judgement of quality did not know. */
  private isChanged(window: JudgedWindow): boolean {
    return window.revision > 0 && this.labelsOf(window) > window.judgedLabels;
  }

  private isClosing(startMs: number, { rowsMs }: Reached): boolean {
    return rowsMs >= startMs + this.options.windowMs + this.options.project().monitoring.allowedLatenessMs;
  }

  /** Closed windows whose labels are there, oldest first. */
  private toJudge({ labelsMs }: Reached): JudgedWindow[] {
    const due: JudgedWindow[] = [];
    if (this.labelDelayMs === undefined) return due;
    const graceMs = this.labelDelayMs + this.options.project().monitoring.allowedLatenessMs;
    for (const window of this.closed.values()) {
      if (labelsMs < this.endOf(window) + graceMs) break;
      if (window.revision === 0) due.push(window);
    }
    return due;
  }

  /** Late labels came, and then none for as long as a silent delivery of labels is waited for. */
  private isSettledAgain(window: JudgedWindow, nowMs: number): boolean {
    if (!this.isChanged(window)) return false;
    const lastMs = Math.max(0, ...this.shares(window.startMs).map(({ lateLabelAtMs = 0 }) => lateLabelAtMs));
    return nowMs - lastMs >= this.options.idleMs.labels;
  }

  /** Those whose quality is judged: the first of the closed ones. */
  private judgedWindows(): JudgedWindow[] {
    const judged: JudgedWindow[] = [];
    for (const window of this.closed.values()) {
      if (window.revision === 0) break;
      judged.push(window);
    }
    return judged;
  }
}
