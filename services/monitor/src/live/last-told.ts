// What another service tells of the projects that somebody looks at. Whoever looks gets what was told last and has
// it asked again; nobody looks, nobody asks. What was not heard for STALE_MS is not known.

/** As often as the router's counters are read: a dashboard that is 2 s old is live to a person. */
const ASK_EVERY_MS = 2_000;
/** Some missed answers; after it the page says that the service is silent. */
const STALE_MS = 10_000;
/** Questions on their way at a time, of all projects; the others have their turn at the next look. */
const ASKED_MAX = 8;

interface Told<T> {
  askedAtMs: number;
  toldAtMs: number;
  told: T | null;
}

export class LastTold<T> {
  private readonly byProject = new Map<string, Told<T>>();
  private asked = 0;

  /** `ask` rejects where nobody answers. */
  constructor(private readonly ask: (project: string) => Promise<T>) {}

  /** null: not told yet, or not for a while. `project`: one that the monitor watches, which bounds the map. */
  of(project: string, nowMs: number): T | null {
    const last = this.byProject.get(project) ?? { askedAtMs: Number.NEGATIVE_INFINITY, toldAtMs: 0, told: null };
    this.byProject.set(project, last);
    if (nowMs - last.askedAtMs >= ASK_EVERY_MS && this.asked < ASKED_MAX) {
      last.askedAtMs = nowMs;
      void this.refresh(project, last);
    }
    return nowMs - last.toldAtMs > STALE_MS ? null : last.told;
  }

  /** The next look asks: a person has just changed it. */
  askAgain(project: string): void {
    const last = this.byProject.get(project);
    if (last !== undefined) last.askedAtMs = Number.NEGATIVE_INFINITY;
  }

  forget(project: string): void {
    this.byProject.delete(project);
  }

  private async refresh(project: string, last: Told<T>): Promise<void> {
    const { askedAtMs } = last;
    this.asked += 1;
    try {
      last.told = await this.ask(project);
      last.toldAtMs = askedAtMs;
    } catch {
      // The service is away or knows no such project: what it said last becomes stale, which is what the page then
      // says.
    } finally {
      this.asked -= 1;
    }
  }
}
