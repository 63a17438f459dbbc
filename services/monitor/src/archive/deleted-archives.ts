// Archives of projects that are deleted, and of earlier ones of a name: they go with their project. Looked for once
// after the start, where a project may have been deleted meanwhile, and whenever one is. Pure but for awaiting its
// port.

import { ARCHIVE_FOLDER, type ArchiveOf } from './archive-file.js';

export interface ArchiveFolders {
  list(path: string): Promise<string[]>;
  remove(path: string): Promise<void>;
}

export class DeletedArchives {
  private isDue = true;

  constructor(
    private readonly folders: ArchiveFolders,
    private readonly life: (project: string) => ArchiveOf | undefined,
    private readonly judges: (project: string) => boolean,
  ) {}

  removed(): void {
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
        if (!this.judges(project) || String(this.life(project)?.createdAtMs) === createdAtMs) continue;
        await this.folders.remove(`${ARCHIVE_FOLDER}/${folder}`);
      }
    } catch (error) {
      this.isDue = true;
      throw error;
    }
  }
}
