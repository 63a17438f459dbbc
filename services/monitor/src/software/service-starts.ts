// Since when the other services run, as each says at /health/live: a later time than the one known is a restart. The
// first answer of a service is none. Pure; it knows replica 0 of each.

export const WATCHED = ['ingest', 'trainer', 'serving', 'router'] as const;
export type Watched = (typeof WATCHED)[number];

/** Several processes of serving answer at one port in turn, and start within this time of each other. */
const SAME_START_MS = 5_000;

export class ServiceStarts {
  private readonly startedAtMs = new Map<Watched, number>();

  constructor(private readonly restarted: (service: Watched, atMs: number) => void) {}

  heard(service: Watched, startedAtMs: number): void {
    const known = this.startedAtMs.get(service);
    if (known !== undefined && startedAtMs <= known) return;
    this.startedAtMs.set(service, startedAtMs);
    if (known !== undefined && startedAtMs > known + SAME_START_MS) this.restarted(service, startedAtMs);
  }
}
