// The judge of one project: decides, over the parts of all partitions, which windows are closed, judges them by what
// the parts counted together, and keeps what was said: alarms, closed windows until they are over, quality of those
// that are. It sees no message. Where another process judges the project, it follows what that one has published and
// tells the parts of this process. Synchronous and without clock.
//
// Life of a window: open (counting) -> closed (software, inputs and scores are judged; its rows wait for labels) ->
// quality judged (late labels still join, and have it judged again) -> retired (joins forgotten; where it ended is kept
// until the checkpoints of its parts know that it is over: over-windows.ts). Windows close in the
// order of event time, when the watermark of predictions has passed their end by the allowed lateness; quality is
// judged when that of all streams has passed the label's delay, too. Bound: OPEN_WINDOWS_MAX windows (the oldest is
// closed early).

import { type SourceId, Watermark } from '@millrace/domain';
import type { Project } from '@millrace/project';
import { ProjectAlarms, type ProjectAlarmsState } from '../alarms/project-alarms.js';
import { ProjectQuality } from '../quality/project-quality.js';
import { type QualityBucketState, QualityHistory } from '../quality/quality-history.js';
import type { TaskTerms } from '../quality/task-terms.js';
import type { ClosedWindow } from './closed-window.js';
import { type JudgeCounters, noJudgeCounters } from './counters.js';
import type { QualityRecord, WindowRecord } from './history.js';
import { JudgedWindow, type JudgedWindowState } from './judged-window.js';
import { mergedProfiles, mergedRows } from './merged-window.js';
import type { OverLabelsState } from './over-labels.js';
import { OverWindows } from './over-windows.js';
import type { Cut, Part, Share } from './part.js';
import { type Backlog, STREAMS, type Stream } from './positions.js';
import { judgedLabelsOf, windowOf } from './recorded-window.js';
import type { ModelMetadata, TrafficRecord } from './sources.js';
import { bucketLength } from './window.js';
import { endsOf, isPastCut, isPastJudged, labelsTo } from './window-ends.js';
import { WindowJudge } from './window-judge.js';

/** Windows between the first open and the newest one; more means broken event times or a lateness of months. */
const OPEN_WINDOWS_MAX = 64;

/** How far event time has come. */
export interface Reached {
  /** In predictions. */
  rowsMs: number;
  /** In all streams: no label that was known before is unread. */
  labelsMs: number;
}

const NOTHING_DECIDED: JudgeState = {
  ...{ changes: 0, closedThroughMs: null, retiredThroughMs: null },
  ...{ alarms: { alarms: [], episodes: [] }, counters: noJudgeCounters() },
};

/** Quality of a window as the archive has it. */
export interface Recounted {
  labels: number;
  buckets: QualityBucketState[];
}

interface Came {
  labels: number;
  lastMs: number;
  firstMs: number;
  /** All of them are in files. */
  isSettled: boolean;
}

/** Of the time that labels take to settle: a window to which they trickle is counted anew so often all the same. */
const TRICKLE_SETTLES = 10;

const EVERYTHING: Reached = { rowsMs: Number.POSITIVE_INFINITY, labelsMs: Number.POSITIVE_INFINITY };

/** Of the project as a whole: what is kept of each window is told apart, because many wait where labels take long. */
export interface JudgeState {
  /** Of two states the one with more holds. */
  changes: number;
  /** null before anything was closed, retired. */
  closedThroughMs: number | null;
  retiredThroughMs: number | null;
  alarms: ProjectAlarmsState;
  counters: JudgeCounters;
  /** By window that is over: labels that came for it when it was counted anew over the archive. */
  recounted?: OverLabelsState;
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
  parts(): readonly Part[];
}

export class ProjectJudge {
  readonly alarms: ProjectAlarms;
  readonly quality: ProjectQuality;
  readonly counters: JudgeCounters = noJudgeCounters();
  private readonly watermark: Watermark<Stream>;
  private readonly retiredQuality: QualityHistory;
  /** In the order of event time, in which they close. */
  private readonly closed = new Map<number, JudgedWindow>();
  private readonly over: OverWindows;
  /** Judgements that nobody has taken yet. */
  private readonly said: ClosedWindow[] = [];
  private readonly judge: WindowJudge;
  /** Starts of windows of which it knows something new, that nobody has taken yet. */
  private readonly fresh = new Set<number>();
  private readonly history: QualityRecord[] = [];
  /** Ends of partitions, by what is due. */
  private readonly mustBeRead = new Map<string, ReturnType<Backlog['told']>>();
  private changed = 0;
  private readonly recounted = new Map<number, number>();
  /** Labels for windows that are over: when the last came, and the first that was not counted. */
  private readonly came = new Map<number, Came>();
  private closedThroughMs = Number.NEGATIVE_INFINITY;
  private judgedThroughMs = Number.NEGATIVE_INFINITY;
  private retiredThroughMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: JudgeOptions) {
    const { project, idleMs, terms, metadata, traffic, parts } = options;
    const bucketMs = bucketLength(options.windowMs);
    this.over = new OverWindows(options.windowMs);
    this.watermark = new Watermark({ idleMs, silence: 'all time', allSilent: 'newest' });
    this.alarms = new ProjectAlarms(project().monitoring.consecutiveWindows);
    this.retiredQuality = new QualityHistory(terms, bucketMs);
    const histories = () => [this.retiredQuality, ...parts().flatMap((part) => [...part.quality()])];
    this.quality = new ProjectQuality(terms, bucketMs, histories);
    this.judge = new WindowJudge(project, this.quality, this.alarms, metadata, traffic);
  }

  /** How far event time has come in the partitions, as far as their ends are known. */
  reached(nowMs: number, backlog: Backlog): Reached {
    this.observe();
    const unread = this.awaited(backlog);
    return {
      rowsMs: this.watermark.ofStream('predictions', nowMs, unread),
      labelsMs: this.watermark.ofSources(nowMs, unread),
    };
  }

  /** What was reached, where it allows a judgement; else undefined. */
  dueAt(nowMs: number, backlog: Backlog): Reached | undefined {
    const reached = this.reached(nowMs, backlog);
    const open = this.openStarts();
    const isDue =
      open.length > OPEN_WINDOWS_MAX ||
      open.some((startMs) => this.isClosing(startMs, reached, backlog)) ||
      this.toJudge(reached, backlog).length > 0 ||
      this.judgedWindows().some((window) => this.isSettledAgain(window, nowMs, backlog));
    return isDue ? reached : undefined;
  }

  /** Whether more open windows than `many` may close. */
  closingAt(nowMs: number, backlog: Backlog, many: number): boolean {
    const next = this.openStarts()[many];
    return next !== undefined && this.isClosing(next, this.reached(nowMs, backlog), backlog);
  }

  /**
   * Judges and returns what the watermarks, up to `limit`, allow; retires what is older than the retained windows.
   */
  close(nowMs: number, backlog: Backlog, limit: Reached = EVERYTHING): ClosedWindow[] {
    const { rowsMs, labelsMs } = this.reached(nowMs, backlog);
    const reached: Reached = {
      rowsMs: Math.min(rowsMs, limit.rowsMs),
      labelsMs: Math.min(labelsMs, limit.labelsMs),
    };
    const open = this.openStarts();
    for (const [i, startMs] of open.entries()) {
      const early = open.length - i > OPEN_WINDOWS_MAX;
      if (!early && !(this.isClosing(startMs, reached, backlog) && this.isRead(`rows ${startMs}`, nowMs, backlog)))
        break;
      if (early) this.counters.windowsClosedEarly += 1;
      this.closeWindow(startMs, backlog, nowMs);
    }
    const labelled = this.toJudge(reached, backlog);
    const unread = labelled.findIndex(({ startMs }) => !this.isRead(`labels ${startMs}`, nowMs, backlog));
    const due = unread < 0 ? labelled : labelled.slice(0, unread);
    for (const window of due) if (!this.areLabelsThere(window, reached)) this.counters.qualityJudgedEarly += 1;
    for (const window of this.judgedWindows())
      if (
        this.isChanged(window) &&
        this.isKnown(window.startMs, backlog) &&
        (due.length > 0 || this.isSettledAgain(window, nowMs, backlog))
      )
        this.judgeQuality(window, nowMs, backlog);
    for (const window of due) this.judgeQuality(window, nowMs, backlog);
    const retireBefore = this.judgedThroughMs - this.options.retainedWindows * this.options.windowMs;
    for (const window of [...this.closed.values()]) {
      if (this.labelDelayMs !== undefined && this.endOf(window) > retireBefore) break;
      if (!isPastJudged(window, this.options.parts(), backlog)) break;
      this.retire(window, nowMs, backlog);
    }
    for (const part of this.options.parts()) part.closedThrough(this.closedThroughMs, this.retiredThroughMs);
    return this.drainSaid();
  }

  /** Judgements since they were last taken. */
  drainSaid(): ClosedWindow[] {
    return this.said.length === 0 ? [] : this.said.splice(0);
  }

  /** Of windows that are over, since it was last taken. */
  drainHistory(): QualityRecord[] {
    return this.history.splice(0);
  }

  /** What is kept of windows, where it has changed since it was last taken; null: the window is over. */
  drainJudged(): { startMs: number; window: JudgedWindowState | null }[] {
    for (const startMs of this.over.forgetSaved(this.options.parts())) this.fresh.add(startMs);
    const known = (startMs: number) => this.closed.get(startMs) ?? this.over.get(startMs);
    const changed = [...this.fresh].map((startMs) => ({ startMs, window: known(startMs)?.state() ?? null }));
    this.fresh.clear();
    return changed;
  }

  /** Of all windows that are closed, and not over in every checkpoint. */
  windowStates(): JudgedWindowState[] {
    return [...this.over.list(), ...this.closed.values()].map((window) => window.state());
  }

  /** Start times of windows that are open in some part, oldest first. */
  openStarts(): number[] {
    const starts = new Set<number>();
    for (const part of this.options.parts())
      for (const { startMs } of part.open()) if (startMs >= this.closedThroughMs) starts.add(startMs);
    return [...starts].sort((a, b) => a - b);
  }

  /** Tells a part that is new here what is closed already. */
  brief(part: Part): void {
    for (const window of this.closed.values()) {
      part.close(window.startMs, window.cutOf(part.partition));
      if (window.revision > 0) part.judged(window.startMs, window.cutOf(part.partition)?.labels ?? 0);
    }
    this.over.brief(part);
    part.closedThrough(this.closedThroughMs, this.retiredThroughMs);
  }

  isOver(startMs: number): boolean {
    return startMs + this.options.windowMs <= this.retiredThroughMs;
  }

  /** Grows with all that changes it. */
  get changes(): number {
    return this.changed;
  }

  state(): JudgeState {
    const finite = (ms: number) => (Number.isFinite(ms) ? ms : null);
    return {
      changes: this.changed,
      closedThroughMs: finite(this.closedThroughMs),
      retiredThroughMs: finite(this.retiredThroughMs),
      alarms: this.alarms.state(),
      counters: this.counters,
      recounted: [...this.recounted],
    };
  }

  /**
   * Decisions that nobody was told of are none; what is known of windows that were over by what was told stays. No part
   * is of this process.
   */
  forgetDecisions(told: JudgeState = NOTHING_DECIDED, windows: readonly JudgedWindowState[] = []): void {
    this.changed = 0;
    this.history.length = 0;
    this.follow(told, windows);
  }

  /**
   * What a judge has published becomes what this one knows, and the parts are told; nothing that is older. `windows`:
   * in the order of event time.
   */
  follow(state: JudgeState, windows: readonly JudgedWindowState[]): void {
    if (state.changes < this.changed) return;
    this.changed = state.changes;
    Object.assign(this.counters, state.counters);
    this.closedThroughMs = state.closedThroughMs ?? Number.NEGATIVE_INFINITY;
    this.retiredThroughMs = state.retiredThroughMs ?? Number.NEGATIVE_INFINITY;
    this.judgedThroughMs = Number.NEGATIVE_INFINITY;
    this.alarms.restore(state.alarms);
    this.recounted.clear();
    for (const [startMs, labels] of state.recounted ?? []) this.recounted.set(startMs, labels);
    const before = [...this.closed.keys()];
    this.closed.clear();
    this.over.clear();
    this.retiredQuality.take(this.retiredThroughMs, Number.POSITIVE_INFINITY);
    this.said.length = 0;
    this.fresh.clear();
    this.mustBeRead.clear();
    for (const saved of windows) {
      const window = JudgedWindow.fromState(saved);
      if (window.ends.length > 0) this.over.add(window);
      if (window.ends.length > 0 || this.endOf(window) <= this.retiredThroughMs) continue;
      this.closed.set(window.startMs, window);
      if (window.revision > 0) this.judgedThroughMs = this.endOf(window);
    }
    for (const part of this.options.parts()) {
      const isOver = (startMs: number) =>
        !this.closed.has(startMs) && this.over.get(startMs)?.endIn(part.partition) === undefined;
      for (const startMs of before.filter(isOver)) part.retire(startMs);
      this.brief(part);
    }
  }

  /** What also holds of a state whose windows cannot be taken over: what was closed is over. */
  restoreCounts(state: JudgeState): void {
    Object.assign(this.counters, state.counters);
    this.closedThroughMs = state.closedThroughMs ?? Number.NEGATIVE_INFINITY;
    this.retiredThroughMs = this.closedThroughMs;
  }

  /** Quality of a window that is over, as its judge has published it. */
  recall({ startMs, buckets }: QualityRecord): void {
    this.retiredQuality.replace(startMs, this.endOf({ startMs }), buckets);
  }

  /**
   * Windows that are over and for which labels came since: none more for `settledMs`, or some for many times that.
   * Whoever has counted one anew says so with `recount`, or that nothing is kept of it.
   */
  toRecount(nowMs: number, settledMs: number): number[] {
    const came = new Map<number, number>();
    for (const part of this.options.parts())
      for (const [startMs, labels] of part.overLabels())
        if (this.isOver(startMs)) came.set(startMs, (came.get(startMs) ?? 0) + labels);
    for (const startMs of this.recounted.keys()) if (!came.has(startMs)) this.recounted.delete(startMs);
    for (const startMs of this.came.keys()) if (!came.has(startMs)) this.came.delete(startMs);
    const due: number[] = [];
    for (const [startMs, labels] of came) {
      if (labels === this.recounted.get(startMs) && this.came.get(startMs)?.labels === labels) continue;
      const before = this.came.get(startMs) ?? { labels: 0, lastMs: nowMs, firstMs: nowMs, isSettled: true };
      const firstMs = before.labels === this.recounted.get(startMs) ? nowMs : before.firstMs;
      const lastMs = before.labels === labels ? before.lastMs : nowMs;
      const isSettled = nowMs - lastMs >= settledMs;
      this.came.set(startMs, { labels, lastMs, firstMs, isSettled });
      if (labels === this.recounted.get(startMs)) continue;
      if (isSettled || nowMs - firstMs >= TRICKLE_SETTLES * settledMs) due.push(startMs);
    }
    return due;
  }

  /** Nothing is kept of the window. */
  passOver(startMs: number): void {
    this.changed += 1;
    this.recounted.set(startMs, this.came.get(startMs)?.labels ?? 0);
  }

  /** `counted`: what the archive says of the window now; undefined: it knows of no more than was judged. */
  recount(before: WindowRecord, counted: Recounted | undefined, nowMs: number): ClosedWindow[] {
    const { startMs, endMs } = before;
    this.changed += 1;
    const came = this.came.get(startMs);
    if (came?.isSettled !== false) this.recounted.set(startMs, came?.labels ?? 0);
    // The last ones may be in no file yet: it is counted again.
    else came.firstMs = nowMs;
    if (counted === undefined) return [];
    this.counters.labelsFromArchive += counted.labels - judgedLabelsOf(before);
    this.counters.qualityCorrected += 1;
    this.retiredQuality.replace(startMs, endMs, counted.buckets);
    const { createdAtMs, project } = this.options;
    this.history.push({ kind: 'quality', project: project().name, createdAtMs, startMs, buckets: counted.buckets });
    const rows = before.metrics.map(({ cohort, predictions }) => ({ cohort, rows: predictions }));
    this.say(this.judge.judgeQuality(windowOf(before), rows, nowMs));
    return this.drainSaid();
  }

  /** Without a label nothing is waited for: undefined. */
  private get labelDelayMs(): number | undefined {
    return this.options.project().data.label?.delayMs;
  }

  private observe(): void {
    const sources = this.options.parts().flatMap((part) =>
      STREAMS.flatMap((stream) => {
        const heard = part.heardOf(stream);
        if (heard === undefined) return [];
        return { stream, partition: part.partition, maxEventMs: heard.maxEventMs, heardAtMs: heard.atMs };
      }),
    );
    this.watermark.place(sources);
  }

  private awaited(backlog: Backlog): readonly SourceId<Stream>[] {
    const behind = backlog.behind();
    return this.labelDelayMs === undefined ? behind.filter(({ stream }) => stream !== 'labels') : behind;
  }

  private shares(startMs: number): Share[] {
    return this.options.parts().flatMap((part) => part.share(startMs) ?? []);
  }

  private closeWindow(startMs: number, backlog: Backlog, nowMs: number): void {
    const cuts = this.options.parts().flatMap((part): Cut[] => {
      const rows = part.share(startMs)?.predictions ?? 0;
      const { partition } = part;
      return rows === 0
        ? []
        : [
            {
              ...{ partition, offset: part.readTo ?? backlog.next('predictions', partition), rows, labels: null },
              log: backlog.log('predictions', partition),
            },
          ];
    });
    const window = new JudgedWindow(startMs, cuts);
    const { profiles, unkept } = mergedProfiles(this.shares(startMs));
    const closed = this.judge.close(window, profiles, nowMs);
    this.counters.unkeptCohorts += unkept;
    this.changed += 1;
    for (const part of this.options.parts()) part.close(startMs, window.cutOf(part.partition));
    this.closed.set(startMs, window);
    this.fresh.add(startMs);
    this.closedThroughMs = Math.max(this.closedThroughMs, closed.endMs);
    this.counters.windowsClosed += 1;
    this.say(closed);
  }

  private judgeQuality(window: JudgedWindow, nowMs: number, backlog: Backlog): void {
    const { startMs } = window;
    if (window.revision > 0) this.counters.qualityCorrected += 1;
    else {
      this.counters.qualityJudged += 1;
      if (this.options.parts().some((part) => this.missing(startMs, part) > 0)) this.counters.qualityJudgedShort += 1;
      this.bringTogether(startMs, nowMs);
    }
    this.judgedThroughMs = Math.max(this.judgedThroughMs, this.endOf(window));
    window.judgedLabels = this.labelsOf(window);
    this.fresh.add(startMs);
    this.say(this.judge.judgeQuality(window, mergedRows(this.shares(startMs)), nowMs));
    for (const part of this.options.parts()) {
      const cut = window.cutOf(part.partition);
      if (cut !== undefined) {
        const labels = part.share(startMs)?.labels ?? 0;
        cut.labels ??= labels;
        cut.labelsTo = { ...labelsTo(part, backlog), labels };
      }
      part.judged(startMs, cut?.labels ?? 0);
    }
  }

  /**
   * Labels that wait in one partition for a row that came in another: a client named the entity of one of the two only,
   * so that their keys differ. All rows are read now.
   */
  private bringTogether(startMs: number, nowMs: number): void {
    const parts = this.options.parts();
    for (const part of parts) {
      for (const [id, label] of part.waitingLabels(startMs)) {
        const holder = parts.find((other) => other !== part && other.holds(id, startMs));
        if (holder === undefined) continue;
        part.handOver(startMs, id);
        holder.join(id, label, startMs, nowMs);
      }
    }
  }

  private say(judged: ClosedWindow): void {
    this.changed += 1;
    this.counters.driftEvents += judged.drift.length;
    this.said.push(judged);
  }

  /** The labels that came so far are the last that count. */
  private retire(window: JudgedWindow, nowMs: number, backlog: Backlog): void {
    const isJudged = window.revision > 0 && !this.isChanged(window);
    if (!isJudged && this.labelDelayMs !== undefined) this.judgeQuality(window, nowMs, backlog);
    const { startMs } = window;
    const ends = endsOf(window, this.options.parts(), backlog);
    this.changed += 1;
    this.closed.delete(startMs);
    if (ends.length > 0) this.keepOver(window.over(ends));
    this.fresh.add(startMs);
    const counted = this.options.parts().map((part) => part.retire(startMs));
    this.retiredQuality.replace(startMs, this.endOf(window), []);
    for (const buckets of counted) this.retiredQuality.restore(buckets);
    this.retiredThroughMs = Math.max(this.retiredThroughMs, this.endOf(window));
    const buckets = this.retiredQuality.statesBetween(startMs, this.endOf(window));
    if (buckets.length === 0) return;
    const { createdAtMs, project } = this.options;
    this.history.push({ kind: 'quality', project: project().name, createdAtMs, startMs, buckets });
  }

  private keepOver(window: JudgedWindow): void {
    for (const startMs of this.over.add(window)) {
      this.counters.overUnsaved += 1;
      this.fresh.add(startMs);
    }
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

  private isClosing(startMs: number, { rowsMs }: Reached, backlog: Backlog): boolean {
    const dueMs = startMs + this.options.windowMs + this.options.project().monitoring.allowedLatenessMs;
    return rowsMs >= dueMs && this.isKnown(startMs, backlog);
  }

  /**
   * What the parts say of the window is what they have counted, and they have counted again what was judged: a part
   * that another process takes over begins at its checkpoint.
   */
  private isKnown(startMs: number, backlog: Backlog): boolean {
    return this.options.parts().every((part) => {
      const share = part.share(startMs);
      return (
        share?.isCurrent !== false &&
        (this.missing(startMs, part) === 0 || isPastCut(this.closed.get(startMs)?.cutOf(part.partition), part, backlog))
      );
    });
  }

  /** Rows of a closed window that its partition has not counted again. */
  private missing(startMs: number, part: Part): number {
    const { rows = 0 } = this.closed.get(startMs)?.cutOf(part.partition) ?? {};
    return Math.max(0, rows - (part.share(startMs)?.predictions ?? 0));
  }

  /**
   * Whether what was written when this became due is read in partitions that other processes hold and that hold nothing
   * back, because nothing was heard in them, or not for long: their holder may have come upon something since it told
   * so, or be dead. What their ends were then is asked once for each thing that is due: other projects go on writing.
   */
  private isRead(what: string, nowMs: number, backlog: Backlog): boolean {
    let wanted = this.mustBeRead.get(what);
    if (wanted === undefined) {
      const parts = new Map(this.options.parts().map((part) => [part.partition, part]));
      wanted = backlog.told().filter(({ stream, partition }) => {
        if (stream === 'labels' && (what.startsWith('rows') || this.labelDelayMs === undefined)) return false;
        const heard = parts.get(partition)?.heardOf(stream);
        return heard === undefined || nowMs - heard.atMs >= this.options.idleMs[stream];
      });
      this.mustBeRead.set(what, wanted);
    }
    const ends = new Map(backlog.told().map(({ stream, partition, end }) => [`${stream} ${partition}`, end]));
    const isRead = wanted.every(({ stream, partition, end }) => {
      // A topic that was created again may end before.
      const now = ends.get(`${stream} ${partition}`) ?? Number.POSITIVE_INFINITY;
      return backlog.next(stream, partition) >= Math.min(end, now);
    });
    if (isRead) this.mustBeRead.delete(what);
    return isRead;
  }

  private get givenUpThroughMs(): number {
    return Math.max(...this.options.parts().map((part) => part.givenUpThroughMs), Number.NEGATIVE_INFINITY);
  }

  private areLabelsThere(window: JudgedWindow, { labelsMs }: Reached): boolean {
    const graceMs = (this.labelDelayMs ?? 0) + this.options.project().monitoring.allowedLatenessMs;
    return labelsMs >= this.endOf(window) + graceMs;
  }

  /** Closed windows whose labels are there, or are waited for no more; oldest first. */
  private toJudge(reached: Reached, backlog: Backlog): JudgedWindow[] {
    const due: JudgedWindow[] = [];
    if (this.labelDelayMs === undefined) return due;
    const { givenUpThroughMs } = this;
    for (const window of this.closed.values()) {
      if (window.revision > 0) continue;
      const isDue = window.startMs <= givenUpThroughMs || this.areLabelsThere(window, reached);
      if (!isDue || !this.isKnown(window.startMs, backlog)) break;
      due.push(window);
    }
    return due;
  }

  /** Late labels came, and then none for as long as a silent delivery of labels is waited for. */
  private isSettledAgain(window: JudgedWindow, nowMs: number, backlog: Backlog): boolean {
    if (!this.isChanged(window) || !this.isKnown(window.startMs, backlog)) return false;
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
