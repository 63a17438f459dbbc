// Loop states as one JSON file a project, each replaced whole and durably. A file says when its project was created:
// one of the same name that is created later does not find it.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { type FileCalls, PROMISED_CALLS, readJson, removeFile, replaceJson } from '@millrace/files';
import type { LoopStore } from './loop-runner.js';
import { initialLoopState, type LoopState } from './loop-state.js';

/** Release 0.1.0 did not say it. */
type KeptState = LoopState & { projectCreatedAtMs?: number };

export class LoopFiles implements LoopStore {
  constructor(
    private readonly folder: string,
    private readonly calls: FileCalls = PROMISED_CALLS,
  ) {}

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

  /** Durable when it resolves. */
  save(project: string, createdAtMs: number, state: LoopState): Promise<void> {
    const kept: KeptState = { ...state, projectCreatedAtMs: createdAtMs };
    return replaceJson(this.path(project), kept, this.calls);
  }

  remove(project: string): Promise<void> {
    return removeFile(this.path(project));
  }

  async projects(): Promise<string[]> {
    const names = await readdir(this.folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw PlatformError.from(error, 'unavailable');
    });
    return names.flatMap((name) => /^([a-z][a-z0-9-]*)\.json$/.exec(name)?.[1] ?? []);
  }

  private path(project: string): string {
    // Project names are [a-z][a-z0-9-]*; anything else never becomes a path.
    if (!/^[a-z][a-z0-9-]*$/.test(project))
      throw new PlatformError('invalid_argument', `"${project}" is no project name`);
    return join(this.folder, `${project}.json`);
  }
}
