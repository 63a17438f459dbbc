// Training requests that have not ended, one JSON file each. They are what a restarted trainer goes on with.
// Blocking: nothing may come between the look for a request of the same id and its keeping.

import { join } from 'node:path';
import type { TrainingRequest } from '@millrace/domain';
import { readJsonFolderSync, removeFileSync, replaceJsonSync } from '@millrace/files';
import { logger } from '@millrace/telemetry';

/** Requests taken up again; far above what the queue admits. */
const KEPT_MAX = 64;

export class RequestFiles {
  private readonly log = logger('requests');

  constructor(private readonly folder: string) {}

  keep(trainingId: string, request: TrainingRequest): void {
    replaceJsonSync(this.path(trainingId), request);
  }

  forget(trainingId: string): void {
    removeFileSync(this.path(trainingId));
  }

  kept(): { trainingId: string; request: TrainingRequest }[] {
    return readJsonFolderSync(this.folder)
      .slice(0, KEPT_MAX)
      .flatMap(({ name, read }) => {
        if (read.kind === 'ok') return [{ trainingId: name, request: read.value as TrainingRequest }];
        if (read.kind === 'corrupt') this.log.warn('a kept training request cannot be read', { name }, read.error);
        return [];
      });
  }

  private path(trainingId: string): string {
    return join(this.folder, `${trainingId}.json`);
  }
}
