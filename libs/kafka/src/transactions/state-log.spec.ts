import { describe, expect, it } from '@jest/globals';
import { statePartition } from './state-log.js';

describe('the partition of a transactional id', () => {
  // Kafka's Utils.abs(id.hashCode()) % n, as Java 17 answers it.
  it.each([
    ['', 50, 0],
    ['abc', 50, 4],
    ['polygenelubricants', 7, 0], // whose hash is the least integer
    ['millrace.routes-2', 50, 16], // its hash is negative
  ])('%j of %i is %i', (id, partitions, partition) => {
    expect(statePartition(id, partitions)).toBe(partition);
  });
});
