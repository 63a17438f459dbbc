// How partition numbers are shared among the members of a group: evenly, and each keeps what it held as far as the
// balance allows, so that a member that comes or goes moves no more numbers than it must.

export interface GroupMember {
  readonly id: string;
  /** Numbers that it held before, by its own account. */
  readonly held: readonly number[];
}

/**
 * Numbers 0 … count-1 by member, as many to each as to any other, or one more. Of two that claim a number the first by
 * id keeps it. Pure, and the same whatever order the members are given in.
 */
export function shareNumbers(members: readonly GroupMember[], count: number): Map<string, number[]> {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const shares = new Map(sorted.map(({ id }) => [id, [] as number[]]));
  const floor = Math.floor(count / Math.max(1, sorted.length));
  let ofOneMore = count - floor * sorted.length;
  const taken = new Set<number>();
  // Those who hold most come first: the places of one more go to them.
  for (const { id, held } of [...sorted].sort((a, b) => b.held.length - a.held.length)) {
    const share = shares.get(id) as number[];
    for (const number of [...held].sort((a, b) => a - b)) {
      if (number >= count || number < 0 || taken.has(number)) continue;
      if (share.length >= floor + (ofOneMore > 0 ? 1 : 0)) break;
      share.push(number);
      taken.add(number);
    }
    if (share.length > floor) ofOneMore -= 1;
  }
  for (let number = 0; number < count; number++) {
    if (taken.has(number)) continue;
    let least: number[] | undefined;
    for (const share of shares.values()) if (least === undefined || share.length < least.length) least = share;
    least?.push(number);
  }
  for (const share of shares.values()) share.sort((a, b) => a - b);
  return shares;
}
