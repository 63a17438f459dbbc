// A checkpoint's bytes: everything a resumed run needs to go on bit for bit. The sampler's place follows from the step.
//
//   "MLCK" version:u32 header length:u32 header JSON  weights  slots...  best weights, where the header has a
//   state of stopping   (float32, little endian)  SHA-256 of all before
//
// Reading checks the hash; a torn or foreign file is `corrupt`.

import { PlatformError } from '@millrace/domain';
import type { OptimizerKind, StoppingState } from '@millrace/models';
import type { Checkpoint } from './train-loop.js';

const MAGIC = 0x4b434c4d; // "MLCK"
const HASH_BYTES = 32;

interface Header {
  step: number;
  optimizer: OptimizerKind;
  optimizerStep: number;
  size: number;
  slots: number;
  stopping?: StoppingState;
}

export type Sha256 = (bytes: Uint8Array) => Uint8Array;

export function encodeCheckpoint(checkpoint: Checkpoint, sha256: Sha256): Uint8Array {
  const { step, weights, optimizer, stopping } = checkpoint;
  const header: Header = {
    step,
    optimizer: optimizer.kind,
    optimizerStep: optimizer.step,
    size: weights.length,
    slots: optimizer.slots.length,
    ...(stopping === undefined ? {} : { stopping: stopping.state }),
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const arrays = [weights, ...optimizer.slots, ...(stopping === undefined ? [] : [stopping.best])];
  const body = 12 + text.length + arrays.reduce((sum, array) => sum + array.byteLength, 0);
  const bytes = new Uint8Array(body + HASH_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, 1, true);
  view.setUint32(8, text.length, true);
  bytes.set(text, 12);
  let at = 12 + text.length;
  for (const array of arrays) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += array.byteLength;
  }
  bytes.set(sha256(bytes.subarray(0, body)), body);
  return bytes;
}

export function decodeCheckpoint(bytes: Uint8Array, sha256: Sha256): Checkpoint {
  const corrupt = (reason: string) => new PlatformError('corrupt', `checkpoint: ${reason}`);
  const body = bytes.length - HASH_BYTES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (body < 12 || view.getUint32(0, true) !== MAGIC) throw corrupt('not a checkpoint');
  const hash = sha256(bytes.subarray(0, body));
  if (!hash.every((byte, i) => byte === bytes[body + i])) throw corrupt('the hash does not match');
  const length = view.getUint32(8, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(12, 12 + length))) as Header;
  const arrays = 1 + header.slots + (header.stopping === undefined ? 0 : 1);
  if (body !== 12 + length + arrays * header.size * 4) throw corrupt('wrong length');
  let at = 12 + length;
  const next = () => {
    // Not bytes.slice(): a Buffer's slice is a view on memory that it shares with others.
    const array = new Float32Array(header.size);
    new Uint8Array(array.buffer).set(bytes.subarray(at, at + array.byteLength));
    at += header.size * 4;
    return array;
  };
  const weights = next();
  const slots = Array.from({ length: header.slots }, next);
  const optimizer = { kind: header.optimizer, step: header.optimizerStep, slots };
  const kept = header.stopping === undefined ? {} : { stopping: { state: header.stopping, best: next() } };
  return { step: header.step, weights, optimizer, ...kept };
}
