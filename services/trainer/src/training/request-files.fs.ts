// Training requests that have not ended, one JSON file each. They are what a restarted trainer goes on with.
// Blocking: nothing may come between the look for a request of the same id and its keeping.

import { join } from 'node:path';
import type { TrainingRequest } from '@millrace/domain';
import { readJsonFolderSync, removeFileSync, replaceJsonSync } from '@millrace/files';
import { logger } from '@millrace/telemetry';
import type { KeptRequest } from './runner.js';

/** Requests taken up again; far above what the queue admits. */
const KEPT_MAX = 64;

/** Release 0.1.0 did not say when the project was created. */
type StoredRequest = TrainingRequest & { projectCreatedAtMs?: number };

export class RequestFiles {
  private readonly log = logger('requests');

  constructor(private readonly folder: string) {}

  keep(trainingId: string, request: TrainingRequest, projectCreatedAtMs: number): void {
    replaceJsonSync(this.path(trainingId), { ...request, projectCreatedAtMs } satisfies StoredRequest);
  }

  forget(trainingId: string): void {
    removeFileSync(this.path(trainingId));
  }

  kept(): KeptRequest[] {
    return readJsonFolderSync(this.folder)
      .slice(0, KEPT_MAX)
      .flatMap(({ name, read }) => {
        if (read.kind === 'ok') {
          const { projectCreatedAtMs = 0, ...request } = read.value as StoredRequest;
          return [{ trainingId: name, request, projectCreatedAtMs }];
        }
        if (read.kind === 'corrupt') this.log.warn('a kept training request cannot be read', { name }, read.error);
        return [];
      });
  }

  private path(trainingId: string): string {
    return join(this.folder, `${trainingId}.json`);
  }
}
