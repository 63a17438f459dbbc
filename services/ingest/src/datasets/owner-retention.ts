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
    const { closer, collector, log, partitionOf } = this.ports;
    const { name } = schema.project;
    return closer.inOrder(() =>
      collector.collect(schema, async (gone) => {
        if (!isOwned()) throw new PlatformError('conflict', `project '${name}' is not closed here any more`);
        const held = { kind: 'gone' as const, key: sweptKey(partitionOf(name)) };
        await log.write(partitionOf(name), [held, ...entries()], [], gone);
      }),
    );
  }

  /** Gives why there is no such hold: nothing were kept by it; null = it is in force, or off. */
  changeHold(project: string, commandId: string, action: HoldAction): Promise<string | null> {
    const { spans, log, partitionOf, clock, closer, collector } = this.ports;
    return closer.inOrder(async () => {
      const hold = holdAfter(spans.holdsOf(project), project, commandId, action, clock.nowMs());
      if (hold === null) return null;
      const missing = action.kind === 'addHold' ? await collector.missing(project, action) : null;
      if (missing === null) await log.write(partitionOf(project), [hold], []);
      return missing;
    });
  }
}
