import { describe, expect, it } from '@jest/globals';
import { AssignerProtocol, type GroupMember } from 'kafkajs';
import { oneHolder } from './one-holder.js';

const TOPICS = ['a', 'b'];
const cluster = { findTopicPartitionMetadata: () => [{ partitionId: 0 }, { partitionId: 1 }] };

function assignerOf(sinceMs?: number) {
  return oneHolder(() => sinceMs)({ cluster } as unknown as Parameters<ReturnType<typeof oneHolder>>[0]);
}

/** Who has everything, of members that claim it since then, or do not. */
async function holders(claims: Readonly<Record<string, number | undefined | Buffer>>): Promise<string[]> {
  const members: GroupMember[] = Object.entries(claims).map(([memberId, claim]) => ({
    memberId,
    memberMetadata: Buffer.isBuffer(claim) ? claim : assignerOf(claim).protocol({ topics: TOPICS }).metadata,
  }));
  const assigned = await assignerOf().assign({ members, topics: TOPICS });
  return assigned.flatMap(({ memberId, memberAssignment }) => {
    const { assignment } = AssignerProtocol.MemberAssignment.decode(memberAssignment) ?? { assignment: {} };
    if (Object.keys(assignment).length === 0) return [];
    expect(assignment).toEqual({ a: [0, 1], b: [0, 1] });
    return [memberId];
  });
}

describe('one holder', () => {
  it.each([
    ['of members that are new, one', { x: undefined, y: undefined }, 'x'],
    ['keeps it while others come', { x: undefined, y: 5, z: undefined }, 'y'],
    ['of two that claim it, the one that was given it last', { x: 5, y: 9, z: 7 }, 'y'],
    ['of two that were given it in one moment, one', { x: undefined, y: 5, z: 5 }, 'y'],
    ['no word of another release is a claim', { x: Buffer.from('?'), y: 5 }, 'y'],
  ])('%s', async (_what, claims, holder) => {
    expect(await holders(claims)).toEqual([holder]);
  });
});
