// Which revision of a project file a training is meant for, against the one that is known here. Projects come over
// Kafka: who asks right after `apply` may be ahead of this process, so an expected revision is waited for, in bounded
// time; another one is a conflict. Without an expected one whatever is current counts.

import { PlatformError } from '@millrace/domain';

/** Calls `work` after `delayMs`, unless the way back is taken before. */
export type After = (delayMs: number, work: () => void) => () => void;

/** A revision is here within milliseconds; callers wait 30 s for an answer (the CLI), so that this one reaches them. */
const WAIT_MS_MAX = 10_000;
/** Calls that wait at once; more are refused. */
const WAITING_MAX = 64;

interface Waiting {
  project: string;
  revision: number;
  end: () => void;
}

export class ProjectRevisions {
  private readonly waiting = new Set<Waiting>();

  /** `current`: the revision that is known here, 0 = there is no such project. */
  constructor(
    private readonly current: (project: string) => number,
    private readonly after: After,
  ) {}

  /** 0 where there is no such project. */
  of(project: string): number {
    return this.current(project);
  }

  /** What is known of the project has changed. */
  told(project: string): void {
    for (const one of this.waiting) if (one.project === project && this.current(project) === one.revision) one.end();
  }

  /** @throws PlatformError 'conflict' where the project is not known at that revision in time */
  async reach(project: string, revision: number): Promise<void> {
    if (this.current(project) === revision) return;
    if (this.waiting.size >= WAITING_MAX)
      throw new PlatformError('overloaded', `${WAITING_MAX} calls wait for a revision of their project already`);
    await new Promise<void>((resolve) => {
      const cancel = this.after(WAIT_MS_MAX, () => one.end());
      const one: Waiting = {
        project,
        revision,
        end: () => {
          cancel();
          this.waiting.delete(one);
          resolve();
        },
      };
      this.waiting.add(one);
    });
    this.refuseOther(project, revision, ` after ${WAIT_MS_MAX / 1_000} s`);
  }

  /** @throws PlatformError 'conflict' where it is another one. Not to be retried: the revision does not come back. */
  refuseOther(project: string, revision: number, when = ' by now'): void {
    const known = this.current(project);
    if (known === revision) return;
    const is = known === 0 ? `is not known to the trainer${when}` : `is at revision ${known} in the trainer${when}`;
    const why =
      known > revision
        ? 'it was applied anew since; ask again for the revision that is meant'
        : 'the project file reaches it over Kafka; see `millrace status`, then ask again';
    throw new PlatformError('conflict', `project "${project}" ${is}, revision ${revision} was asked for: ${why}`, {
      retry: 'never',
      facts: { project, revision: known, expectedRevision: revision },
    });
  }
}
