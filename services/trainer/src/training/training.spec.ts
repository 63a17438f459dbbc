import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';
import { effortFor } from './effort.js';
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

describe('effortFor', () => {
  const free = { finalLearningRateShare: 0.1 };

  it('follows the rows where the project says nothing', () => {
    const of = (rows: number) => {
      const { batchRows, epochs, stopping } = effortFor(rows, free);
      const trained = rows - (stopping?.rows ?? 0);
      return {
        heldOut: stopping?.rows,
        batchRows,
        everySteps: stopping?.everySteps,
        steps: Math.ceil(trained / batchRows) * epochs,
      };
    };
    expect([600, 10_000, 1_000_000].map(of)).toEqual([
      { heldOut: 90, batchRows: 32, everySteps: 50, steps: 6_000 },
      { heldOut: 1_500, batchRows: 64, everySteps: 133, steps: 7_980 },
      { heldOut: 5_000, batchRows: 2_048, everySteps: 250, steps: 29_160 },
    ]);
    expect(effortFor(600, free).stopping).toMatchObject({ finalRateShare: 0.1 });
  });

  it('leaves at least one row to train on, whatever their number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3_000_000 }), (rows) => {
        const { batchRows, epochs, stopping } = effortFor(rows, free);
        expect(rows - (stopping?.rows ?? 0)).toBeGreaterThan(0);
        expect(batchRows).toBeGreaterThan(0);
        expect(epochs).toBeGreaterThan(0);
      }),
    );
  });

  it("is the project's where it says so: exactly its passes, on all rows, with its batch", () => {
    expect(effortFor(225_000, { ...free, batchRows: 2_048, epochs: 6 })).toEqual({ batchRows: 2_048, epochs: 6 });
    expect(effortFor(1_000, { ...free, epochs: 3 })).toEqual({ batchRows: 32, epochs: 3 });
    expect(effortFor(1_000, { ...free, batchRows: 100 }).batchRows).toBe(100);
  });

  it("shrinks the project's batch for few rows, and never below its least", () => {
    const batch = (rows: number) => effortFor(rows, { ...free, batchRows: 2_048, epochs: 6 }).batchRows;
    expect([225_000, 60_000, 14_000, 7_000, 100].map(batch)).toEqual([2_048, 2_048, 512, 512, 512]);
    expect(effortFor(100, { ...free, batchRows: 64, epochs: 6 }).batchRows).toBe(64);
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
    const stopping = { state: { best: 0.5, since: 2, rateShare: 0.32 }, best: Float32Array.of(9, 8, 7) };
    const stopped = { ...checkpoint, stopping };
    expect(decodeCheckpoint(encodeCheckpoint(stopped, sha256), sha256)).toEqual(stopped);
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
