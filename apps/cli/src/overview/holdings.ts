// What a restart compares: which partitions the processes of a service held before it, and hold again after it.

import type { Holdings } from './process-state.http.js';

const LOOKS = 2;
/** While a group divides its partitions anew nobody holds any, for seconds. */
const LOOKS_EMPTY = 8;

/** Partitions that some process holds. */
export function partitionsOf(all: readonly (Holdings | null)[]): Set<string> {
  const named = (held: Holdings | null) =>
    Object.entries(held ?? {}).flatMap(([topic, partitions]) => partitions.map((partition) => `${topic}/${partition}`));
  return new Set(all.flatMap(named));
}

export const covers = (held: ReadonlySet<string>, wanted: ReadonlySet<string>): boolean =>
  [...wanted].every((partition) => held.has(partition));

/** Believes what was seen several times in a row: a process may be silent for a moment, a group divide anew. */
export class HoldingsAtRest {
  private last = '';
  private looks = 0;

  /** The partitions once they are believed. */
  saw(all: readonly (Holdings | null)[]): Set<string> | undefined {
    const seen = JSON.stringify(all);
    this.looks = seen === this.last ? this.looks + 1 : 1;
    this.last = seen;
    const held = partitionsOf(all);
    const isNobodys = held.size === 0 && all.some((holdings) => holdings !== null);
    return this.looks >= (isNobodys ? LOOKS_EMPTY : LOOKS) ? held : undefined;
  }
}

/**
 * How many of these servings, host:port, may be the one at `address`. By the port alone: the router's setting and ours
 * may name the host in other words (localhost, 127.0.0.1), and servings of other machines have the same ports.
 */
export function servingsLike(servings: readonly string[], address: string): number {
  const port = (text: string) => text.slice(text.lastIndexOf(':') + 1);
  return servings.filter((serving) => port(serving) === port(address)).length;
}

/** Whether each router reaches as many as before, and one at least; null: it does not answer, and sends to nobody. */
export function reachedAgain(before: readonly (number | null)[], now: readonly (number | null)[]): boolean {
  return now.every((count, router) => count === null || count >= Math.max(1, before[router] ?? 0));
}
