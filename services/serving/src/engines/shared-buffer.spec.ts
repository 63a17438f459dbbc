import { describe, expect, it } from '@jest/globals';
import { Tensor } from '@millrace/inference';
import { SHARED_BYTES_MAX, SHARED_BYTES_MIN, SharedBuffer } from './shared-buffer.js';

const large = Tensor.of('x', 'UINT8', [SHARED_BYTES_MIN], new Uint8Array(SHARED_BYTES_MIN).fill(7));
const file = (room = true) => ({ write: () => room, read: (length: number) => new Uint8Array(length) });

describe('a buffer in shared memory', () => {
  it('has one message at a time: the place is free when the other side has read it', () => {
    const shared = new SharedBuffer(file());
    expect([shared.place([large], SHARED_BYTES_MIN), shared.place([large], SHARED_BYTES_MIN)]).toEqual([true, false]);
    shared.acknowledge(0);
    expect(shared.place([large], SHARED_BYTES_MIN)).toBe(false);
    shared.acknowledge(1);
    expect(shared.place([large], SHARED_BYTES_MIN)).toBe(true);
    expect(shared.taken).toBe(0);
    shared.take(8);
    expect(shared.taken).toBe(1);
  });

  it('leaves small and huge messages to the pipe, and all where there is no memory', () => {
    const shared = new SharedBuffer(file());
    expect([shared.place([large], SHARED_BYTES_MIN - 1), shared.place([large], SHARED_BYTES_MAX + 1)]).toEqual([
      false,
      false,
    ]);
    expect(new SharedBuffer(undefined).place([large], SHARED_BYTES_MIN)).toBe(false);
    const full = new SharedBuffer(file(false));
    expect(full.place([large], SHARED_BYTES_MIN)).toBe(false);
    // What the other side wrote is still read.
    expect(full.take(16).length).toBe(16);
  });
});
