// Training requests that have not ended, one JSON file each, written atomically. They are what a restarted trainer goes on with.

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { logger } from '@millrace/telemetry';
import type { TrainingRequest } from './request.js';

const SUFFIX = '.json';
/** Requests taken up again; far above what the queue admits. */
const KEPT_MAX = 64;

export class RequestFiles {
  private readonly log = logger('requests');

  constructor(private readonly folder: string) {}

  keep(trainingId: string, request: TrainingRequest): void {
    mkdirSync(this.folder, { recursive: true });
    const path = join(this.folder, trainingId + SUFFIX);
    const file = openSync(`${path}.tmp`, 'w');
    try {
      writeSync(file, JSON.stringify(request));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(`${path}.tmp`, path);
  }

  forget(trainingId: string): void {
    rmSync(join(this.folder, trainingId + SUFFIX), { force: true });
  }

  kept(): { trainingId: string; request: TrainingRequest }[] {
    if (!existsSync(this.folder)) return [];
    const names = readdirSync(this.folder)
      .filter((name) => name.endsWith(SUFFIX))
      .sort()
      .slice(0, KEPT_MAX);
    return names.flatMap((name) => {
      try {
        return [
          {
            trainingId: name.slice(0, -SUFFIX.length),
            request: JSON.parse(readFileSync(join(this.folder, name), 'utf8')) as TrainingRequest,
          },
        ];
      } catch (error) {
        this.log.warn('a kept training request cannot be read', { name }, error);
        return [];
      }
    });
  }
}
