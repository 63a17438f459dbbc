import { describe, expect, it } from '@jest/globals';
import { MemoryReturn } from './memory-return.js';

const MIB = 1024 * 1024;
const reading = (atMs: number, mib: number, busyShare = 0.1) => ({ atMs, residentBytes: mib * MIB, busyShare });

describe('memory', () => {
  it('is given back when the service has been calm for two readings and has grown', () => {
    const memory = new MemoryReturn(200 * MIB);
    expect(memory.isDue(reading(0, 500, 0.9))).toBe(false);
    expect(memory.isDue(reading(5_000, 500))).toBe(false);
    expect(memory.isDue(reading(10_000, 500, 0.9))).toBe(false);
    expect(memory.isDue(reading(15_000, 500))).toBe(false);
    expect(memory.isDue(reading(20_000, 500))).toBe(true);
  });

  it('is not asked for again before it has grown again, nor within a minute', () => {
    const memory = new MemoryReturn(200 * MIB);
    memory.isDue(reading(0, 210));
    expect(memory.isDue(reading(5_000, 210))).toBe(false);
    expect(memory.isDue(reading(10_000, 270))).toBe(true);
    memory.returned(10_000, 260 * MIB);
    expect(memory.isDue(reading(90_000, 300))).toBe(false);
    expect(memory.isDue(reading(95_000, 330))).toBe(true);
    memory.returned(95_000, 240 * MIB);
    expect(memory.isDue(reading(150_000, 600))).toBe(false);
    expect(memory.isDue(reading(155_000, 600))).toBe(true);
  });
});
