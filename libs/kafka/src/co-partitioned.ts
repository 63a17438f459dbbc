// Shares partition NUMBERS among the members of a group: a number of every topic goes to the same member, so that what
// has one key (records, labels, predictions, commands of a project) meets in one process. Members keep what they held
// as far as the balance allows: a member that comes or goes moves no more numbers than it must.

import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';
import { shareNumbers } from './share-numbers.js';

const NAME = 'co-partitioned';
const VERSION = 1;

/** kafkajs' assigner of a consumer; `held`: the numbers that this member holds now. */
export function coPartitioned(held: () => readonly number[]): PartitionAssigner {
  return ({ cluster }) => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: AssignerProtocol.MemberMetadata.encode({
        version: VERSION,
        topics,
        userData: Buffer.from(JSON.stringify(held())),
      }),
    }),
    assign: async ({ members, topics }) => {
      const numbersOf = new Map(
        topics.map((topic) => [
          topic,
          cluster.findTopicPartitionMetadata(topic).map(({ partitionId }: { partitionId: number }) => partitionId),
        ]),
      );
      const count = 1 + Math.max(-1, ...[...numbersOf.values()].flat());
      const known = members.map(({ memberId, memberMetadata }) => ({ id: memberId, held: heldBy(memberMetadata) }));
      return [...shareNumbers(known, count)].map(([memberId, share]) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: VERSION,
          assignment: Object.fromEntries(
            [...numbersOf].map(([topic, numbers]) => [topic, share.filter((number) => numbers.includes(number))]),
          ),
          userData: Buffer.alloc(0),
        }),
      }));
    },
  });
}

/** Nothing of a member whose words are not understood. */
function heldBy(metadata: Buffer): number[] {
  try {
    const decoded = AssignerProtocol.MemberMetadata.decode(metadata);
    const held: unknown = JSON.parse(decoded?.userData.toString() || '[]');
    return Array.isArray(held) ? held.filter((number) => Number.isInteger(number)) : [];
  } catch {
    return [];
  }
}
