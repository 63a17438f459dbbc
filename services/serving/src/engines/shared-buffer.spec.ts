import { describe, expect, it } from '@jest/globals';
import { Tensor } from '@millrace/inference';
import { SHARED_BYTES_MAX, SHARED_BYTES_MIN, SharedLane } from './shared-lane.js';

const large = Tensor.of('x', 'UINT8', [SHARED_BYTES_MIN], new Uint8Array(SHARED_BYTES_MIN).fill(7));
const file = (room = true) => ({ write: () => room, read: (length: number) => new Uint8Array(length) });

describe('a lane in shared memory', () => {
  it('has one message at a time: the place is free when the other side has read it', () => {
    const lane = new SharedLane(file());
    expect([lane.place([large], SHARED_BYTES_MIN), lane.place([large], SHARED_BYTES_MIN)]).toEqual([true, false]);
    lane.acknowledge(0);
    expect(lane.place([large], SHARED_BYTES_MIN)).toBe(false);
    lane.acknowledge(1);
    expect(lane.place([large], SHARED_BYTES_MIN)).toBe(true);
    expect(lane.taken).toBe(0);
    lane.take(8);
    expect(lane.taken).toBe(1);
  });

  it('leaves small and huge messages to the pipe, and all where there is no memory', () => {
    const lane = new SharedLane(file());
    expect([lane.place([large], SHARED_BYTES_MIN - 1), lane.place([large], SHARED_BYTES_MAX + 1)]).toEqual([
      false,
      false,
    ]);
    expect(new SharedLane(undefined).place([large], SHARED_BYTES_MIN)).toBe(false);
    const full = new SharedLane(file(false));
    expect(full.place([large], SHARED_BYTES_MIN)).toBe(false);
    // What the other side wrote is still read.
    expect(full.take(16).length).toBe(16);
  });
});
