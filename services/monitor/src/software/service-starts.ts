// Since when the other services run, as each says at /health/live: a later time than the one known is a restart. The
// first answer of a process is none. Pure.

export const WATCHED = ['ingest', 'trainer', 'serving', 'router'] as const;
export type Watched = (typeof WATCHED)[number];

/** Several processes of serving answer at one port in turn, and start within this time of each other. */
const SAME_START_MS = 5_000;

export class ServiceStarts {
  private readonly startedAtMs = new Map<string, number>();

  constructor(private readonly restarted: (service: Watched, atMs: number) => void) {}

  /** `process`: which of a service's, as whoever asks calls it. */
  heard(service: Watched, startedAtMs: number, process: string): void {
    const key = `${service} ${process}`;
    const known = this.startedAtMs.get(key);
    if (known !== undefined && startedAtMs <= known) return;
    this.startedAtMs.set(key, startedAtMs);
    if (known !== undefined && startedAtMs > known + SAME_START_MS) this.restarted(service, startedAtMs);
  }
}
