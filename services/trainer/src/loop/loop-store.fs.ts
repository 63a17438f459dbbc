// Loop states as one JSON file a project, replaced atomically: temporary file, fsync, rename.

import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { PlatformError } from '@millrace/domain';
import type { LoopStore } from './loop-runner.js';
import { initialLoopState, type LoopState } from './loop-state.js';

export class LoopFiles implements LoopStore {
  constructor(private readonly folder: string) {}

  /** @throws PlatformError 'corrupt' when the file is not a state: better to stop than to forget a version in service */
  async load(project: string): Promise<LoopState | null> {
    let text: string;
    try {
      text = await readFile(this.path(project), 'utf8');
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw PlatformError.from(thrown, 'unavailable');
    }
    try {
      const state = JSON.parse(text) as LoopState;
      // Fields that a later release added have their initial value.
      return { ...initialLoopState(), ...state };
    } catch (cause) {
      throw new PlatformError('corrupt', `the loop's state file of "${project}" is no JSON; remove it to begin anew`, {
        cause,
      });
    }
  }

  async save(project: string, state: LoopState): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const temporary = `${this.path(project)}.tmp`;
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(JSON.stringify(state));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.path(project));
  }

  private path(project: string): string {
    // Project names are [a-z][a-z0-9-]*; anything else never becomes a path.
    if (!/^[a-z][a-z0-9-]*$/.test(project))
      throw new PlatformError('invalid_argument', `"${project}" is no project name`);
    return join(this.folder, `${project}.json`);
  }
}
