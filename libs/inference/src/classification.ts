// The classification extension: instead of an output its N highest values, as texts "score:index" or
// "score:index:label". Scores are written as Triton writes them: integers as they are, floats with six decimals. NaN
// ranks as -Infinity; equal scores rank by index. O(elements × log N) time, O(N) memory a row.

import { PlatformError } from '@millrace/domain';
import { Tensor } from './tensor.js';

/**
 * `batched`: dimension 0 counts rows and each row has its own classes: [rows, k]; otherwise the whole tensor is one:
 * [k], with k = min(classes, elements). `labels` by index. Throws invalid_argument for BYTES.
 */
export function classify(tensor: Tensor, classes: number, batched: boolean, labels: readonly string[] = []): Tensor {
  const { name, datatype, shape, count } = tensor;
  if (datatype === 'BYTES') {
    throw new PlatformError('invalid_argument', `class result not available for output '${name}', its type is BYTES`);
  }
  const rows = batched ? (shape[0] ?? 1) : 1;
  const width = rows === 0 ? 0 : count / rows;
  const kept = Math.min(classes, width);
  const floating = datatype.startsWith('FP') || datatype === 'BF16';
  const wide = datatype === 'INT64' || datatype === 'UINT64';
  const values = wide ? tensor.toValues() : undefined;
  const texts: string[] = [];
  for (let row = 0; row < rows; row++) {
    for (const index of highest(tensor, row * width, width, kept)) {
      const at = row * width + index;
      const value = values ? String(values[at]) : tensor.number(at);
      const score = typeof value === 'string' ? value : floating ? fixed(value) : String(value);
      const label = labels[index] ?? '';
      texts.push(label === '' ? `${score}:${index}` : `${score}:${index}:${label}`);
    }
  }
  return Tensor.of(name, 'BYTES', batched ? [rows, kept] : [kept], texts);
}

/** As C's "%f": JavaScript's toFixed turns to exponents from 1e21 on. */
function fixed(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Math.abs(value) < 1e21 ? value.toFixed(6) : `${BigInt(value)}.000000`;
}

/**
 * Indexes of the `kept` highest of `width` values from `start`, highest first: a heap with the worst kept one on top.
 */
function highest(tensor: Tensor, start: number, width: number, kept: number): number[] {
  const score = (index: number) => {
    const value = tensor.number(start + index);
    return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
  };
  const heap: number[] = [];
  /** Whether a ranks behind b. */
  const behind = (a: number, b: number) => {
    const difference = score(a) - score(b);
    return difference < 0 || ((difference === 0 || Number.isNaN(difference)) && a > b);
  };
  const sink = () => {
    for (let at = 0; ; ) {
      let worst = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && behind(heap[child] as number, heap[worst] as number)) worst = child;
      }
      if (worst === at) return;
      [heap[at], heap[worst]] = [heap[worst] as number, heap[at] as number];
      at = worst;
    }
  };
  const rise = () => {
    for (let at = heap.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!behind(heap[at] as number, heap[parent] as number)) return;
      [heap[at], heap[parent]] = [heap[parent] as number, heap[at] as number];
      at = parent;
    }
  };
  for (let index = 0; index < width; index++) {
    if (heap.length < kept) {
      heap.push(index);
      rise();
    } else if (kept > 0 && behind(heap[0] as number, index)) {
      heap[0] = index;
      sink();
    }
  }
  return heap.sort((a, b) => (behind(a, b) ? 1 : -1));
}
