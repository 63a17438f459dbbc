// All projects of this process: applies messages in the order of their partitions, closes windows, and is saved and
// restored as one piece together with the positions it stands for. That is what makes a message count once: after a
// crash the state goes back to the checkpoint, the positions with it, and everything after is read again. Synchronous;
// no clock of its own.

import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import { PROJECTS_MAX, parseCohortKey } from '@millrace/domain';
import type { Project } from '@millrace/project';
import type { TaskTerms } from '../quality/task-terms.js';
import { type ClosedWindow, withJudgement } from './closed-window.js';
import type { HistoryRecord, WindowRecord } from './history.js';
import { type PositionState, Positions } from './positions.js';
import type { Reached } from './project-judge.js';
import { ProjectMonitor } from './project-monitor.js';
import type { ProjectState } from './project-state.js';
import type { SlicesOf } from './row-cohorts.js';
import { revivedWindow } from './saved-row.js';
import type { ModelMetadata, TrafficRecord } from './sources.js';

export interface EngineOptions {
  /** The project as it is applied now; undefined where nobody applied it. */
  project(name: string): Project | undefined;
  metadata: ModelMetadata;
  traffic: TrafficRecord;
  idleMs: { predictions: number; labels: number };
  joinRowsMax: number;
  retainedWindows: number;
  windowsKept: number;
  terms(task: string): TaskTerms;
  slicesOf?: SlicesOf | undefined;
}

/** 1: of release 0.1.0, by model version; 2: of a project's partitions together. */
export const STATE_FORMAT = 3;

export interface EngineState {
  format: typeof STATE_FORMAT;
  positions: PositionState[];
  projects: ProjectState[];
  /** Closed windows that are not known to be published. */
  outbox: ClosedOfProject[];
}

/** By project: how far event time had come when something was due. */
export type Due = ReadonlyMap<string, Reached>;

const NOTHING: Reached = { rowsMs: Number.NEGATIVE_INFINITY, labelsMs: Number.NEGATIVE_INFINITY };

export interface ClosedOfProject {
  project: string;
  window: ClosedWindow;
}

export class Engine {
  readonly positions = new Positions();
  /** Messages of projects that nobody applied, or that are deleted. */
  unknownProject = 0;
  /** Closed windows to publish, oldest first; whoever has published takes them off the front. */
  readonly outbox: ClosedOfProject[] = [];
  /** Messages that came again and were already in the state. */
  replayed = 0;
  private readonly monitors = new Map<string, ProjectMonitor>();
  private readonly saved = new Map<string, ProjectState>();
  private readonly recalled = new Map<string, HistoryRecord[]>();
  private readonly closed = new Map<string, WindowRecord[]>();
  private readonly history: HistoryRecord[] = [];
  private last: ProjectMonitor | undefined;

  constructor(private readonly options: EngineOptions) {}

  /** False when the state already holds the message. `atMs`: when it was written. */
  applyPrediction(message: PredictionMessage, partition: number, offset: number, nowMs: number, atMs = nowMs): boolean {
    if (!this.advance('predictions', partition, offset)) return false;
    const monitor = this.monitorOf(message.project, nowMs, atMs);
    if (monitor === undefined) this.unknownProject += 1;
    else {
      monitor.prediction(message, partition, nowMs);
      this.take(monitor, monitor.drainJudged());
    }
    return true;
  }

  /** False when the state already holds the message. `atMs`: when it was written. */
  applyLabel(message: LabelMessage, partition: number, offset: number, nowMs: number, atMs = nowMs): boolean {
    if (!this.advance('labels', partition, offset)) return false;
    const monitor = this.monitorOf(message.project, nowMs, atMs);
    if (monitor === undefined) this.unknownProject += 1;
    else {
      monitor.label(message, partition, nowMs);
      this.take(monitor, monitor.drainJudged());
    }
    return true;
  }

  /** A message that cannot be applied (dead letter): only the position moves on. */
  skip(stream: 'predictions' | 'labels', partition: number, offset: number): void {
    this.advance(stream, partition, offset);
  }

  /**
   * What would close or become complete as far as the ends of the partitions are known; undefined where nothing would.
   * They are known from messages that were read, and nothing was read of a partition that is fetched a moment later:
   * whoever asks for the ends now, and then closes what is due still, misses nothing that was written before.
   */
  due(nowMs: number): Due | undefined {
    const due = new Map<string, Reached>();
    for (const monitor of this.monitors.values()) {
      const reached = monitor.dueAt(nowMs, this.positions);
      if (reached !== undefined) due.set(monitor.name, reached);
      else if (monitor.references.isDue(nowMs, this.positions)) due.set(monitor.name, NOTHING);
    }
    return due.size === 0 ? undefined : due;
  }

  /** Whether a reference of first rows became complete: a checkpoint is due before it judges. */
  settleReferences(nowMs: number): boolean {
    let complete = 0;
    for (const monitor of this.monitors.values()) complete += monitor.references.settle(nowMs, this.positions);
    return complete > 0;
  }

  /** Judges every window that is due; of `due`, where it is given, nothing that became due since. */
  close(nowMs: number, due?: Due): ClosedOfProject[] {
    const all: ClosedOfProject[] = [];
    for (const monitor of this.monitors.values()) {
      if (due !== undefined && !due.has(monitor.name)) continue;
      const windows = monitor.close(nowMs, this.positions, due?.get(monitor.name));
      all.push(...this.take(monitor, windows));
    }
    return all;
  }

  /** The project's monitor; opened (and restored, where it was saved) when the project is applied. */
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
    for (const kept of [this.monitors, this.saved, this.recalled, this.closed]) kept.delete(name);
    const rest = this.history.splice(0).filter(({ project }) => project !== name);
    this.history.push(...rest);
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
    this.saved.set(project.name, monitor.state());
    this.monitors.delete(project.name);
    this.last = undefined;
    this.open(project, nowMs);
  }

  all(): ProjectMonitor[] {
    return [...this.monitors.values()];
  }

  names(): string[] {
    return [...this.monitors.keys()].sort();
  }

  /** Closed windows, newest first. */
  windows(name: string, limit: number): WindowRecord[] {
    return (this.closed.get(name) ?? []).slice(-limit).reverse();
  }

  drainHistory(): HistoryRecord[] {
    return [...this.history.splice(0), ...[...this.monitors.values()].flatMap((monitor) => monitor.drainHistory())];
  }

  state(): EngineState {
    const open = [...this.monitors.values()].map((monitor) => monitor.state());
    // Projects that were saved and not yet asked for keep their place.
    const waiting = [...this.saved.values()].filter((state) => !this.monitors.has(state.project));
    return {
      format: STATE_FORMAT,
      positions: this.positions.state(),
      projects: [...open, ...waiting],
      outbox: [...this.outbox],
    };
  }

  /**
   * Into a fresh engine, before any message, when all projects are known. What is of a deleted project is left out; the
   * others open when they are asked for.
   */
  restore(state: EngineState, history: readonly HistoryRecord[]): void {
    this.positions.restore(state.positions);
    this.outbox.push(
      ...state.outbox.map((closed) => ({ ...closed, window: revivedWindow<ClosedWindow>(closed.window) })),
    );
    for (const project of state.projects) if (this.isCurrent(project)) this.saved.set(project.project, project);
    for (const record of history) {
      if (!this.isCurrent(record)) continue;
      const records = this.recalled.get(record.project) ?? [];
      records.push(record.kind === 'window' ? revivedWindow<WindowRecord>(record) : record);
      this.recalled.set(record.project, records);
    }
  }

  /** Versions whose references a saved project needs before it is opened. */
  savedVersions(): { project: string; version: number }[] {
    return [...this.saved.values()].flatMap((state) => {
      const profiles = state.parts.flatMap(({ windows }) => windows.flatMap((window) => window.profiles));
      const versions = profiles.map(({ cohort }) => parseCohortKey(cohort)?.version);
      return [...new Set(versions)].flatMap((version) =>
        typeof version === 'number' ? { project: state.project, version } : [],
      );
    });
  }

  /** undefined for what was written before the project was created, too. */
  private monitorOf(name: string, nowMs: number, atMs: number): ProjectMonitor | undefined {
    const monitor = this.monitor(name, nowMs);
    return monitor === undefined || atMs < monitor.createdAtMs ? undefined : monitor;
  }

  /** A record of history of release 0.1.0 does not say of which project of this name it is. */
  private isCurrent({ project, createdAtMs = 0 }: Pick<HistoryRecord, 'project' | 'createdAtMs'>): boolean {
    return this.options.metadata.createdAtMs(project) === createdAtMs;
  }

  private open(project: Project, nowMs: number): ProjectMonitor {
    const { windowsKept, ...options } = this.options;
    const monitor = new ProjectMonitor({ ...options, project });
    const saved = this.saved.get(project.name);
    if (saved !== undefined) {
      monitor.restore(saved, nowMs);
      this.saved.delete(project.name);
      const records = this.recalled.get(project.name) ?? [];
      this.recalled.delete(project.name);
      for (const record of records) if (monitor.recall(record) && record.kind === 'window') this.keep(record);
    }
    this.monitors.set(project.name, monitor);
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
    const records = this.closed.get(judged.project) ?? [];
    const at = records.findLastIndex(({ startMs }) => startMs === judged.startMs);
    if (at < 0) return undefined;
    const record = withJudgement(records[at] as WindowRecord, judged);
    records[at] = record;
    return record;
  }

  private keep(record: WindowRecord): void {
    const records = this.closed.get(record.project) ?? [];
    records.push(record);
    if (records.length > this.options.windowsKept) records.shift();
    this.closed.set(record.project, records);
  }

  private advance(stream: 'predictions' | 'labels', partition: number, offset: number): boolean {
    if (!this.positions.isNew(stream, partition, offset)) {
      this.replayed += 1;
      return false;
    }
    this.positions.applied(stream, partition, offset);
    return true;
  }
}
