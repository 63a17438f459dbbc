// What makes the loop retrain beside drift: that it is long ago (retrain.every), and that there is much to learn from
// (retrain.rows). Both need rows that the last retraining did not have, for on the same ones it would come to the same.
// Pure.

import type { RetrainSpec } from '@millrace/project';

export type RetrainTrigger = 'drift' | 'schedule' | 'volume' | 'cost';

interface Rows {
  readonly windowEndMs: number;
  readonly labelledRows: number;
}

export interface Taught {
  readonly datasets: readonly Rows[];
  readonly liveSinceMs: number;
  /** Processing time of the begin of the last retraining; 0 = there was none. */
  readonly lastBegunAtMs: number;
  /** Event time up to which it had rows, or up to which there were some when the version in service came. */
  readonly taughtThroughMs: number;
}

type Spec = Pick<RetrainSpec, 'everyMs' | 'rows'>;

/** Labelled rows of versions that end after what was learned from. */
export function newRows({ datasets, taughtThroughMs }: Pick<Taught, 'datasets' | 'taughtThroughMs'>): number {
  return datasets.reduce((sum, one) => sum + (one.windowEndMs > taughtThroughMs ? one.labelledRows : 0), 0);
}

/** Processing time from which a retraining is due by its schedule; undefined: there is none. */
export function scheduledAtMs({ liveSinceMs, lastBegunAtMs }: Taught, { everyMs }: Spec): number | undefined {
  return everyMs === undefined ? undefined : Math.max(liveSinceMs, lastBegunAtMs) + everyMs;
}

export interface DueRetraining {
  trigger: Exclude<RetrainTrigger, 'drift' | 'cost'>;
  /** As a clause: "because of …". */
  cause: string;
}

export function dueRetraining(taught: Taught, spec: Spec, nowMs: number): DueRetraining | undefined {
  const rows = newRows(taught);
  if (rows === 0) return undefined;
  if (spec.rows !== undefined && rows >= spec.rows)
    return { trigger: 'volume', cause: `${rows} new labelled rows (retrain.rows: ${spec.rows})` };
  const atMs = scheduledAtMs(taught, spec);
  if (atMs === undefined || nowMs < atMs) return undefined;
  return { trigger: 'schedule', cause: `the schedule (retrain.every), with ${rows} new labelled rows` };
}
