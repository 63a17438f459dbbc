// Legal holds as far as they are about the archive: one on a project keeps all of it, also of lives of the name that
// are over; one on a model version what was written since that version was made, for nothing of it is older. One on a
// dataset version is about training data, of which nothing is here. Pure; filled from progress.v1, where ingest keeps
// holds (archive-holds.kafka.ts).

import type { HoldProgress } from '@millrace/contracts';

export class ArchiveHolds {
  /** Of projects and models; also those that were taken off, by id. */
  private readonly holds = new Map<string, HoldProgress>();

  constructor(
    /** When the version was made; undefined: it is not known. */
    private readonly madeAtMs: (project: string, version: number) => number | undefined,
  ) {}

  put(hold: HoldProgress): void {
    if (hold.dataset === '') this.holds.set(hold.id, hold);
  }

  /** What was written since this time stays; undefined: nothing is held. */
  heldFromMs(project: string): number | undefined {
    const froms = this.inForce(project).map(({ model }) =>
      model > 0 ? (this.madeAtMs(project, model) ?? Number.NEGATIVE_INFINITY) : Number.NEGATIVE_INFINITY,
    );
    return froms.length === 0 ? undefined : Math.min(...froms);
  }

  /** For people; null: nothing is held. */
  reasonOf(project: string): string | null {
    const reasons = this.inForce(project).map(({ id, reason }) => `hold ${id}: ${reason}`);
    return reasons.length === 0 ? null : reasons.join('; ');
  }

  private inForce(project: string): HoldProgress[] {
    return [...this.holds.values()].filter((hold) => hold.project === project && hold.removedAtMs === 0);
  }
}
