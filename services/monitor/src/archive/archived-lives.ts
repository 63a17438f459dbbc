// Which life of a project a message is archived for: of the project as it is applied or, where it was written before
// that or there is none any more, of the one that this process knew last. Whether anything is kept of a life that is
// over a legal hold says, and it is asked when files are written: the hold may be read after the deletion, and messages
// after both.

import { PROJECTS_MAX } from '@millrace/domain';
import type { ArchiveOf } from './archive-file.js';
import type { UpkeepRules } from './archive-upkeep.js';

export class ArchivedLives {
  private readonly current = new Map<string, ArchiveOf>();
  /** At most PROJECTS_MAX: of those that are over longest nothing more is expected. */
  private readonly over = new Map<string, ArchiveOf>();

  constructor(
    /** undefined: there is no project of this name. */
    private readonly life: (project: string) => ArchiveOf | undefined,
    /** undefined also where nothing of it is archived. */
    private readonly archived: (project: string) => ArchiveOf | undefined,
    private readonly holds: Pick<UpkeepRules, 'holdsKnown' | 'heldFromMs'>,
  ) {}

  /** It was read, also again. */
  applied(project: string): void {
    const before = this.current.get(project);
    if (before !== undefined && before.createdAtMs !== this.life(project)?.createdAtMs) this.removed(project);
    const life = this.archived(project);
    if (life !== undefined) this.current.set(project, life);
    else this.current.delete(project);
  }

  /** Its deletion was read. */
  removed(project: string): void {
    const life = this.current.get(project);
    if (life === undefined) return;
    this.current.delete(project);
    this.over.delete(project);
    this.over.set(project, life);
    if (this.over.size > PROJECTS_MAX) this.over.delete(this.over.keys().next().value as string);
  }

  /** Asked of every message; undefined: it is not archived. */
  of(project: string, writtenAtMs: number): ArchiveOf | undefined {
    const archived = this.archived(project);
    if (archived !== undefined && writtenAtMs >= archived.createdAtMs) return archived;
    if (writtenAtMs >= (this.life(project)?.createdAtMs ?? Number.POSITIVE_INFINITY)) return undefined;
    const over = this.over.get(project);
    return over !== undefined && writtenAtMs >= over.createdAtMs ? over : undefined;
  }

  /** Of what is about to be written. */
  async keeps({ project, createdAtMs }: ArchiveOf): Promise<boolean> {
    if (this.archived(project)?.createdAtMs === createdAtMs) return true;
    await this.holds.holdsKnown();
    return this.holds.heldFromMs(project) !== undefined;
  }
}
