// Kafka's default partitioner, the same partitions as kafkajs' and the Java client's: murmur2 of the key, and turns
// where there is no key. kafkajs computes murmur2 in 64-bit objects, which costs serving's log more than the encoding
// of its messages.

import type { ICustomPartitioner } from 'kafkajs';

const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** 32 bits, signed. */
function murmur2(key: Uint8Array, from: number, to: number): number {
  const length = to - from;
  const whole = from + (length & ~3);
  let hash = SEED ^ length;
  for (let i = from; i < whole; i += 4) {
    let word =
      (key[i] as number) |
      ((key[i + 1] as number) << 8) |
      ((key[i + 2] as number) << 16) |
      ((key[i + 3] as number) << 24);
    word = Math.imul(word, M);
    word = Math.imul(word ^ (word >>> 24), M);
    hash = Math.imul(hash, M) ^ word;
  }
  const rest = to - whole;
  if (rest > 2) hash ^= (key[whole + 2] as number) << 16;
  if (rest > 1) hash ^= (key[whole + 1] as number) << 8;
  if (rest > 0) hash = Math.imul(hash ^ (key[whole] as number), M);
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}

/** Of the key key[from, to). */
export function partitionOf(key: Uint8Array, from: number, to: number, partitions: number): number {
  return (murmur2(key, from, to) & 0x7fffffff) % partitions;
}

/** The partition of a key, of a topic with so many. */
export function partitionOfKey(key: string | Uint8Array, partitions: number): number {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key;
  return partitionOf(bytes, 0, bytes.length, partitions);
}

export const keyPartitioner: ICustomPartitioner = () => {
  const turns = new Map<string, number>();
  return ({ topic, partitionMetadata, message }) => {
    const { partition, key } = message;
    if (partition !== undefined && partition !== null) return partition;
    if (key !== undefined && key !== null) return partitionOfKey(key, partitionMetadata.length);
    const turn = ((turns.get(topic) ?? -1) + 1) & 0x7fffffff;
    turns.set(topic, turn);
    const led = partitionMetadata.filter(({ leader }) => leader >= 0);
    const among = led.length > 0 ? led : partitionMetadata;
    return among[turn % among.length]?.partitionId ?? 0;
  };
};
