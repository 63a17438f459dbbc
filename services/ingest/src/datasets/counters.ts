// Counters and watermarks that survive a restart exactly: they are stored together with the offset up to which messages
// were counted, and committed offsets never pass what is stored. After a crash the messages behind the stored offset
// come again and are counted then; those before it are not counted twice.

export interface ProjectCounters {
  /** Records on records.v1, repeated ids included. */
  records: number;
  labels: number;
  /** Records whose id was there already, beside those that the manifests of versions tell of. */
  duplicates: number;
  /** Of release 0.1.0: records whose version had closed; now the manifests tell of them. */
  late: number;
}

/** What is stored of a project's watermark. */
export interface KeptWatermark<State = unknown> {
  state(): State;
  restore(state: State, nowMs: number): void;
}

export interface CountersDocument {
  countedThrough: Record<string, number>;
  projects: Record<string, ProjectCounters>;
  /** When the counted project was created; not said by release 0.1.0. */
  createdAtMs?: Record<string, number>;
  /** How far the streams of each project have come in event time; not said by release 0.1.0. */
  watermarks?: Record<string, unknown>;
  /** When late labels were joined last, in processing time; not said by release 0.1.0. */
  refreshedAtMs?: Record<string, number>;
}

export class Counters {
  private readonly through = new Map<string, number>();
  private saved = new Map<string, number>();
  private readonly projects = new Map<string, ProjectCounters>();
  private readonly createdAtMs = new Map<string, number>();
  private readonly watermarks = new Map<string, KeptWatermark>();
  private readonly refreshed = new Map<string, number>();
  /** As they were stored, until their project is heard of. */
  private readonly stale = new Map<string, unknown>();
  private dirty = false;

  constructor(document: CountersDocument | null) {
    for (const [key, offset] of Object.entries(document?.countedThrough ?? {})) this.through.set(key, offset);
    for (const [project, counters] of Object.entries(document?.projects ?? {}))
      this.projects.set(project, { ...counters });
    for (const [project, atMs] of Object.entries(document?.createdAtMs ?? {})) this.createdAtMs.set(project, atMs);
    for (const [project, state] of Object.entries(document?.watermarks ?? {})) this.stale.set(project, state);
    for (const [project, atMs] of Object.entries(document?.refreshedAtMs ?? {})) this.refreshed.set(project, atMs);
    this.saved = new Map(this.through);
  }

  /** A project that is another than the one that was counted under this name begins at nothing. */
  begins(project: string, createdAtMs: number): void {
    if ((this.createdAtMs.get(project) ?? 0) === createdAtMs) return;
    this.projects.delete(project);
    this.stale.delete(project);
    this.refreshed.delete(project);
    this.createdAtMs.set(project, createdAtMs);
    this.dirty = true;
  }

  /** The project was deleted. */
  forget(project: string): void {
    this.projects.delete(project);
    this.stale.delete(project);
    this.watermarks.delete(project);
    this.refreshed.delete(project);
    this.createdAtMs.delete(project);
    this.dirty = true;
  }

  /** Puts a watermark where it was stored, and stores it from now on. */
  keep<State>(project: string, watermark: KeptWatermark<State>, nowMs: number): void {
    const state = this.stale.get(project);
    if (state !== undefined) watermark.restore(state as State, nowMs);
    this.stale.delete(project);
    this.watermarks.set(project, watermark as KeptWatermark);
  }

  /** When late labels of the project were joined last; now, where that was never. */
  refreshedAtMs(project: string, nowMs: number): number {
    const atMs = this.refreshed.get(project) ?? nowMs;
    if (!this.refreshed.has(project)) this.refreshes(project, nowMs);
    return atMs;
  }

  refreshes(project: string, nowMs: number): void {
    this.refreshed.set(project, nowMs);
    this.dirty = true;
  }

  /** True when the message was not counted before; it is from now on. */
  fresh(topic: string, partition: number, offset: number): boolean {
    const key = `${topic}/${partition}`;
    if (offset < (this.through.get(key) ?? 0)) return false;
    this.through.set(key, offset + 1);
    this.dirty = true;
    return true;
  }

  /** Where reading of a partition began: without a stored offset everything before counts as stored. */
  startAt(topic: string, partition: number, offset: number): void {
    const key = `${topic}/${partition}`;
    if (!this.saved.has(key)) this.saved.set(key, offset);
  }

  add(project: string, counter: keyof ProjectCounters, by = 1): void {
    let counters = this.projects.get(project);
    if (counters === undefined) {
      counters = { records: 0, labels: 0, duplicates: 0, late: 0 };
      this.projects.set(project, counters);
    }
    counters[counter] += by;
  }

  of(project: string): ProjectCounters {
    return this.projects.get(project) ?? { records: 0, labels: 0, duplicates: 0, late: 0 };
  }

  /** The next offset that may be committed as far as counting goes. */
  savedThrough(topic: string, partition: number): number {
    return this.saved.get(`${topic}/${partition}`) ?? 0;
  }

  /** What to store, or null when nothing changed; call `stored` with it once it is safe. */
  snapshot(): CountersDocument | null {
    if (!this.dirty) return null;
    this.dirty = false;
    const projects = [...this.projects].map(([project, counters]) => [project, { ...counters }]);
    return {
      countedThrough: Object.fromEntries(this.through),
      projects: Object.fromEntries(projects),
      createdAtMs: Object.fromEntries(this.createdAtMs),
      refreshedAtMs: Object.fromEntries(this.refreshed),
      watermarks: Object.fromEntries([
        ...this.stale,
        ...[...this.watermarks].map(([project, watermark]) => [project, watermark.state()] as const),
      ]),
    };
  }

  stored(document: CountersDocument): void {
    for (const [key, offset] of Object.entries(document.countedThrough)) this.saved.set(key, offset);
  }

  notStored(): void {
    this.dirty = true;
  }
}
