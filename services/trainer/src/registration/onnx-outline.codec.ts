// What has to be known of a stranger's ONNX file before any engine is given it, read off its bytes: that it is a whole
// ModelProto with a graph, which weights it looks for in other files, and which of its outputs are no tensors. Only
// messages on the way to those are entered (proto/onnx/onnx.proto); weights are passed over, never copied. Cost: a few
// reads a node. Bounded: nesting by DEPTH_MAX, fields of a message by the file's own bytes.

import { PlatformError } from '@millrace/domain';

/** Random access to the file; past its end there is nothing. */
export interface ByteSource {
  readonly size: number;
  /** The bytes from `offset` on, at most `length`. */
  at(offset: number, length: number): Uint8Array;
}

export interface OnnxOutline {
  /** Where weights are looked for outside of the file, as they are named there. */
  external: readonly string[];
  /** Names of outputs that are sequences or maps (scikit-learn's ZipMap) or optionals. */
  noTensors: readonly string[];
}

/** Graphs within nodes within graphs; real models have two or three. */
const DEPTH_MAX = 32;
/** Names of files and tensors; a longer one is cut. */
const TEXT_BYTES_MAX = 1_024;

type Message =
  | 'model'
  | 'graph'
  | 'node'
  | 'attribute'
  | 'tensor'
  | 'sparse'
  | 'function'
  | 'entry'
  | 'output'
  | 'type';

/** Field numbers that lead on, by message. */
const ENTERED: Readonly<Record<Message, Readonly<Record<number, Message>>>> = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 12: 'output', 15: 'sparse' },
  function: { 7: 'node', 11: 'attribute' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  tensor: { 13: 'entry' },
  output: { 2: 'type' },
  entry: {},
  type: {},
};
/** Of TypeProto: sequence, map, sparse tensor, optional. */
const NO_TENSOR_FIELDS: ReadonlySet<number> = new Set([4, 5, 8, 9]);

/** @throws PlatformError 'invalid_argument' where the file is no whole ONNX model */
export function onnxOutline(source: ByteSource): OnnxOutline {
  const walk = new Walk(source);
  walk.message('model', 0, source.size, 0);
  if (!walk.hasGraph) throw noModel('it has no graph');
  return { external: [...walk.external], noTensors: [...walk.noTensors] };
}

function noModel(why: string): PlatformError {
  return new PlatformError(
    'invalid_argument',
    `this is no ONNX model: ${why}; save it anew with onnx.save(model, path)`,
  );
}

class Walk {
  hasGraph = false;
  readonly external = new Set<string>();
  readonly noTensors = new Set<string>();
  private position = 0;

  constructor(private readonly source: ByteSource) {}

  message(kind: Message, start: number, end: number, depth: number): void {
    if (depth > DEPTH_MAX) throw noModel(`its graphs are nested more than ${DEPTH_MAX} deep`);
    let name = '';
    let isTensor = true;
    const entry = { key: '', value: '' };
    this.position = start;
    while (this.position < end) {
      const tag = this.varint(end);
      const [field, wire] = [Math.floor(tag / 8), tag % 8];
      if (field === 0) throw noModel(`byte ${this.position} begins no field`);
      const length = wire === 2 ? this.varint(end) : this.skipped(wire, end);
      const from = this.position;
      const to = from + length;
      if (to > end) throw noModel(`it ends at byte ${end}, where ${to} would be`);
      const inner = ENTERED[kind][field];
      if (wire === 2 && kind === 'output' && field === 1) name = this.text(from, length);
      else if (wire === 2 && kind === 'entry') entry[field === 1 ? 'key' : 'value'] = this.text(from, length);
      else if (wire === 2 && kind === 'output' && inner === 'type')
        isTensor = !this.hasField(from, to, NO_TENSOR_FIELDS);
      else if (wire === 2 && inner !== undefined) {
        if (inner === 'graph') this.hasGraph ||= kind === 'model';
        this.message(inner, from, to, depth + 1);
      }
      this.position = to;
    }
    if (kind === 'entry' && entry.key === 'location') this.external.add(entry.value);
    if (kind === 'output' && !isTensor && depth === 2) this.noTensors.add(name);
  }

  private hasField(start: number, end: number, wanted: ReadonlySet<number>): boolean {
    this.position = start;
    while (this.position < end) {
      const tag = this.varint(end);
      if (wanted.has(Math.floor(tag / 8))) return true;
      const length = tag % 8 === 2 ? this.varint(end) : this.skipped(tag % 8, end);
      this.position += length;
    }
    return false;
  }

  /** Bytes of a field that is no message; a varint is passed over at once. */
  private skipped(wire: number, end: number): number {
    if (wire === 1) return 8;
    if (wire === 5) return 4;
    if (wire !== 0) throw noModel(`byte ${this.position} begins no field`);
    this.varint(end);
    return 0;
  }

  private varint(end: number): number {
    const bytes = this.source.at(this.position, Math.min(10, end - this.position));
    let value = 0;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      // Beyond 2^53 the value is a number of no length: exactness does not matter, only that it is too large.
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) {
        this.position += i + 1;
        return value;
      }
    }
    throw noModel(`it ends within a field, at byte ${end}`);
  }

  private text(start: number, length: number): string {
    return new TextDecoder().decode(this.source.at(start, Math.min(length, TEXT_BYTES_MAX)));
  }
}
