import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { batchRowsFor } from './batch-size.js';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';
import { Sampler } from './sampler.js';

describe('Sampler', () => {
  it('shows every row once per epoch, for any number of ranks, and the same batches to all', () => {
    const whole = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(whole, whole, fc.integer({ min: 1, max: 7 }), (rows, batchRows, worldSize) => {
        const ranks = Array.from({ length: worldSize }, () => new Sampler(rows, batchRows, 2, 5));
        const one = new Sampler(rows, batchRows, 2, 5);
        for (let epoch = 0; epoch < 2; epoch++) {
          const seen: number[] = [];
          for (let i = 0; i < one.stepsPerEpoch; i++) {
            const step = epoch * one.stepsPerEpoch + i;
            const parts = ranks.map((sampler, rank) => [...sampler.part(step, rank, worldSize)]);
            const sizes = parts.map((part) => part.length);
            expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
            expect(parts.flat()).toEqual([...one.batch(step)]);
            seen.push(...parts.flat());
          }
          expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i));
        }
      }),
    );
  });

  it('shuffles anew each epoch, by seed', () => {
    const sampler = new Sampler(100, 100, 3, 1);
    const epochs = [0, 1, 2].map((epoch) => sampler.batch(epoch).join());
    expect(new Set(epochs).size).toBe(3);
    expect(new Sampler(100, 100, 3, 2).batch(0).join()).not.toBe(epochs[0]);
    expect(new Sampler(100, 100, 3, 1).batch(2).join()).toBe(epochs[2]);
  });
});

describe('batchRowsFor', () => {
  it('shrinks for few rows, and never below its least', () => {
    expect([225_000, 60_000, 14_000, 7_000, 100].map((rows) => batchRowsFor(rows, 2_048))).toEqual([
      2_048, 2_048, 512, 512, 512,
    ]);
    expect(batchRowsFor(100, 64)).toBe(64);
  });
});

describe('checkpoint', () => {
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
  const checkpoint = {
    step: 40,
    weights: Float32Array.of(1, -2.5, 3),
    optimizer: { kind: 'adam' as const, step: 40, slots: [Float32Array.of(4, 5, 6), Float32Array.of(7, 8, 9)] },
  };

  it('round trips bit for bit, also from a buffer inside a larger one', () => {
    const bytes = encodeCheckpoint(checkpoint, sha256);
    expect(decodeCheckpoint(bytes, sha256)).toEqual(checkpoint);
    const pooled = Buffer.concat([Buffer.alloc(13), bytes]).subarray(13);
    expect(decodeCheckpoint(pooled, sha256)).toEqual(checkpoint);
  });

  it('torn or changed, is refused', () => {
    const bytes = encodeCheckpoint(checkpoint, sha256);
    const changed = bytes.slice();
    changed[60] = (changed[60] as number) ^ 1;
    for (const bad of [bytes.subarray(0, 90), new Uint8Array(5), new Uint8Array(200), changed]) {
      expect(() => decodeCheckpoint(bad, sha256)).toThrow(/corrupt/);
    }
  });
});
