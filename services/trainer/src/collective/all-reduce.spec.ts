import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { AllReduce, type PeerLinks } from './all-reduce.js';

/** Links between ranks in one process; frames are copied, delivered in order, after a seeded number of turns. */
function linkedRanks(worldSize: number, seed: number): PeerLinks[] {
  const rng = seededRng(seed);
  const queues = new Map<string, { frames: [number, Uint8Array][]; wake: (() => void) | null }>();
  const queue = (from: number, to: number) => {
    const name = `${from}>${to}`;
    if (!queues.has(name)) queues.set(name, { frames: [], wake: null });
    return queues.get(name) as { frames: [number, Uint8Array][]; wake: (() => void) | null };
  };
  const turns = async () => {
    for (let i = rng.below(5); i > 0; i--) await new Promise((resolve) => setImmediate(resolve));
  };
  return Array.from({ length: worldSize }, (_, rank) => ({
    rank,
    worldSize,
    send: async (to, sequence, bytes) => {
      const copy = bytes.slice();
      const to_ = queue(rank, to);
      to_.frames.push([sequence, copy]);
      await turns();
      to_.wake?.();
    },
    receive: async (from, sequence, into) => {
      const waiting = queue(from, rank);
      while (waiting.frames.length === 0) await new Promise<void>((resolve) => (waiting.wake = resolve));
      const [sent, bytes] = waiting.frames.shift() as [number, Uint8Array];
      expect([sent, bytes.length]).toEqual([sequence, into.length]);
      await turns();
      into.set(bytes);
    },
  }));
}

describe('AllReduce', () => {
  it.each([
    [1, 10],
    [2, 1_001],
    [3, 1_001],
    [5, 3],
    [4, 4_096],
  ])(
    'of %i ranks over %i values gives every rank the same bits, whatever the order of arrival',
    async (worldSize, length) => {
      const rng = seededRng(worldSize * 1000 + length);
      const inputs = Array.from({ length: worldSize }, () =>
        Float32Array.from({ length }, () => rng.normal() * 10 ** (rng.below(6) - 3)),
      );
      const results: string[] = [];
      for (const seed of [1, 2]) {
        const buffers = inputs.map((input) => input.slice());
        const ranks = linkedRanks(worldSize, seed).map((links) => new AllReduce(links));
        for (let round = 0; round < 2; round++) {
          buffers.forEach((buffer, r) => {
            buffer.set(inputs[r] as Float32Array);
          });
          await Promise.all(ranks.map((rank, r) => rank.sum(buffers[r] as Float32Array)));
        }
        for (const buffer of buffers) results.push(Buffer.from(buffer.buffer).toString('hex'));
        for (let i = 0; i < length; i++) {
          const sum = inputs.reduce((total, input) => total + (input[i] as number), 0);
          expect(buffers[0]?.[i]).toBe(Math.fround(sum));
        }
      }
      expect(new Set(results).size).toBe(1);
    },
  );
});
