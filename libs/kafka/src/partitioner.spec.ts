import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Partitioners, type PartitionMetadata } from 'kafkajs';
import { keyPartitioner } from './partitioner.js';

const partitions = (count: number, leader = 0): PartitionMetadata[] =>
  Array.from({ length: count }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader,
    replicas: [0],
    isr: [0],
  }));

describe('partitioner', () => {
  it('gives every key the partition that Kafka’s own gives it', () => {
    const theirs = Partitioners.DefaultPartitioner();
    const ours = keyPartitioner();
    const keys = fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array().map(Buffer.from));
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 24 }), (key, count) => {
        const call = { topic: 't', partitionMetadata: partitions(count), message: { key, value: null } };
        expect(ours(call)).toBe(theirs(call));
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes turns without a key, among the partitions that have a leader, and obeys a named partition', () => {
    const ours = keyPartitioner();
    const partitionMetadata = [...partitions(2), ...partitions(1, -1)];
    const ask = (message: object) => ours({ topic: 't', partitionMetadata, message: { value: null, ...message } });
    expect([ask({}), ask({}), ask({}), ask({ partition: 2 })]).toEqual([0, 1, 0, 2]);
  });
});
