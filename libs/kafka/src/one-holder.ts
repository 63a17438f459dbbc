// Gives all partitions of all topics to one member of a group; the others stand by. Who has them keeps them while it
// lives, so that nothing changes hands when a member comes. What a member says of itself it must know to be true: one
// that stood still for longer than the group waits for it claims nothing.

import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';

const NAME = 'one-holder';
const VERSION = 1;
const CLAIM = Buffer.from('holds');

/** kafkajs' assigner of a consumer; `holds`: whether this member has everything now. */
export function oneHolder(holds: () => boolean): PartitionAssigner {
  return ({ cluster }) => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: AssignerProtocol.MemberMetadata.encode({
        version: VERSION,
        topics,
        userData: holds() ? CLAIM : Buffer.alloc(0),
      }),
    }),
    assign: async ({ members, topics }) => {
      const sorted = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
      const holder = sorted.find(({ memberMetadata }) => claims(memberMetadata)) ?? sorted[0];
      const all = Object.fromEntries(
        topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)]),
      );
      return sorted.map((member) => ({
        memberId: member.memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version: VERSION,
          assignment: member === holder ? all : {},
          userData: Buffer.alloc(0),
        }),
      }));
    },
  });
}

function claims(metadata: Buffer): boolean {
  try {
    return AssignerProtocol.MemberMetadata.decode(metadata)?.userData.equals(CLAIM) ?? false;
  } catch {
    return false; // words of another release
  }
}
