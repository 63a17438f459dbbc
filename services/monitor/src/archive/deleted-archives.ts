// Archives of projects that are deleted, and of earlier ones of a name: they go with their project. Looked for once
// after the start, where a project may have been deleted meanwhile, and whenever one is. Only what projects.v1 says is
// gone goes: a project that it does not know may be of another installation, or of a Kafka that lost its volume. What a
// legal hold names stays until it is taken off; what another installation has written in the same store is its own.
// Pure but for awaiting its ports.

import type { HoldProgress } from '@millrace/contracts';
import { type Clock, PlatformError } from '@millrace/domain';
import { ARCHIVE_FOLDER, type ArchiveOf, type ArchiveOwner, OWNER_FILE } from './archive-file.js';
import type { UpkeepRules } from './archive-upkeep.js';

export interface ArchiveFolders {
  list(path: string): Promise<string[]>;
  remove(path: string): Promise<void>;
  read(path: string): Promise<Buffer>;
}

export class DeletedArchives {
  private isDue = true;
  /** By project whose deletion was read: its lives up to then are over. */
  private readonly goneThroughMs = new Map<string, number>();

  constructor(
    private readonly folders: ArchiveFolders,
    private readonly life: (project: string) => ArchiveOf | undefined,
    private readonly judges: (project: string) => boolean,
    private readonly holds: Pick<UpkeepRules, 'holdsKnown' | 'heldFromMs'>,
    private readonly installation: () => string,
    private readonly clock: Pick<Clock, 'nowMs'>,
  ) {}

  /** Which projects this process judges has changed: what others were to take away may be left to it. */
  assigned(): void {
    this.isDue = true;
  }

  /** Its deletion was read. */
  removed(project: string): void {
    this.goneThroughMs.set(project, this.clock.nowMs());
    this.isDue = true;
  }

  /**
   * A hold was made or taken off, or read after the start. It is of a project of this installation: where there is none
   * of the name any more, what it held goes.
   */
  holdChanged({ project, removedAtMs }: HoldProgress): void {
    if (removedAtMs === 0) return;
    this.goneThroughMs.set(project, Math.max(removedAtMs, this.goneThroughMs.get(project) ?? 0));
    this.isDue = true;
  }

  async sweep(): Promise<void> {
    if (!this.isDue) return;
    this.isDue = false;
    try {
      const folders = new Set<string>();
      for (const path of await this.folders.list(ARCHIVE_FOLDER)) folders.add(path.split('/').slice(0, 2).join('/'));
      for (const folder of folders) {
        const [project = '', createdAtMs] = folder.split('/');
        if (!this.judges(project) || !this.isOver(project, Number(createdAtMs))) continue;
        if (!(await this.isOwn(`${ARCHIVE_FOLDER}/${folder}`))) continue;
        await this.holds.holdsKnown();
        if (this.holds.heldFromMs(project) !== undefined) continue;
        await this.folders.remove(`${ARCHIVE_FOLDER}/${folder}`);
      }
    } catch (error) {
      this.isDue = true;
      throw error;
    }
  }

  private async isOwn(folder: string): Promise<boolean> {
    try {
      const owner = JSON.parse((await this.folders.read(`${folder}/${OWNER_FILE}`)).toString('utf8')) as ArchiveOwner;
      return owner.installation === this.installation();
    } catch (error) {
      if (error instanceof PlatformError && error.code === 'not_found') return false;
      throw error;
    }
  }

  /** A newer life of the name was read, or its deletion. What is no time is of another program. */
  private isOver(project: string, createdAtMs: number): boolean {
    const life = this.life(project);
    return createdAtMs < (life?.createdAtMs ?? 0) || (!life && createdAtMs <= (this.goneThroughMs.get(project) ?? -1));
  }
}
