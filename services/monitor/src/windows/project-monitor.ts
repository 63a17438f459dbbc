// Everything the monitor keeps of one project: a part a partition, and the judge over them. Messages go to the part of
// their partition one by one; `close` gives what is due. Synchronous and without clock, so that a batch is applied
// whole or not at all, and a checkpoint between two batches is consistent. Bound: `joinRowsMax` rows waiting for labels
// (quality of the oldest closed windows is judged early and they retire, then rows go unjoined; both are counted).

import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import type { Task } from '@millrace/domain';
import type { Project } from '@millrace/project';
import type { ProjectAlarms } from '../alarms/project-alarms.js';
import type { ProjectQuality } from '../quality/project-quality.js';
import type { TaskTerms } from '../quality/task-terms.js';
import type { ClosedWindow } from './closed-window.js';
import { type Counters, sumOf } from './counters.js';
import type { HistoryRecord } from './history.js';
import { OwnReferences } from './own-references.js';
import { PartitionPart, type PartOptions } from './partition-part.js';
import type { Backlog } from './positions.js';
import type { VersionReference } from './profile.js';
import { ProjectJudge, type Reached } from './project-judge.js';
import type { ProjectState } from './project-state.js';
import { RowCohorts, type SlicesOf } from './row-cohorts.js';
import type { ModelMetadata, TrafficRecord } from './sources.js';

/** Rows that were answered this long ago may not have been read when a checkpoint is made. */
const UNREAD_MS = 60_000;

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

export class ProjectMonitor {
  readonly references: OwnReferences;
  /** What was written before belongs to a deleted project of this name. */
  readonly createdAtMs: number;
  private readonly judge: ProjectJudge;
  /** By partition. */
  private readonly parts = new Map<number, PartitionPart>();
  private inOrder: readonly PartitionPart[] = [];
  private readonly windowMs: number;
  private readonly terms: TaskTerms;
  private readonly partOptions: PartOptions;
  private joinRows = 0;
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
    const shares = () => new Map(this.inOrder.map(({ partition, firstRows }) => [partition, firstRows]));
    const { idleMs, metadata, traffic, retainedWindows } = options;
    this.references = new OwnReferences(terms.task.scoreName, idleMs.predictions, monitoring.referenceRows, shares);
    const parts = () => this.inOrder;
    const { createdAtMs } = this;
    const common = { project, windowMs, terms, metadata };
    this.judge = new ProjectJudge({ ...common, createdAtMs, traffic, idleMs, retainedWindows, parts });
    this.partOptions = {
      ...common,
      rowCohorts: new RowCohorts(options.slicesOf),
      referenceOf: (version) => this.referenceOf(version),
      hasOwnReference: (version) => this.references.isComplete(version),
      room: {
        hasOne: (nowMs) => this.hasJoinRoom(nowMs),
        took: (rows) => {
          this.joinRows += rows;
        },
      },
    };
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
      this.inOrder.map(({ counters }) => counters),
      this.judge.counters,
    );
  }

  /** Takes a changed project file; false when its window length or task differs, which needs a new monitor. */
  adopt(project: Project): boolean {
    if (project.monitoring.windowMs !== this.windowMs || project.scope.task !== this.terms.task.kind) return false;
    this.project = project;
    this.alarms.needed = project.monitoring.consecutiveWindows;
    this.references.want(project.monitoring.referenceRows);
    for (const { firstRows } of this.inOrder) firstRows.want(project.monitoring.referenceRows);
    return true;
  }

  prediction(message: PredictionMessage, partition: number, nowMs: number): void {
    this.part(partition).prediction(message, nowMs);
  }

  /**
   * A label and its prediction meet in one partition where both name the entity, or neither does. Where one of them
   * does not, the row is looked for in the other parts.
   */
  label(message: LabelMessage, partition: number, nowMs: number): void {
    const own = this.part(partition);
    const id = own.label(message, nowMs);
    if (id === undefined) return;
    const { value, eventTimeMs } = message;
    const holds = (part: PartitionPart) => part.holds(id, eventTimeMs);
    const holder = holds(own) ? own : (this.inOrder.find(holds) ?? own);
    holder.join(id, value, eventTimeMs, nowMs);
  }

  reached(nowMs: number, backlog: Backlog): Reached {
    return this.judge.reached(nowMs, backlog);
  }

  dueAt(nowMs: number, backlog: Backlog): Reached | undefined {
    return this.judge.dueAt(nowMs, backlog);
  }

  /**
   * Judges and returns what the watermarks, up to `limit`, allow; retires what is older than the retained windows.
   */
  close(nowMs: number, backlog: Backlog, limit?: Reached): ClosedWindow[] {
    return this.judge.close(nowMs, backlog, limit);
  }

  /** Judgements since they were last taken, those that the bound on waiting rows brought about among them. */
  drainJudged(): ClosedWindow[] {
    return this.judge.drainSaid();
  }

  /** What must be appended to the history file before the next checkpoint. */
  drainHistory(): HistoryRecord[] {
    return this.judge.drainHistory();
  }

  /** Event time after which the oldest open window closes. */
  get closesAtMs(): number | undefined {
    const [oldest] = this.openWindows();
    return oldest && oldest.endMs + this.project.monitoring.allowedLatenessMs;
  }

  openWindows(): { startMs: number; endMs: number; predictions: number; labels: number }[] {
    return this.judge.openStarts().map((startMs) => {
      const shares = this.inOrder.flatMap((part) => part.share(startMs) ?? []);
      const sum = (of: 'predictions' | 'labels') => shares.reduce((total, share) => total + share[of], 0);
      return { startMs, endMs: startMs + this.windowMs, predictions: sum('predictions'), labels: sum('labels') };
    });
  }

  state(): ProjectState {
    return {
      project: this.name,
      createdAtMs: this.createdAtMs,
      windowMs: this.windowMs,
      task: this.terms.task.kind,
      judge: this.judge.state(),
      parts: this.inOrder.map((part) => part.state()),
      references: this.references.state(),
      traffic: this.options.traffic.state(this.name, this.answeredSinceMs()),
    };
  }

  /**
   * Into a fresh monitor. A saved state of another window length or task is not comparable: only its counters are
   * taken, and of the same task the references.
   */
  restore(state: ProjectState, nowMs: number): void {
    const isSameTask = state.task === this.terms.task.kind;
    const isComparable = isSameTask && state.windowMs === this.windowMs;
    if (isSameTask) this.references.restore(state.references);
    if (state.traffic !== undefined) this.options.traffic.restore(this.name, state.traffic);
    if (isComparable) this.judge.restore(state.judge, nowMs);
    else this.judge.restoreCounts(state.judge);
    for (const saved of state.parts) {
      const part = this.part(saved.partition);
      part.restoreCounts(saved);
      if (isSameTask) part.firstRows.restore(saved.firstRows);
      if (isComparable) part.restore(saved, nowMs);
    }
  }

  /** Takes back what the history file holds and the checkpoint does not; false for what the checkpoint holds too. */
  recall(record: HistoryRecord): boolean {
    return this.judge.recall(record);
  }

  /** Processing time since which the router's counts are still to be judged. */
  private answeredSinceMs(): number {
    const open = this.inOrder.flatMap((part) => [...part.open()]);
    const first = open.flatMap(({ all }) => (all.rows === 0 ? [] : all.firstAnsweredMs));
    return Math.min(...first, this.options.traffic.readAtMs(this.name) - UNREAD_MS);
  }

  private part(partition: number): PartitionPart {
    let part = this.parts.get(partition);
    if (part === undefined) {
      part = new PartitionPart(partition, this.partOptions);
      this.judge.brief(part);
      this.parts.set(partition, part);
      this.inOrder = [...this.parts.values()].sort((a, b) => a.partition - b.partition);
    }
    return part;
  }

  private referenceOf(version: number | 'all'): VersionReference | undefined {
    if (version === 'all') return undefined;
    return this.options.metadata.reference(this.name, version) ?? this.references.of(version);
  }

  private hasJoinRoom(nowMs: number): boolean {
    while (this.joinRows >= this.options.joinRowsMax) if (!this.judge.giveUpOldest(nowMs)) return false;
    return true;
  }
}
