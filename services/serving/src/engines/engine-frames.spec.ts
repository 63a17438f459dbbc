import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { DATATYPES, ELEMENT_BYTES, NO_PARAMETERS, type Parameters, Tensor } from '@millrace/inference';
import fc from 'fast-check';
import { joined } from '../../test/engine-in-memory.js';
import type { EngineCall } from '../runtime/tensor-engine.js';
import {
  encodeAnswer,
  encodeCall,
  encodeCancel,
  encodeDocument,
  encodeFailure,
  encodeForget,
  FRAME,
  type Frame,
  FrameReader,
  HEADER_BYTES,
} from './engine-frames.js';

const name = fc.string({ maxLength: 40, unit: 'binary' });

/** A tensor over bytes that start anywhere in their buffer. */
const tensor = fc
  .record({
    name,
    datatype: fc.constantFrom(...DATATYPES),
    shape: fc.array(fc.nat(4), { maxLength: 4 }),
    shift: fc.nat(7),
    seed: fc.nat(),
  })
  .map(({ name, datatype, shape, shift, seed }) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const size = ELEMENT_BYTES[datatype];
    const length = size > 0 ? count * size : count * 5;
    const bytes = new Uint8Array(shift + length);
    for (let i = 0; i < length; i++) bytes[shift + i] = (seed + i * 31) & 255;
    if (size === 0) for (let i = 0; i < count; i++) bytes.set([1, 0, 0, 0], shift + i * 5);
    return Tensor.raw(name, datatype, shape, bytes, shift, shift + length);
  });

const parameters: fc.Arbitrary<Parameters> = fc.dictionary(
  name,
  fc.oneof(fc.boolean(), fc.double(), name, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })),
  { maxKeys: 4 },
);

const call: fc.Arbitrary<EngineCall> = fc.record({
  outputs: fc.array(name, { maxLength: 3 }),
  parameters: fc.oneof(fc.constant(NO_PARAMETERS), parameters),
  sequence: fc.option(fc.record({ id: name, start: fc.boolean(), end: fc.boolean() }), { nil: undefined }),
});

const plain = (tensors: readonly Tensor[]) =>
  tensors.map((one) => [one.name, one.datatype, [...one.shape], [...one.rawBytes()]]);

function read(bytes: Uint8Array, cuts: readonly number[] = [], shift = 0): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader((frame) => frames.push(frame));
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let at = 0;
  for (const end of ends) {
    // Each chunk stands somewhere in its own buffer, as sockets and pools give them.
    const home = new Uint8Array(shift + end - at);
    home.set(bytes.subarray(at, end), shift);
    reader.push(home.subarray(shift));
    at = end;
  }
  return frames;
}

describe('frames of engine processes', () => {
  it('bring calls through any split of the bytes, tensors aligned', () => {
    const frame = fc.record({
      id: fc.integer({ min: 1, max: 0xffff_ffff }),
      inputs: fc.array(tensor, { maxLength: 4 }),
      call,
    });
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        fc.nat(9),
        (sent, cuts, shift) => {
          const bytes = joined(sent.flatMap(({ id, inputs, call }) => encodeCall(FRAME.run, id, inputs, call)));
          const frames = read(bytes, cuts, shift);
          expect(frames.map(({ kind, id }) => [kind, id])).toEqual(sent.map(({ id }) => [FRAME.run, id]));
          for (const [i, frame] of frames.entries()) {
            const { inputs, call } = frame.call();
            const { inputs: given, call: asked } = sent[i] as (typeof sent)[0];
            expect(plain(inputs)).toEqual(plain(given));
            expect(call.outputs).toEqual(asked.outputs);
            expect(call.sequence).toEqual(asked.sequence);
            expect({ ...call.parameters }).toEqual({ ...asked.parameters });
            for (const one of inputs) expect(one.rawBytes().byteOffset % 8).toBe(0);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('bring answers, small and large', () => {
    for (const count of [0, 1, 3, 100_000]) {
      const sent = [
        Tensor.of('a', 'FP32', [count], new Float32Array(count).fill(1.5)),
        Tensor.of('b', 'BOOL', [1], [true]),
      ];
      const [frame] = read(joined(encodeAnswer(FRAME.done, 9, sent, 1234)), [40, 77_777]) as [Frame];
      expect([frame.kind, frame.id, frame.computeUs]).toEqual([FRAME.done, 9, 1234]);
      expect(plain(frame.tensors())).toEqual(plain(sent));
    }
  });

  it('do not copy the tensors of a large frame', () => {
    const large = new Float32Array(65_536);
    const parts = encodeCall(FRAME.run, 1, [Tensor.of('x', 'FP32', [65_536], large)], {
      outputs: [],
      parameters: NO_PARAMETERS,
      sequence: undefined,
    });
    expect(parts.some((part) => part.buffer === large.buffer)).toBe(true);
  });

  it('bring documents, failures and cancels', () => {
    const long = 'x'.repeat(10_000);
    const frames = read(
      joined([
        ...encodeDocument(FRAME.ready, { a: ['ü'] }, 5),
        ...encodeFailure(3, new PlatformError('overloaded', 'too much')),
        ...encodeFailure(4, new PlatformError('internal', long)),
        ...encodeCancel(3),
        ...encodeForget('séquence'),
      ]),
      [1, 2, 3],
    );
    expect(frames[0]?.document()).toEqual({ a: ['ü'] });
    expect(frames[1]?.failure()).toMatchObject({ code: 'overloaded', reason: 'too much' });
    expect(frames[2]?.failure().reason.length).toBeLessThan(5000);
    expect([frames[3]?.kind, frames[3]?.id]).toEqual([FRAME.cancel, 3]);
    expect([frames[4]?.kind, frames[4]?.sequenceId()]).toEqual([FRAME.forget, 'séquence']);
  });

  it('are refused as corrupt when their bytes are damaged, never read past their end', () => {
    const good = joined(
      encodeCall(FRAME.run, 1, [Tensor.of('x', 'BYTES', [2], ['ab', 'c'])], {
        outputs: ['y'],
        parameters: { p: 3n },
        sequence: { id: 's', start: true, end: false },
      }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.record({ at: fc.nat(good.length - 1), value: fc.nat(255) }), { minLength: 1 }),
        (damage) => {
          const bytes = good.slice();
          for (const { at, value } of damage) bytes[at] = value;
          try {
            for (const frame of read(bytes)) frame.call();
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(PlatformError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('have a longest length', () => {
    const reader = new FrameReader(() => undefined, 64);
    const bytes = joined(encodeDocument(FRAME.load, { text: 'x'.repeat(100) }));
    expect(() => reader.push(bytes)).toThrow('at most 64 are allowed');
    expect(() => new FrameReader(() => undefined).push(new Uint8Array(HEADER_BYTES))).toThrow('a frame of 0 bytes');
  });
});
