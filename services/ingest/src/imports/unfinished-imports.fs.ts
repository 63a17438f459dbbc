// The list of unfinished imports: one small file each, so that a process that was killed finds them again.

import { join } from 'node:path';
import { readJsonFolderSync, removeFile, replaceJson } from '@millrace/files';
import type { StoredImport } from './import-runner.js';

export class UnfinishedImports {
  constructor(private readonly folder: string) {}

  /** Durable when it resolves. */
  begin(stored: StoredImport): Promise<void> {
    return replaceJson(this.path(stored.importId), stored);
  }

  finish(importId: string): Promise<void> {
    return removeFile(this.path(importId));
  }

  /** @throws PlatformError 'corrupt' where one is damaged: its rows would be missing without a word */
  unfinished(): StoredImport[] {
    return readJsonFolderSync(this.folder).map(({ read }) => {
      if (read.kind === 'corrupt') throw read.error;
      const stored = (read as { value: unknown }).value as StoredImport;
      // Release 0.1 named a source always, and nothing else.
      const { source = null, upload = null, fromMs, toMs, rows, seed, format, csv } = stored.request;
      const terms = { ...(format ? { format } : {}), ...(csv ? { csv } : {}) };
      return { ...stored, request: { source, upload, fromMs, toMs, rows, seed, ...terms } };
    });
  }

  private path(importId: string): string {
    return join(this.folder, `${importId}.json`);
  }
}
