// Everything the monitor knows of one project: a part a partition, those of this process and those that others tell
// of, and the judge over them. Messages go to the part of their partition one by one; `close` gives what is due.
// Synchronous and without clock, so that a batch is applied whole or not at all, and a checkpoint between two batches
// is consistent.

import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import type { Task } from '@millrace/domain';
import type { Project } from '@millrace/project';
import type { ProjectAlarms } from '../alarms/project-alarms.js';
import type { ProjectQuality } from '../quality/project-quality.js';
import { QualityHistory } from '../quality/quality-history.js';
import type { TaskTerms } from '../quality/task-terms.js';
import type { Board, JudgedEntry, JudgeEntry, ReferenceEntry } from './board.js';
import type { ClosedWindow } from './closed-window.js';
import { type Counters, sumOf } from './counters.js';
import type { QualityRecord, WindowRecord } from './history.js';
import type { JudgedWindowState } from './judged-window.js';
import type { PartOfProject } from './number-state.js';
import { OwnReferences } from './own-references.js';
import type { Part } from './part.js';
import { PartitionPart, type PartOptions } from './partition-part.js';
import type { Backlog } from './positions.js';
import type { VersionReference } from './profile.js';
import { ProjectJudge, type Reached, type Recounted } from './project-judge.js';
import { RemotePart } from './remote-part.js';
import { RowCohorts, type SlicesOf } from './row-cohorts.js';
import type { ModelMetadata, TrafficRecord } from './sources.js';

/** Rows that were answered this long ago may not have been read when a checkpoint is made. */
const UNREAD_MS = 60_000;

export interface ProjectMonitorOptions {
  project: Project;
  metadata: ModelMetadata;
  traffic: TrafficRecord;
  idleMs: { predictions: number; labels: number };
  /** Of a part, that wait for labels. */
  joinRowsMax: number;
  /** What other processes tell. */
  board: Board;
  /** Whether this process holds the partition number. */
  isHeld(partition: number): boolean;
  /** How far its partitions are read. */
  positions: Pick<Backlog, 'next' | 'log'>;
  /** Windows whose joins are kept for late labels after their quality was judged. */
  retainedWindows: number;
  /** What to do with answers and labels of this kind of task. */
  terms(task: string): TaskTerms;
  /** Without it only versions are told apart. */
  slicesOf?: SlicesOf | undefined;
}

export class ProjectMonitor {
  readonly references: OwnReferences;
  /** What was written before belongs to a deleted project of this name. */
  readonly createdAtMs: number;
  private readonly judge: ProjectJudge;
  /** Of this process, by partition. */
  private readonly own = new Map<number, PartitionPart>();
  /** Of all, in the order of partitions. */
  private parts: readonly Part[] = [];
  private readonly windowMs: number;
  private readonly terms: TaskTerms;
  private readonly partOptions: PartOptions;
  /** Of the newest message or call. */
  private nowMs = 0;
  private project: Project;

  constructor(private readonly options: ProjectMonitorOptions) {
    this.project = options.project;
    this.createdAtMs = options.metadata.createdAtMs(options.project.name) ?? 0;
    const { monitoring, scope } = options.project;
    const project = () => this.project;
    const windowMs = monitoring.windowMs;
    const terms = options.terms(scope.task);
    this.windowMs = windowMs;
    this.terms = terms;
    const shares = () => new Map(this.parts.map(({ partition, firstRows }) => [partition, firstRows]));
    const { idleMs, metadata, traffic, retainedWindows } = options;
    this.references = new OwnReferences(terms.task.scoreName, idleMs.predictions, monitoring.referenceRows, shares);
    const parts = () => this.parts;
    const { createdAtMs } = this;
    const common = { project, windowMs, terms, metadata };
    this.judge = new ProjectJudge({ ...common, createdAtMs, traffic, idleMs, retainedWindows, parts });
    this.partOptions = {
      ...common,
      rowCohorts: new RowCohorts(options.slicesOf),
      referenceOf: (version) => this.referenceOf(version),
      hasOwnReference: (version) => this.references.isComplete(version),
      joinRowsMax: options.joinRowsMax,
      positions: options.positions,
    };
    this.partsChanged();
  }

  get name(): string {
    return this.project.name;
  }

  get task(): Task {
    return this.terms.task;
  }

  get alarms(): ProjectAlarms {
    return this.judge.alarms;
  }

  get quality(): ProjectQuality {
    return this.judge.quality;
  }

  get counters(): Counters {
    return sumOf(
      this.parts.map(({ counters }) => counters),
      this.judge.counters,
    );
  }

  /** Takes a changed project file; false when its window length or task differs, which needs a new monitor. */
  adopt(project: Project): boolean {
    if (project.monitoring.windowMs !== this.windowMs || project.scope.task !== this.terms.task.kind) return false;
    this.project = project;
    this.alarms.needed = project.monitoring.consecutiveWindows;
    this.references.want(project.monitoring.referenceRows);
    for (const { firstRows } of this.own.values()) firstRows.want(project.monitoring.referenceRows);
    return true;
  }

  prediction(message: PredictionMessage, partition: number, offset: number, nowMs: number): void {
    const own = this.part(partition);
    own.prediction(message, offset, nowMs);
    const { predictionId: id, answeredAtMs } = message;
    // Its label may be filed under the event time that it names itself.
    if (message.eventTimeMs > 0 || message.role !== 'live' || !own.holds(id, answeredAtMs)) return;
    for (const part of this.own.values()) {
      const label = part.takeLabel(id);
      if (label === undefined) continue;
      own.join(id, label, answeredAtMs, nowMs);
      return;
    }
  }

  /**
   * A label and its prediction meet in one partition where both name the entity, or neither does. Where one of them
   * does not, the row is looked for in the other parts of this process.
   */
  label(message: LabelMessage, partition: number, offset: number, nowMs: number): void {
    const own = this.part(partition);
    const id = own.label(message, offset, nowMs);
    if (id === undefined) return;
    const { value, eventTimeMs } = message;
    const holds = (part: Part) => part.holds(id, eventTimeMs);
    const holder = holds(own) ? own : (this.parts.find(holds) ?? own);
    holder.join(id, value, eventTimeMs, nowMs, message.predictionId === '');
  }

  reached(nowMs: number, backlog: Backlog): Reached {
    this.nowMs = nowMs;
    return this.judge.reached(nowMs, backlog);
  }

  dueAt(nowMs: number, backlog: Backlog): Reached | undefined {
    this.nowMs = nowMs;
    return this.judge.dueAt(nowMs, backlog);
  }

  /** Whether more open windows than `many` may close. */
  closingAt(nowMs: number, backlog: Backlog, many: number): boolean {
    this.nowMs = nowMs;
    return this.judge.closingAt(nowMs, backlog, many);
  }

  /**
   * Judges and returns what the watermarks, up to `limit`, allow; retires what is older than the retained windows.
   */
  close(nowMs: number, backlog: Backlog, limit?: Reached): ClosedWindow[] {
    this.nowMs = nowMs;
    return this.judge.close(nowMs, backlog, limit);
  }

  /** Quality of windows that are over, since it was last taken. */
  drainHistory(): QualityRecord[] {
    return this.judge.drainHistory();
  }

  /** Event time after which the oldest open window closes. */
  get closesAtMs(): number | undefined {
    const [oldest] = this.openWindows();
    return oldest && oldest.endMs + this.project.monitoring.allowedLatenessMs;
  }

  openWindows(): { startMs: number; endMs: number; predictions: number; labels: number }[] {
    return this.judge.openStarts().map((startMs) => {
      const shares = this.parts.flatMap((part) => part.share(startMs) ?? []);
      const sum = (of: 'predictions' | 'labels') => shares.reduce((total, share) => total + share[of], 0);
      return { startMs, endMs: startMs + this.windowMs, predictions: sum('predictions'), labels: sum('labels') };
    });
  }

  /** What the judge has to publish; its `changes` tell whether there is something new. */
  judgeEntry(): JudgeEntry {
    return {
      ...this.of,
      state: this.judge.state(),
      traffic: this.options.traffic.state(this.name, this.answeredSinceMs()) ?? null,
    };
  }

  /** What the judge has to publish of single windows, since it was last taken; null: they are over. */
  drainJudged(): { startMs: number; entry: JudgedEntry | null }[] {
    return this.judge
      .drainJudged()
      .map(({ startMs, window }) => ({ startMs, entry: window && { ...this.of, window } }));
  }

  /** Windows that the board has and that are not of this project as it is. */
  strangeWindows(): number[] {
    const told = [...this.options.board.judgedOf(this.name)];
    return told.flatMap(([startMs, entry]) => (this.isOfThis(entry) ? [] : startMs));
  }

  /** What is kept of windows that are closed and not over. */
  windowStates(): JudgedWindowState[] {
    return this.judge.windowStates();
  }

  /** What the judge had of the router's counts, for a process that has begun to read them a moment ago. */
  restoreTraffic({ createdAtMs, traffic }: JudgeEntry): void {
    if (traffic !== null && createdAtMs === this.createdAtMs) this.options.traffic.restore(this.name, traffic);
  }

  /** What was decided here and not published is not so. */
  followAgain(entry: JudgeEntry | undefined): void {
    const isFollowed = entry?.createdAtMs === this.createdAtMs && this.isComparable(entry);
    if (isFollowed) this.judge.forgetDecisions(entry.state, this.toldWindows());
    else this.judge.forgetDecisions();
    if (entry !== undefined && !isFollowed) this.follow(entry);
  }

  get judgeChanges(): number {
    return this.judge.changes;
  }

  /** A reference that the judge of the project has published. */
  toldReference({ createdAtMs, task, reference }: ReferenceEntry): void {
    if (createdAtMs === this.createdAtMs && task === this.terms.task.kind) this.references.restore([reference]);
  }

  /** What the judge of the project has published, whoever it is. */
  follow(entry: JudgeEntry): void {
    if (entry.createdAtMs !== this.createdAtMs) return;
    if (this.isComparable(entry)) this.judge.follow(entry.state, this.toldWindows());
    else this.judge.restoreCounts(entry.state);
  }

  /** Of the project and of what its windows are like. */
  get of() {
    return { createdAtMs: this.createdAtMs, windowMs: this.windowMs, task: this.terms.task.kind };
  }

  /**
   * The part of this partition is this process's from here on. Of a saved state of another window length or task only
   * the counters are taken, and of the same task the first rows.
   */
  takePart(saved: PartOfProject, nowMs: number): void {
    const part = this.part(saved.part.partition);
    part.restoreCounts(saved.part);
    if (saved.task === this.terms.task.kind) part.firstRows.restore(saved.part.firstRows);
    if (this.isComparable(saved)) part.restore(saved.part, nowMs);
  }

  /** Another process's from here on. */
  releasePart(partition: number): void {
    this.own.delete(partition);
    this.partsChanged();
  }

  ownParts(): Iterable<PartitionPart> {
    return this.own.values();
  }

  /** Of this process; undefined: it has not, or nothing of the project came in it. */
  ownPart(partition: number): PartitionPart | undefined {
    return this.own.get(partition);
  }

  get waits() {
    const { monitoring, data } = this.project;
    return { latenessMs: monitoring.allowedLatenessMs, labelDelayMs: data.label?.delayMs ?? 0 };
  }

  get archiveSpec() {
    return this.project.monitoring.archive;
  }

  /** A part came, went, or is told of for the first time. */
  partsChanged(): void {
    const { board } = this.options;
    const remote = board.partsOf(this.name).filter((partition) => !this.options.isHeld(partition));
    this.parts = [...this.own.values(), ...remote.map((partition) => this.remote(partition))].sort(
      (a, b) => a.partition - b.partition,
    );
  }

  /** Starts of windows that are over, for which labels came since. */
  toRecount(nowMs: number, settledMs: number): number[] {
    return this.judge.toRecount(nowMs, settledMs);
  }

  recount(before: WindowRecord, counted: Recounted | undefined, nowMs: number): ClosedWindow[] {
    return this.judge.recount(before, counted, nowMs);
  }

  /** Nothing is kept of the window. */
  passOver(startMs: number): void {
    this.judge.passOver(startMs);
  }

  /** For quality that is counted anew, in the buckets of the project. */
  freshQuality(): { history: QualityHistory; task: Task } {
    return { history: new QualityHistory(this.terms, this.quality.bucketMs), task: this.task };
  }

  /** Quality of a window that is over, as its judge has published it. */
  recall(record: QualityRecord): void {
    this.judge.recall(record);
  }

  /** Processing time since which the router's counts are still to be judged. */
  private answeredSinceMs(): number {
    const open = [...this.own.values()].flatMap((part) => [...part.open()]);
    const first = open.flatMap(({ all }) => (all.rows === 0 ? [] : all.firstAnsweredMs));
    return Math.min(...first, this.options.traffic.readAtMs(this.name) - UNREAD_MS);
  }

  private part(partition: number): PartitionPart {
    let part = this.own.get(partition);
    if (part === undefined) {
      part = new PartitionPart(partition, this.partOptions);
      this.judge.brief(part);
      this.own.set(partition, part);
      this.partsChanged();
    }
    return part;
  }

  private remote(partition: number): RemotePart {
    const { name: project, createdAtMs, windowMs, terms } = this;
    return new RemotePart(partition, {
      ...{ project, createdAtMs, windowMs, terms, board: this.options.board, bucketMs: this.quality.bucketMs },
      referenceOf: this.partOptions.referenceOf,
      isOver: (startMs) => this.judge.isOver(startMs),
      nowMs: () => this.nowMs,
    });
  }

  /** In the order of event time. */
  private toldWindows(): JudgedWindowState[] {
    return [...this.options.board.judgedOf(this.name).values()]
      .flatMap((entry) => (this.isOfThis(entry) ? entry.window : []))
      .sort((a, b) => a.startMs - b.startMs);
  }

  private isOfThis(entry: JudgedEntry): boolean {
    return entry.createdAtMs === this.createdAtMs && this.isComparable(entry);
  }

  private isComparable({ windowMs, task }: { windowMs: number; task: string }): boolean {
    return windowMs === this.windowMs && task === this.terms.task.kind;
  }

  private referenceOf(version: number | 'all'): VersionReference | undefined {
    if (version === 'all') return undefined;
    return this.options.metadata.reference(this.name, version) ?? this.references.of(version);
  }
}
