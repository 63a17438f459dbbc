// Gives all partitions of all topics to one member of a group; the others stand by. Who has them keeps them while it
// lives, so that nothing changes hands when a member comes. What a member says of itself it must know to be true: one
// that stood still for longer than the group waits for it claims nothing. One that stood still almost so long may claim
// what was given to another meanwhile: of several that claim everything the one that was given it last has it.

import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';

const NAME = 'one-holder';
const VERSION = 1;
/** Then since when, ms of the wall clock. */
const CLAIM = 'holds ';

/** kafkajs' assigner of a consumer; `holdsSinceMs`: where this member has everything now, when it was given it. */
export function oneHolder(holdsSinceMs: () => number | undefined): PartitionAssigner {
  return ({ cluster }) => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => {
      const sinceMs = holdsSinceMs();
      const userData = Buffer.from(sinceMs === undefined ? '' : `${CLAIM}${sinceMs}`);
      return { name: NAME, metadata: AssignerProtocol.MemberMetadata.encode({ version: VERSION, topics, userData }) };
    },
    assign: async ({ members, topics }) => {
      const sorted = members
        .map(({ memberId, memberMetadata }) => ({ memberId, sinceMs: claimOf(memberMetadata) }))
        .sort((a, b) => b.sinceMs - a.sinceMs || (a.memberId < b.memberId ? -1 : 1));
      const holder = sorted[0];
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

/** Negative where it claims nothing. */
function claimOf(metadata: Buffer): number {
  try {
    const said = AssignerProtocol.MemberMetadata.decode(metadata)?.userData.toString() ?? '';
    const sinceMs = said.startsWith(CLAIM) ? Number(said.slice(CLAIM.length)) : Number.NaN;
    return Number.isFinite(sinceMs) ? sinceMs : -1;
  } catch {
    return -1; // words of another release
  }
}
