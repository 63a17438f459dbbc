// Which serving has a sequence: its state is in one process, so all of its steps go there. The highest of a hash of
// each serving with the sequence: where one dies or comes, only the sequences that it has move, and every router finds
// the same.

import { hash32 } from '@millrace/domain';

/** '' where there is no serving. */
export function placeOfSequence(targets: Iterable<string>, model: string, sequence: string): string {
  let best = '';
  let highest = -1;
  for (const target of targets) {
    const rank = hash32(`${target} ${model} ${sequence}`);
    if (rank <= highest) continue;
    highest = rank;
    best = target;
  }
  return best;
}
