// Rows in the order of their scores, with ties known: what rank statistics start from.

/** Row numbers by ascending score; equal scores in the order of rows. */
export function ascending(scores: ArrayLike<number>): Uint32Array {
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i);
  return order.sort((a, b) => (scores[a] as number) - (scores[b] as number) || a - b);
}

/** Last position (exclusive) of each group of equal scores in `order`. */
export function endsOfTies(order: Uint32Array, scores: ArrayLike<number>): Uint32Array {
  const ends: number[] = [];
  for (let i = 1; i <= order.length; i++) {
    if (i === order.length || scores[order[i] as number] !== scores[order[i - 1] as number]) ends.push(i);
  }
  return Uint32Array.from(ends);
}
