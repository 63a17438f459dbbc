// Every change of live traffic, measured: when, from what to what, how long from acceptance until in force, and how
// many requests of the project failed from acceptance until one second after. The newest SWITCHES_MAX per project are
// kept.

import type { Switch } from '@millrace/routing';

export const SWITCHES_MAX = 256;
/** Failures are counted until so long after the switch was in force. */
const AFTERMATH_MS = 1_000;

interface Open {
  entry: Switch;
  project: string;
  failuresBefore: number;
  untilMs: number;
}

export class SwitchLog {
  private readonly byProject = new Map<string, Switch[]>();
  private open: Open[] = [];

  /** `failures` gives a project's failures since start. */
  constructor(private readonly failures: (project: string) => number) {}

  /** A switch came in force at `nowMs` (monotonic); `failuresBefore` was read at acceptance. */
  add(project: string, entry: Omit<Switch, 'failed'>, failuresBefore: number, nowMs: number): Switch {
    const kept: Switch = { ...entry, failed: this.failures(project) - failuresBefore };
    this.put(project, kept);
    this.open.push({ entry: kept, project, failuresBefore, untilMs: nowMs + AFTERMATH_MS });
    return kept;
  }

  /** Called often; freezes the failure count of switches whose aftermath is over. */
  tick(nowMs: number): void {
    if (this.open.length === 0) return;
    for (const open of this.open) open.entry.failed = this.failures(open.project) - open.failuresBefore;
    this.open = this.open.filter((open) => open.untilMs > nowMs);
  }

  list(project: string): readonly Switch[] {
    return this.byProject.get(project) ?? [];
  }

  /** The project is no more. */
  forget(project: string): void {
    this.byProject.delete(project);
    this.open = this.open.filter((open) => open.project !== project);
  }

  /** From a snapshot, before anything happened. */
  restore(project: string, entries: readonly Switch[]): void {
    for (const entry of entries) this.put(project, entry);
  }

  private put(project: string, entry: Switch): void {
    const entries = this.byProject.get(project) ?? [];
    entries.push(entry);
    if (entries.length > SWITCHES_MAX) entries.shift();
    this.byProject.set(project, entries);
  }
}
