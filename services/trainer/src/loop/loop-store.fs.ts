// Loop states as one JSON file a project, each replaced whole and durably.

import { join } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { type FileCalls, PROMISED_CALLS, readJson, replaceJson } from '@millrace/files';
import type { LoopStore } from './loop-runner.js';
import { initialLoopState, type LoopState } from './loop-state.js';

export class LoopFiles implements LoopStore {
  constructor(
    private readonly folder: string,
    private readonly calls: FileCalls = PROMISED_CALLS,
  ) {}

  /**
   * @throws PlatformError 'corrupt' when the file is not a state: better to stop than to forget a version in service
   */
  async load(project: string): Promise<LoopState | null> {
    const read = await readJson(this.path(project));
    if (read.kind === 'absent') return null;
    if (read.kind === 'corrupt') {
      throw new PlatformError('corrupt', `the loop's state file of "${project}" is no JSON; remove it to begin anew`, {
        cause: read.error,
      });
    }
    // Fields that a later release added have their initial value.
    return { ...initialLoopState(), ...(read.value as LoopState) };
  }

  /** Durable when it resolves. */
  save(project: string, state: LoopState): Promise<void> {
    return replaceJson(this.path(project), state, this.calls);
  }

  private path(project: string): string {
    // Project names are [a-z][a-z0-9-]*; anything else never becomes a path.
    if (!/^[a-z][a-z0-9-]*$/.test(project))
      throw new PlatformError('invalid_argument', `"${project}" is no project name`);
    return join(this.folder, `${project}.json`);
  }
}
