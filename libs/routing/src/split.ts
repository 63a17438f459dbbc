// Shares of traffic as ranges of buckets. A key is hashed with a salt to one of 10,000 buckets; each target owns a
// range of them in ascending order of version, so that with two targets a change of weight moves only the difference
// and a sticky key stays where it is otherwise; with more, the ranges between the two that changed move along. A
// rollout in steps draws its version by a salt of its own and all others by the project's (choice.ts). O(targets), no
// allocation per key.

import { hash32 } from '@millrace/domain';
import type { Share } from './route.js';

/** Resolution of weights: 1 percent = 100 buckets. */
export const BUCKETS = 10_000;

export interface Split {
  /** Ascending. */
  versions: readonly number[];
  /** Exclusive upper bucket of each version, ascending; the last is BUCKETS. */
  bounds: readonly number[];
}

/** The salt keeps the same entity's buckets independent between projects. */
export function projectSalt(project: string): number {
  return hash32(project, 0x6d696c6c);
}

export function bucketOf(key: string, salt: number): number {
  return hash32(key, salt) % BUCKETS;
}

/** By weight, whatever the weights add up to. */
export function makeSplit(targets: readonly Share[]): Split {
  const ordered = [...targets].sort((a, b) => a.version - b.version);
  const sum = ordered.reduce((all, { weight }) => all + weight, 0);
  let upTo = 0;
  const bounds = ordered.map(({ weight }) => {
    upTo += weight;
    return Math.round((upTo * BUCKETS) / sum);
  });
  return { versions: ordered.map((target) => target.version), bounds };
}

/** The place in the split of the version that owns the bucket; -1 = the split is empty. */
export function placeOf(split: Split, bucket: number): number {
  const { bounds } = split;
  for (let i = 0; i < bounds.length; i++) if (bucket < (bounds[i] as number)) return i;
  return -1;
}
