// The place of the trainer at work, as the consumer group knows it. Whoever takes it leaves a word with the group; a
// later one finds there whether another process has had the place since, though it may have it again itself.

import { PlatformError } from '@millrace/domain';
import { type KafkaStrategy, untilAvailable } from '@millrace/kafka';

/** Its commits carry the word; the group does not read it, so that no position moves. */
const TOPIC = 'trainer.v1';

export interface Place {
  /** Leaves the word; false where this process does not have the place. */
  claim(): Promise<boolean>;
  /** @throws PlatformError 'conflict' where another process has the place, or has had it since the claim */
  confirm(): Promise<void>;
}

/** `word`: of this process alone. */
export function placeOf(group: () => Pick<KafkaStrategy, 'numbers' | 'confirmWith'>, word: string): Place {
  const has = () => group().numbers().length > 0;
  return {
    claim: () =>
      untilAvailable('the group', async () => {
        if (has()) await group().confirmWith(TOPIC, word);
        return has();
      }),
    confirm: () =>
      untilAvailable('the group', async () => {
        // A process that was taken for dead gets its answer only after it has joined again.
        const found = has() ? await group().confirmWith(TOPIC, word) : '';
        if (found !== word || !has()) throw new PlatformError('conflict', 'another trainer is at work');
      }),
  };
}
