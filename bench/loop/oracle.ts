// The cheapest way through a stream for who knows its future: after each window the version in service is kept, or a
// retraining puts another one in its place, at the price: made of the newest labelled rows, of as many windows of them
// as any policy here may learn from.
//
//   V(t, c) = cost of c in window t + min( V(t + 1, c),  price + min over c' made at t of V(t + 1, c') )
//   V(end, c) = 0
//
// Exact over all sequences of keeping and retraining, by dynamic programming. O(windows^2 choices) losses.

import type { Span } from './candidates.js';
import type { Prices } from './simulate.js';
import { FIRST, HISTORY } from './stream.js';

/** What has to be known of the candidates. */
export interface Futures {
  readonly stream: { readonly windows: number; readonly delay: number };
  /** What a retraining may be made of whose newest labelled window is this one. */
  choices(last: number): readonly Span[];
  lossOf(of: Span, window: number): number;
  exposed(of: Span, window: number): number;
}

export interface OracleRun {
  cost: number;
  /** What the version in service was made of, by live window. */
  served: Span[];
}

interface Rest {
  readonly cost: number;
  /** undefined: the version is kept. */
  readonly next: Span | undefined;
}

export function oracle(candidates: Futures, prices: Prices): OracleRun {
  const { windows, delay } = candidates.stream;
  const made = (window: number): readonly Span[] =>
    window - delay > FIRST.last ? candidates.choices(window - delay) : [];
  // By window: what the rest of the way costs with a version, and how it goes on.
  const rest: Map<Span, Rest>[] = [];
  rest[windows] = new Map();
  const versions: Span[] = [FIRST];
  const madeIn = Array.from({ length: windows }, (_, window) => (window < HISTORY ? [] : made(window)));
  for (const of of madeIn) versions.push(...of);
  let count = versions.length;
  for (let window = windows - 1; window >= HISTORY; window--) {
    const after = rest[window + 1] as Map<Span, Rest>;
    const fresh = madeIn[window] as readonly Span[];
    // Those of this window answer the next one first.
    count -= fresh.length;
    let best: { cost: number; next: Span } | undefined;
    for (const next of window < windows - 1 ? fresh : []) {
      const cost = prices.retraining + (after.get(next)?.cost ?? 0);
      if (best === undefined || cost < best.cost) best = { cost, next };
    }
    const here = new Map<Span, Rest>();
    for (const of of versions.slice(0, count)) {
      const kept = after.get(of)?.cost ?? 0;
      const loss = candidates.lossOf(of, window) + prices.exposed * candidates.exposed(of, window);
      const isKept = best === undefined || kept <= best.cost;
      here.set(of, { cost: loss + (isKept ? kept : (best?.cost ?? 0)), next: isKept ? undefined : best?.next });
    }
    rest[window] = here;
  }
  const served: Span[] = [];
  let of: Span = FIRST;
  for (let window = HISTORY; window < windows; window++) {
    served.push(of);
    of = rest[window]?.get(of)?.next ?? of;
  }
  return { cost: rest[HISTORY]?.get(FIRST)?.cost ?? Number.NaN, served };
}
