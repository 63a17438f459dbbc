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
export function placeOf(group: () => Pick<KafkaStrategy, 'numbers' | 'confirm' | 'lastWord'>, word: string): Place {
  const has = () => group().numbers().length > 0;
  return {
    claim: () =>
      untilAvailable('the group', async () => {
        if (has()) await group().confirm(TOPIC, word);
        return has();
      }),
    confirm: () =>
      untilAvailable('the group', async () => {
        const conflict = () => new PlatformError('conflict', 'another trainer is at work');
        if (!has()) throw conflict();
        // Looked at before it is written: the word of a successor stays, by which that one knows its place. The broker
        // forgets a word after a week in which nobody asked (KIP-211).
        if (!['', word].includes(await group().lastWord(TOPIC))) throw conflict();
        // A process that was taken for dead gets its answer only after it has joined again.
        await group().confirm(TOPIC, word);
        if (!has()) throw conflict();
      }),
  };
}
