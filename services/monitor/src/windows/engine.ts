// All projects of this process: applies messages in the order of their partitions, judges windows of the projects whose
// judge it is, and follows on the board what other processes counted and judged. What it holds of a partition number is
// saved and restored as one piece together with the positions it stands for. That is what makes a message count once:
// after a crash the state of the number goes back to its checkpoint, here or in another process, the positions with it,
// and everything after is read again. Synchronous; no clock of its own.

import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import { PROJECTS_MAX, parseCohortKey } from '@millrace/domain';
import type { Project } from '@millrace/project';
import type { TaskTerms } from '../quality/task-terms.js';
import { Board, type JudgeEntry, type NumberEntry, type ReferenceEntry } from './board.js';
import { type ClosedWindow, withJudgement } from './closed-window.js';
import type { HistoryRecord, WindowRecord } from './history.js';
import { type NumberPieces, partPieces } from './number-pieces.js';
import type { NumberState, PartOfProject } from './number-state.js';
import { Positions, STREAMS, type Stream } from './positions.js';
import type { Reached, Recounted } from './project-judge.js';
import { ProjectMonitor } from './project-monitor.js';
import type { SlicesOf } from './row-cohorts.js';
import { revivedWindow } from './saved-row.js';
import type { ModelMetadata, TrafficRecord } from './sources.js';

export interface EngineOptions {
  /** The project as it is applied now; undefined where nobody applied it. */
  project(name: string): Project | undefined;
  metadata: ModelMetadata;
  traffic: TrafficRecord;
  idleMs: { predictions: number; labels: number };
  /** Of a project and partition. */
  joinRowsMax: number;
  retainedWindows: number;
  windowsKept: number;
  terms(task: string): TaskTerms;
  slicesOf?: SlicesOf | undefined;
  /** Whether this process judges the project. */
  judges(project: string): boolean;
}

/** By project: how far event time had come when something was due. */
export type Due = ReadonlyMap<string, Reached>;

/** Of a project, that wait to be judged: reading waits for them, so that few are open however slow the telling is. */
const READ_AHEAD_WINDOWS = 8;

const NOTHING: Reached = { rowsMs: Number.NEGATIVE_INFINITY, labelsMs: Number.NEGATIVE_INFINITY };

export interface ClosedOfProject {
  project: string;
  window: ClosedWindow;
}

export class Engine {
  readonly positions = new Positions();
  readonly board = new Board();
  /** Messages of projects that nobody applied, or that are deleted. */
  unknownProject = 0;
  /** Judgements to publish, oldest first; whoever has published takes them off. */
  readonly outbox: ClosedOfProject[] = [];
  /** Messages that came again and were already in the state. */
  replayed = 0;
  private readonly monitors = new Map<string, ProjectMonitor>();
  /** Parts of numbers that are held, of projects that are not open yet. */
  private readonly saved = new Map<string, PartOfProject[]>();
  /** What the board said of projects that are not open yet. */
  private readonly recalled = new Map<string, HistoryRecord[]>();
  private readonly references = new Map<string, ReferenceEntry[]>();
  private readonly closed = new Map<string, WindowRecord[]>();
  private readonly history: HistoryRecord[] = [];
  private readonly gone: WindowRecord[] = [];
  private last: ProjectMonitor | undefined;

  constructor(private readonly options: EngineOptions) {}

  /** False when the state already holds the message. `atMs`: when it was written. */
  applyPrediction(message: PredictionMessage, partition: number, offset: number, nowMs: number, atMs = nowMs): boolean {
    if (!this.isNew('predictions', partition, offset)) return false;
    const monitor = this.monitorOf(message.project, nowMs, atMs);
    this.positions.applied('predictions', partition, offset);
    if (monitor === undefined) this.unknownProject += 1;
    else monitor.prediction(message, partition, offset, nowMs);
    return true;
  }

  /** False when the state already holds the message. `atMs`: when it was written. */
  applyLabel(message: LabelMessage, partition: number, offset: number, nowMs: number, atMs = nowMs): boolean {
    if (!this.isNew('labels', partition, offset)) return false;
    const monitor = this.monitorOf(message.project, nowMs, atMs);
    this.positions.applied('labels', partition, offset);
    if (monitor === undefined) this.unknownProject += 1;
    else monitor.label(message, partition, offset, nowMs);
    return true;
  }

  /** A message that cannot be applied (dead letter): only the position moves on. */
  skip(stream: Stream, partition: number, offset: number): void {
    if (this.isNew(stream, partition, offset)) this.positions.applied(stream, partition, offset);
  }

  /**
   * What would close or become complete as far as the ends of the partitions are known; undefined where nothing would.
   * They are known from messages that were read, and nothing was read of a partition that is fetched a moment later:
   * whoever asks for the ends now, and then closes what is due still, misses nothing that was written before.
   */
  due(nowMs: number): Due | undefined {
    const due = new Map<string, Reached>();
    for (const monitor of this.judged()) {
      const reached = monitor.dueAt(nowMs, this.positions);
      if (reached !== undefined) due.set(monitor.name, reached);
      else if (monitor.references.isDue(nowMs, this.positions)) due.set(monitor.name, NOTHING);
    }
    return due.size === 0 ? undefined : due;
  }

  /** What was read is too far ahead of what is judged. */
  isBehind(nowMs: number): boolean {
    return this.judged().some((monitor) => monitor.closingAt(nowMs, this.positions, READ_AHEAD_WINDOWS));
  }

  /** Whether a reference of first rows became complete: it is published before it judges. */
  settleReferences(nowMs: number): boolean {
    let complete = 0;
    for (const monitor of this.judged()) complete += monitor.references.settle(nowMs, this.positions);
    return complete > 0;
  }

  /** Judges every window that is due; of `due`, where it is given, nothing that became due since. */
  close(nowMs: number, due?: Due): ClosedOfProject[] {
    const all: ClosedOfProject[] = [];
    for (const monitor of this.judged()) {
      if (due !== undefined && !due.has(monitor.name)) continue;
      const windows = monitor.close(nowMs, this.positions, due?.get(monitor.name));
      all.push(...this.take(monitor, windows));
    }
    return all;
  }

  /** A window of a project that this process judges, counted anew; undefined: there is no more than was judged. */
  recount(monitor: ProjectMonitor, before: WindowRecord, counted: Recounted | undefined, nowMs: number): void {
    if (this.monitors.get(monitor.name) !== monitor || !this.options.judges(monitor.name)) return;
    this.take(monitor, monitor.recount(before, counted, nowMs));
  }

  /** Nothing is kept of the window: it cannot be judged again. */
  passOver(monitor: ProjectMonitor, startMs: number): void {
    if (this.monitors.get(monitor.name) !== monitor || !this.options.judges(monitor.name)) return;
    monitor.passOver(startMs);
  }

  /** What is kept of a closed window. */
  window(name: string, startMs: number): WindowRecord | undefined {
    return this.closed.get(name)?.find((record) => record.startMs === startMs);
  }

  /** The project's monitor; opened (with what was saved of it and is told of it) when the project is applied. */
  monitor(name: string, nowMs: number): ProjectMonitor | undefined {
    if (this.last?.name === name) return this.last;
    let monitor = this.monitors.get(name);
    if (monitor === undefined) {
      const project = this.options.project(name);
      if (project === undefined || this.monitors.size >= PROJECTS_MAX) return undefined;
      monitor = this.open(project, nowMs);
    }
    this.last = monitor;
    return monitor;
  }

  /** The project was deleted: nothing of it is left, in the next checkpoint too. */
  projectRemoved(name: string): void {
    for (const kept of [this.monitors, this.saved, this.recalled, this.references, this.closed]) kept.delete(name);
    const others = <T extends { project: string }>(list: T[]) => {
      list.push(...list.splice(0).filter(({ project }) => project !== name));
    };
    others(this.history);
    others(this.gone);
    others(this.outbox);
    this.last = undefined;
  }

  /**
   * The project file changed: new thresholds hold from the next window on; another window length starts afresh, and
   * another project of the name knows nothing of the one before.
   */
  projectChanged(project: Project, nowMs: number): void {
    const monitor = this.monitors.get(project.name);
    if (monitor !== undefined && monitor.createdAtMs !== this.options.metadata.createdAtMs(project.name)) {
      this.projectRemoved(project.name);
      return;
    }
    if (monitor === undefined || monitor.adopt(project)) return;
    const parts = [...monitor.ownParts()].map((part) => ({ ...monitor.of, project: project.name, part: part.state() }));
    const references = monitor.references.state().map((reference) => ({ ...monitor.of, reference }));
    const judge = monitor.judgeEntry();
    this.saved.set(project.name, parts);
    this.references.set(project.name, references);
    this.monitors.delete(project.name);
    this.last = undefined;
    this.open(project, nowMs, judge);
  }

  all(): ProjectMonitor[] {
    return [...this.monitors.values()];
  }

  /** Of the projects that this process judges. */
  judged(): ProjectMonitor[] {
    return this.all().filter(({ name }) => this.options.judges(name));
  }

  names(): string[] {
    return [...this.monitors.keys()].sort();
  }

  /** Closed windows that start before, newest first. */
  *windowsBefore(name: string, beforeMs = Number.POSITIVE_INFINITY): Iterable<WindowRecord> {
    const records = this.closed.get(name) ?? [];
    for (let at = records.length - 1; at >= 0; at--) {
      const record = records[at] as WindowRecord;
      if (record.startMs < beforeMs) yield record;
    }
  }

  /** Finished windows, with every judgement anew, and quality of those that are over, since they were last taken. */
  drainHistory(): HistoryRecord[] {
    return [...this.history.splice(0), ...[...this.monitors.values()].flatMap((monitor) => monitor.drainHistory())];
  }

  /** Grows with what judges decide, whoever they are: parts know it. */
  get judgeChanges(): number {
    return this.all().reduce((sum, monitor) => sum + monitor.judgeChanges, 0);
  }

  /** Windows that are no longer kept, since they were last taken. */
  drainGone(): WindowRecord[] {
    return this.gone.splice(0);
  }

  /** Windows that are closed or over where the number is read to are so in its parts. */
  settleParts(partition: number): void {
    const [predictions, labels] = STREAMS.map((stream) => this.positions.next(stream, partition)) as [number, number];
    for (const monitor of this.all()) monitor.ownPart(partition)?.applied(predictions, labels);
  }

  /** To be called when what `numberPieces` gives at this moment is where a successor finds it. */
  savedOf(partition: number): () => void {
    this.settleParts(partition);
    const over = this.all().flatMap((monitor) => {
      const part = monitor.ownPart(partition);
      return part === undefined ? [] : [[part, part.overThroughMs] as const];
    });
    return () => {
      for (const [part, overThroughMs] of over) part.saved(overThroughMs);
    };
  }

  /** Everything of a partition number, to be saved, of this moment. */
  numberPieces(partition: number): NumberPieces {
    this.settleParts(partition);
    const parts = this.all().flatMap((monitor) => {
      const part = monitor.ownPart(partition);
      return part === undefined ? [] : partPieces({ ...monitor.of, project: monitor.name }, part);
    });
    const unopened = [...this.saved.values()].flat().filter(({ part }) => part.partition === partition);
    return { partition, positions: this.positions.of(partition), parts, unopened };
  }

  /**
   * The number is this process's from here on, as it was saved; undefined: from the beginning. All projects are known.
   * What is of a deleted project is left out; the others open when they are asked for.
   */
  hold(partition: number, state: NumberState | undefined, nowMs: number): void {
    this.positions.hold(partition, state?.positions);
    for (const monitor of this.monitors.values()) monitor.partsChanged();
    for (const saved of state?.parts ?? []) {
      if (!this.isCurrent(saved)) continue;
      const monitor = this.monitors.get(saved.project);
      if (monitor === undefined) this.saved.set(saved.project, [...(this.saved.get(saved.project) ?? []), saved]);
      else monitor.takePart(saved, nowMs);
    }
  }

  /** The number is another process's from here on. */
  release(partition: number): void {
    const told = this.board.number(partition);
    if (told === undefined) this.positions.forget(partition);
    else this.follow(partition, told);
    for (const monitor of this.monitors.values()) monitor.releasePart(partition);
    for (const [project, parts] of this.saved) {
      const rest = parts.filter(({ part }) => part.partition !== partition);
      this.saved.set(project, rest);
    }
  }

  /** An entry of the board, also one that this process wrote. */
  told(key: string, value: unknown, nowMs: number): void {
    const parsed = this.board.put(key, value);
    if (parsed === undefined) return;
    if (parsed.kind === 'number') {
      if (value !== null && !this.positions.isHeld(parsed.partition))
        this.follow(parsed.partition, value as NumberEntry);
      return;
    }
    if (parsed.kind === 'checkpoint') return;
    // Its judge may be here, where nothing of it ever comes.
    const isCounted = parsed.kind === 'part' && value !== null;
    const monitor = isCounted ? this.monitor(parsed.project, nowMs) : this.monitors.get(parsed.project);
    if (parsed.kind === 'part') monitor?.partsChanged();
    if (value === null) return;
    if (parsed.kind === 'judge' && !this.options.judges(parsed.project)) monitor?.follow(value as JudgeEntry);
    if (parsed.kind === 'reference') this.toldReference(parsed.project, value as ReferenceEntry, monitor);
    if (parsed.kind === 'window' || parsed.kind === 'quality') this.toldHistory(value as HistoryRecord, monitor);
  }

  /**
   * Whose judge this process is has changed: what was decided and not published is not so, and what is published holds.
   */
  followAgain(): void {
    this.outbox.length = 0;
    for (const monitor of this.all()) monitor.followAgain(this.board.judge(monitor.name));
  }

  /** Versions whose references the parts of a number need before they are opened. */
  versionsOf({ parts }: NumberState): { project: string; version: number }[] {
    return parts
      .filter((saved) => this.isCurrent(saved))
      .flatMap(({ project, part }) => {
        const profiles = part.windows.flatMap((window) => window.profiles);
        const versions = profiles.map(({ cohort }) => parseCohortKey(cohort)?.version);
        return [...new Set(versions)].flatMap((version) => (typeof version === 'number' ? { project, version } : []));
      });
  }

  private toldReference(project: string, entry: ReferenceEntry, monitor: ProjectMonitor | undefined): void {
    if (monitor !== undefined) monitor.toldReference(entry);
    else this.references.set(project, [...(this.references.get(project) ?? []), entry]);
  }

  private toldHistory(record: HistoryRecord, monitor: ProjectMonitor | undefined): void {
    if (monitor === undefined)
      this.recalled.set(record.project, [...(this.recalled.get(record.project) ?? []), record]);
    else if (!this.options.judges(record.project)) this.recall(record, monitor);
  }

  private recall(record: HistoryRecord, monitor: ProjectMonitor): void {
    if (record.createdAtMs !== monitor.createdAtMs) return;
    if (record.kind === 'window') this.keep(revivedWindow<WindowRecord>(record));
    else monitor.recall(record);
  }

  private follow(partition: number, { next, logs }: NumberEntry): void {
    this.positions.follow(partition, next, logs);
  }

  /** undefined for what was written before the project was created, too. */
  private monitorOf(name: string, nowMs: number, atMs: number): ProjectMonitor | undefined {
    const monitor = this.monitor(name, nowMs);
    return monitor === undefined || atMs < monitor.createdAtMs ? undefined : monitor;
  }

  private isCurrent({ project, createdAtMs }: { project: string; createdAtMs: number }): boolean {
    return this.options.metadata.createdAtMs(project) === createdAtMs;
  }

  private open(project: Project, nowMs: number, judge = this.board.judge(project.name)): ProjectMonitor {
    const { windowsKept, judges, ...options } = this.options;
    const isHeld = (partition: number) => this.positions.isHeld(partition);
    const { positions } = this;
    const monitor = new ProjectMonitor({ ...options, board: this.board, isHeld, positions, project });
    const { name } = project;
    for (const entry of this.references.get(name) ?? []) monitor.toldReference(entry);
    if (judge !== undefined) {
      monitor.restoreTraffic(judge);
      monitor.follow(judge);
    }
    for (const saved of this.saved.get(name) ?? []) monitor.takePart(saved, nowMs);
    for (const record of this.recalled.get(name) ?? []) this.recall(record, monitor);
    for (const kept of [this.references, this.saved, this.recalled]) kept.delete(name);
    this.monitors.set(name, monitor);
    return monitor;
  }

  /** To publish and to keep: a judgement of quality with the ones of its window before. */
  private take({ name: project, createdAtMs }: ProjectMonitor, windows: readonly ClosedWindow[]): ClosedOfProject[] {
    return windows.map((window) => {
      const closed = { project, window };
      this.outbox.push(closed);
      const record = this.record({ kind: 'window', project, createdAtMs, ...window });
      if (record !== undefined) this.history.push(record);
      return closed;
    });
  }

  /** undefined: the window is no longer kept. */
  private record(judged: WindowRecord): WindowRecord | undefined {
    if (judged.revision === 0) {
      this.keep(judged);
      return judged;
    }
    const before = (this.closed.get(judged.project) ?? []).find(({ startMs }) => startMs === judged.startMs);
    if (before === undefined) return undefined;
    const record = withJudgement(before, judged);
    this.keep(record);
    return record;
  }

  /** In the order of event time; the newest of a window is kept. */
  private keep(record: WindowRecord): void {
    const records = this.closed.get(record.project) ?? [];
    const at = records.findLastIndex(({ startMs }) => startMs <= record.startMs);
    if (records[at]?.startMs === record.startMs) records[at] = record;
    else records.splice(at + 1, 0, record);
    this.closed.set(record.project, records);
    if (records.length > this.options.windowsKept) this.gone.push(...records.splice(0, 1));
  }

  /** A project opens before its message is applied: what was saved of it is of the position before. */
  private isNew(stream: Stream, partition: number, offset: number): boolean {
    const isNew = this.positions.isNew(stream, partition, offset);
    if (!isNew) this.replayed += 1;
    return isNew;
  }
}
