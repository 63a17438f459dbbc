// A file on the disk as the outline of an ONNX model reads it: one window of it in memory, whatever its size. Blocking:
// a model of a thousand nodes is a few dozen reads.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { PlatformError } from '@millrace/domain';
import type { OwnFile } from '../packaging/bound-package.js';
import { type ByteSource, onnxOutline } from './onnx-outline.codec.js';

const WINDOW_BYTES = 65_536;

/** Outputs that are no tensors. @throws PlatformError 'invalid_argument' for what is none, or reaches outside */
export function inspectOnnx(files: readonly OwnFile[]): readonly string[] {
  const { external, noTensors } = withFile((files[0] as OwnFile).file, onnxOutline);
  if (external.length === 0) return noTensors;
  const named = external.slice(0, 3).map((name) => `'${name}'`);
  throw new PlatformError(
    'invalid_argument',
    `the model keeps weights in other files (${named.join(', ')}${external.length > 3 ? ', …' : ''}), which are not taken: ` +
      `save it as one file, onnx.save(onnx.load(path), 'model.onnx', save_as_external_data=False)`,
  );
}

function withFile<T>(path: string, read: (source: ByteSource) => T): T {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const window = Buffer.alloc(WINDOW_BYTES);
    let [start, filled] = [0, 0];
    return read({
      size,
      at(offset, length) {
        const wanted = Math.min(length, size - offset, WINDOW_BYTES);
        if (offset < start || offset + wanted > start + filled) {
          start = offset;
          filled = readSync(file, window, 0, WINDOW_BYTES, offset);
        }
        return window.subarray(offset - start, Math.min(offset - start + wanted, filled));
      },
    });
  } finally {
    closeSync(file);
  }
}
