// Deletions and holds, as the owner of a project carries them out: one after the other, so that what is told to be held
// is there, and stays.

import type { DatasetVersion, HoldAction } from '@millrace/contracts';
import { type Clock, PlatformError } from '@millrace/domain';
import type { RecordSchema } from '../schema/record-schema.js';
import { holdAfter } from './holds.js';
import type { OpenSpans } from './open-spans.js';
import { type ProgressEntry, sweptKey } from './progress-entry.js';
import type { ProgressLog } from './progress-log.js';
import type { VersionCloser } from './version-closer.js';

/** Deletes what a project's retention does not keep, a part at a time. `tell`: that these are gone. */
export interface VersionCollector {
  collect(schema: RecordSchema, tell: (gone: readonly DatasetVersion[]) => Promise<void>): Promise<number>;
  /** Version files that nobody names. */
  unnamed(project: string): Promise<readonly string[]>;
  /** Removes those of them that are not named still. `tell`: before it does. */
  sweep(project: string, paths: readonly string[], tell: () => Promise<void>): Promise<number>;
  /** What a hold names and nothing is there of; null = it keeps something. */
  missing(project: string, named: { readonly dataset: string; readonly model: number }): Promise<string | null>;
}

export interface OwnerRetentionPorts {
  spans: OpenSpans;
  log: ProgressLog;
  closer: VersionCloser;
  collector: VersionCollector;
  clock: Clock;
  partitionOf(project: string): number;
}

export class OwnerRetention {
  constructor(private readonly ports: OwnerRetentionPorts) {}

  /**
   * Gives how many are gone; to be called again while it gives any. `entries`: what is to be told before the oldest
   * version is gone.
   */
  collect(schema: RecordSchema, isOwned: () => boolean, entries: () => readonly ProgressEntry[]): Promise<number> {
    const { closer, collector } = this.ports;
    return closer.inOrder(() =>
      collector.collect(schema, (gone) => this.tellOwned(schema.project.name, isOwned, entries(), gone)),
    );
  }

  /** Removes version files that nobody names. They are looked for before others wait for it. */
  async sweep(project: string, isOwned: () => boolean): Promise<void> {
    const { closer, collector } = this.ports;
    const paths = await collector.unnamed(project);
    if (paths.length === 0) return;
    await closer.inOrder(() => collector.sweep(project, paths, () => this.tellOwned(project, isOwned)));
  }

  /** @throws PlatformError 'conflict' where another process owns the project by now */
  private async tellOwned(
    project: string,
    isOwned: () => boolean,
    entries: readonly ProgressEntry[] = [],
    gone: readonly DatasetVersion[] = [],
  ): Promise<void> {
    const { log, partitionOf } = this.ports;
    if (!isOwned()) throw new PlatformError('conflict', `project '${project}' is not closed here any more`);
    const number = partitionOf(project);
    await log.write(number, [{ kind: 'gone', key: sweptKey(number) }, ...entries], [], gone);
  }

  /** Gives why there is no such hold: nothing were kept by it; null = it is in force, or off. */
  changeHold(project: string, commandId: string, action: HoldAction): Promise<string | null> {
    const { spans, log, partitionOf, clock, closer, collector } = this.ports;
    return closer.inOrder(async () => {
      const hold = holdAfter(spans.holdsOf(project), project, commandId, action, clock.nowMs());
      if (hold === null) return null;
      if (action.kind !== 'addHold') {
        await log.write(partitionOf(project), [hold], []);
        return null;
      }
      const missing = await collector.missing(project, action);
      if (missing !== null) return missing;
      await log.write(partitionOf(project), [hold], []);
      // The trainer may have deleted the model version before it could know of the hold: one of the two sees the other.
      const since = await collector.missing(project, action);
      if (since !== null) {
        const gone = { removedAtMs: clock.nowMs(), removedBy: 'millrace', removedReason: since };
        await log.write(partitionOf(project), [{ ...hold, ...gone }], []);
      }
      return since;
    });
  }
}
