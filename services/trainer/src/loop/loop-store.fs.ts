// Loop states that release 0.1.0 kept as one JSON file a project; they are on trainer.v1 now. A file says when its
// project was created: one of the same name that is created later does not find it.

import { join } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { readJson, removeFile } from '@millrace/files';
import { initialLoopState, type LoopState } from './loop-state.js';

type KeptState = LoopState & { projectCreatedAtMs?: number };

export class LoopFiles {
  constructor(private readonly folder: string) {}

  /**
   * @throws PlatformError 'corrupt' when the file is not a state: better to stop than to forget a version in service
   */
  async load(project: string, createdAtMs: number): Promise<LoopState | null> {
    const read = await readJson(this.path(project));
    if (read.kind === 'absent') return null;
    if (read.kind === 'corrupt') {
      throw new PlatformError('corrupt', `the loop's state file of "${project}" is no JSON; remove it to begin anew`, {
        cause: read.error,
      });
    }
    const { projectCreatedAtMs = 0, ...state } = read.value as KeptState;
    // Fields that a later release added have their initial value.
    return projectCreatedAtMs === createdAtMs ? { ...initialLoopState(), ...state } : null;
  }

  remove(project: string): Promise<void> {
    return removeFile(this.path(project));
  }

  private path(project: string): string {
    // Project names are [a-z][a-z0-9-]*; anything else never becomes a path.
    if (!/^[a-z][a-z0-9-]*$/.test(project))
      throw new PlatformError('invalid_argument', `"${project}" is no project name`);
    return join(this.folder, `${project}.json`);
  }
}
