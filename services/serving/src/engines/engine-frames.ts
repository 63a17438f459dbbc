// The messages between serving and its engine processes, and how tensors stand in them. All little-endian; every frame
// is a multiple of 8 bytes long and every tensor starts at a multiple of 8, so that frames that follow each other in an
// aligned buffer are read in place and a typed array is laid over a tensor without a copy.
//
//   frame   = header, head, padding to 8, { tensor bytes, padding to 8 }
//   header  = u32 frame length | u8 kind | u8 flags | u16 tensors | u32 call id | u32 head length | u32 compute µs |
//             u32 messages read from shared memory | u32 tensor bytes in shared memory, 0 = they follow | u32 0
//   head    = texts of the kind, then for each tensor: text name | u8 datatype | u8 rank | u32 × rank shape | u32 byte
//   length text    = u32 byte length | UTF-8
// Heads by kind: run, stream: [text sequence id] u16 outputs {text} u16 parameters {text key, u8 kind, value}; ready,
// load: a JSON text (once per process); failed: text code, text reason; forget: text sequence id. Parameters of single
// tensors do not travel: no engine reads them.
//
// Both ends are Millrace's own, but a model may write to any descriptor of its process: a malformed frame is `corrupt`,
// and its process is ended.

import { ERROR_CODES, type ErrorCode, PlatformError } from '@millrace/domain';
import {
  DATATYPES,
  type Datatype,
  NO_PARAMETERS,
  type Parameters,
  type ParameterValue,
  Tensor,
} from '@millrace/inference';
import { decodeText, textBytes, writeText } from '@millrace/wire';
import type { EngineCall, SequenceStep } from '../runtime/tensor-engine.js';

export const FRAME = {
  /** To the engine: which model to load. */
  load: 1,
  run: 2,
  stream: 3,
  /** The caller of a stream went away. */
  cancel: 4,
  /** A sequence ended without its last step. */
  forget: 5,
  /** From the engine: loaded. */
  ready: 16,
  /** One answer of a stream. */
  answer: 17,
  /** The answer of a run; the end of a stream. */
  done: 18,
  failed: 19,
} as const;
export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export const HEADER_BYTES = 32;
/** Frames up to here are copied into one buffer: below it one write of a copy is cheaper than a gathered write. */
const COPY_BYTES_MAX = 32_768;
const HAS_SEQUENCE = 1;
const SEQUENCE_START = 2;
const SEQUENCE_END = 4;
const PADDING = new Uint8Array(8);
const DATATYPE_INDEX = new Map(DATATYPES.map((datatype, index) => [datatype, index]));

export type Allocate = (bytes: number) => Uint8Array;
const newBytes: Allocate = (bytes) => new Uint8Array(bytes);

/** Without bit operations: sizes may pass 2^31 before they are refused. */
const padded = (bytes: number): number => bytes + ((8 - (bytes % 8)) % 8);

function corrupt(what: string): never {
  throw new PlatformError('corrupt', `message of an engine process: ${what}`);
}

class HeadWriter {
  readonly view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    public at: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(value: number): void {
    this.bytes[this.at++] = value;
  }

  short(value: number): void {
    this.view.setUint16(this.at, value, true);
    this.at += 2;
  }

  int(value: number): void {
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  text(text: string): void {
    const start = this.at + 4;
    const end = writeText(text, this.bytes, start);
    this.view.setUint32(this.at, end - start, true);
    this.at = end;
  }

  parameter(value: ParameterValue): void {
    if (typeof value === 'boolean') this.byte(value ? 1 : 0);
    else if (typeof value === 'number') {
      this.byte(2);
      this.view.setFloat64(this.at, value, true);
      this.at += 8;
    } else if (typeof value === 'string') {
      this.byte(3);
      this.text(value);
    } else {
      // Above the range of int64 it is a uint64.
      this.byte(BigInt.asIntN(64, value) === value ? 4 : 5);
      this.view.setBigUint64(this.at, BigInt.asUintN(64, value), true);
      this.at += 8;
    }
  }
}

const textSize = (text: string): number => 4 + textBytes(text);

function parameterSize(value: ParameterValue): number {
  if (typeof value === 'boolean') return 1;
  return 1 + (typeof value === 'string' ? textSize(value) : 8);
}

function tensorHeadSize(tensor: Tensor): number {
  return textSize(tensor.name) + 6 + 4 * tensor.shape.length;
}

interface Outline {
  kind: FrameKind;
  id: number;
  flags?: number;
  computeUs?: number;
  headBytes: number;
  writeHead(writer: HeadWriter): void;
  tensors: readonly Tensor[];
}

/** How tensors may go beside the pipe (shared-buffer.ts). */
export interface SharedPlace {
  readonly taken: number;
  place(tensors: readonly Tensor[], dataBytes: number): boolean;
}

const PIPE_ONLY: SharedPlace = { taken: 0, place: () => false };

/**
 * The parts of a frame in order; tensors of large frames are views, which must stay as they are until they are written.
 */
function frameOf(outline: Outline, allocate: Allocate, shared: SharedPlace): Uint8Array[] {
  const { tensors } = outline;
  let headBytes = outline.headBytes;
  let dataBytes = 0;
  for (const tensor of tensors) {
    headBytes += tensorHeadSize(tensor);
    dataBytes += padded(tensor.byteLength);
  }
  const dataAt = padded(HEADER_BYTES + headBytes);
  const beside = dataBytes > 0 && shared.place(tensors, dataBytes);
  const length = beside ? dataAt : dataAt + dataBytes;
  if (length > FRAME_BYTES_MAX) {
    throw new PlatformError(
      'invalid_argument',
      `the tensors have ${dataBytes} bytes, an engine process takes at most ${FRAME_BYTES_MAX} at once`,
    );
  }
  const whole = length <= COPY_BYTES_MAX;
  const bytes = allocate(whole ? length : dataAt);
  const writer = new HeadWriter(bytes, 0);
  writer.int(length);
  writer.byte(outline.kind);
  writer.byte(outline.flags ?? 0);
  writer.short(tensors.length);
  writer.int(outline.id);
  writer.int(headBytes);
  writer.int(outline.computeUs ?? 0);
  writer.int(shared.taken);
  writer.int(beside ? dataBytes : 0);
  writer.int(0);
  outline.writeHead(writer);
  for (const tensor of tensors) {
    writer.text(tensor.name);
    writer.byte(DATATYPE_INDEX.get(tensor.datatype) as number);
    writer.byte(tensor.shape.length);
    for (const size of tensor.shape) writer.int(size);
    writer.int(tensor.byteLength);
  }
  bytes.fill(0, writer.at, dataAt);
  if (beside) return [bytes];
  if (whole) {
    let at = dataAt;
    for (const tensor of tensors) {
      tensor.copyTo(bytes, at);
      const end = at + tensor.byteLength;
      at += padded(tensor.byteLength);
      bytes.fill(0, end, at);
    }
    return [bytes];
  }
  const parts = [bytes];
  for (const tensor of tensors) {
    parts.push(tensor.rawBytes());
    const rest = padded(tensor.byteLength) - tensor.byteLength;
    if (rest > 0) parts.push(PADDING.subarray(0, rest));
  }
  return parts;
}

/** Longest frame: ELEMENTS_MAX float32 elements, the largest tensor there is, and its head. */
const FRAME_BYTES_MAX = 1_073_741_824 + 65_536;
const NOTHING: readonly Tensor[] = [];

export function encodeCall(
  kind: typeof FRAME.run | typeof FRAME.stream,
  id: number,
  inputs: readonly Tensor[],
  call: EngineCall,
  allocate: Allocate = newBytes,
  shared: SharedPlace = PIPE_ONLY,
): Uint8Array[] {
  const { outputs, parameters, sequence } = call;
  const keys = parameters === NO_PARAMETERS ? [] : Object.keys(parameters);
  let headBytes = 4;
  if (sequence) headBytes += textSize(sequence.id);
  for (const name of outputs) headBytes += textSize(name);
  for (const key of keys) headBytes += textSize(key) + parameterSize(parameters[key] as ParameterValue);
  const flags = sequence ? HAS_SEQUENCE | (sequence.start ? SEQUENCE_START : 0) | (sequence.end ? SEQUENCE_END : 0) : 0;
  const writeHead = (writer: HeadWriter): void => {
    if (sequence) writer.text(sequence.id);
    writer.short(outputs.length);
    for (const name of outputs) writer.text(name);
    writer.short(keys.length);
    for (const key of keys) {
      writer.text(key);
      writer.parameter(parameters[key] as ParameterValue);
    }
  };
  return frameOf({ kind, id, flags, headBytes, writeHead, tensors: inputs }, allocate, shared);
}

/** `computeUs`: how long the engine computed, as its own process measured it. */
export function encodeAnswer(
  kind: typeof FRAME.answer | typeof FRAME.done,
  id: number,
  outputs: readonly Tensor[],
  computeUs: number,
  allocate: Allocate = newBytes,
  shared: SharedPlace = PIPE_ONLY,
): Uint8Array[] {
  return frameOf({ kind, id, computeUs, headBytes: 0, writeHead: () => undefined, tensors: outputs }, allocate, shared);
}

/** load and ready: the one message of each that is JSON. */
export function encodeDocument(
  kind: typeof FRAME.load | typeof FRAME.ready,
  document: unknown,
  computeUs = 0,
  shared: SharedPlace = PIPE_ONLY,
): Uint8Array[] {
  const text = JSON.stringify(document);
  const writeHead = (writer: HeadWriter): void => writer.text(text);
  return frameOf({ kind, id: 0, computeUs, headBytes: textSize(text), writeHead, tensors: NOTHING }, newBytes, shared);
}

export function encodeFailure(id: number, error: PlatformError, shared: SharedPlace = PIPE_ONLY): Uint8Array[] {
  const reason = error.reason.length > REASON_CHARS_MAX ? `${error.reason.slice(0, REASON_CHARS_MAX)}…` : error.reason;
  const writeHead = (writer: HeadWriter): void => {
    writer.text(error.code);
    writer.text(reason);
  };
  const headBytes = textSize(error.code) + textSize(reason);
  return frameOf({ kind: FRAME.failed, id, headBytes, writeHead, tensors: NOTHING }, newBytes, shared);
}

/** Longest reason that travels: a model's error may quote its whole input. */
const REASON_CHARS_MAX = 4096;

export function encodeCancel(id: number, shared: SharedPlace = PIPE_ONLY): Uint8Array[] {
  return frameOf(
    { kind: FRAME.cancel, id, headBytes: 0, writeHead: () => undefined, tensors: NOTHING },
    newBytes,
    shared,
  );
}

export function encodeForget(sequenceId: string, shared: SharedPlace = PIPE_ONLY): Uint8Array[] {
  const writeHead = (writer: HeadWriter): void => writer.text(sequenceId);
  return frameOf(
    { kind: FRAME.forget, id: 0, headBytes: textSize(sequenceId), writeHead, tensors: NOTHING },
    newBytes,
    shared,
  );
}

/** One received frame; its tensors are views of the bytes. */
export class Frame {
  private readonly view: DataView;
  private at = HEADER_BYTES;
  private readonly headEnd: number;
  readonly kind: number;
  readonly id: number;
  readonly computeUs: number;
  /** Messages of shared memory that the sender has read. */
  readonly acknowledged: number;
  /** Tensor bytes that lie in shared memory; 0 = they follow the head. */
  readonly sharedBytes: number;
  private shared: Uint8Array | undefined;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.kind = bytes[4] as number;
    this.id = this.view.getUint32(8, true);
    this.computeUs = this.view.getUint32(16, true);
    this.acknowledged = this.view.getUint32(20, true);
    this.sharedBytes = this.view.getUint32(24, true);
    this.headEnd = HEADER_BYTES + this.view.getUint32(12, true);
    if (this.headEnd > bytes.length) corrupt('its head is longer than itself');
  }

  /** The tensor bytes out of shared memory, aligned to 8; before `call` or `tensors`. */
  attach(shared: Uint8Array): void {
    this.shared = shared;
  }

  /** Reads the head of run and stream. */
  call(): { inputs: Tensor[]; call: EngineCall } {
    const flags = this.bytes[5] as number;
    const sequence: SequenceStep | undefined =
      flags & HAS_SEQUENCE
        ? { id: this.text(), start: (flags & SEQUENCE_START) !== 0, end: (flags & SEQUENCE_END) !== 0 }
        : undefined;
    const outputs: string[] = [];
    for (let left = this.short(); left > 0; left--) outputs.push(this.text());
    const parameters = this.parameters();
    return { inputs: this.tensors(), call: { outputs, parameters, sequence } };
  }

  document(): unknown {
    const text = this.text();
    try {
      return JSON.parse(text);
    } catch {
      return corrupt('its document is no JSON');
    }
  }

  sequenceId(): string {
    return this.text();
  }

  failure(): PlatformError {
    const code = this.text();
    const reason = this.text();
    return new PlatformError(ERROR_CODES.includes(code as ErrorCode) ? (code as ErrorCode) : 'internal', reason);
  }

  tensors(): Tensor[] {
    const tensors = new Array<Tensor>(this.view.getUint16(6, true));
    const data = this.shared ?? this.bytes;
    const view = this.shared ? new DataView(data.buffer, data.byteOffset, data.byteLength) : this.view;
    let dataAt = this.shared ? 0 : padded(this.headEnd);
    for (let i = 0; i < tensors.length; i++) {
      const name = this.text();
      const datatype: Datatype = DATATYPES[this.byte()] ?? corrupt('it has an unknown datatype');
      const shape = new Array<number>(this.byte());
      for (let dimension = 0; dimension < shape.length; dimension++) shape[dimension] = this.int();
      const end = dataAt + this.int();
      if (end > data.length) corrupt(`tensor '${name}' runs past its end`);
      tensors[i] = Tensor.raw(name, datatype, shape, data, dataAt, end, view);
      dataAt = padded(end);
    }
    if (this.at !== this.headEnd || dataAt !== data.length) corrupt('its parts do not fill it');
    return tensors;
  }

  private parameters(): Parameters {
    const count = this.short();
    if (count === 0) return NO_PARAMETERS;
    const parameters: Record<string, ParameterValue> = Object.create(null);
    for (let left = count; left > 0; left--) {
      const key = this.text();
      parameters[key] = this.parameter();
    }
    return parameters;
  }

  private parameter(): ParameterValue {
    const kind = this.byte();
    if (kind < 2) return kind === 1;
    if (kind === 3) return this.text();
    const at = this.take(8);
    if (kind === 2) return this.view.getFloat64(at, true);
    if (kind === 4) return this.view.getBigInt64(at, true);
    if (kind === 5) return this.view.getBigUint64(at, true);
    return corrupt('it has an unknown kind of parameter');
  }

  private take(bytes: number): number {
    const start = this.at;
    this.at += bytes;
    if (this.at > this.headEnd) corrupt('it ends early');
    return start;
  }

  private byte(): number {
    return this.bytes[this.take(1)] as number;
  }

  private short(): number {
    return this.view.getUint16(this.take(2), true);
  }

  private int(): number {
    return this.view.getUint32(this.take(4), true);
  }

  private text(): string {
    const length = this.int();
    const start = this.take(length);
    return decodeText(this.bytes, start, start + length);
  }
}

/**
 * Cuts a stream of chunks into frames. A frame that lies whole and aligned in a chunk is a view of it; any other is
 * copied once into its own aligned bytes. Holds at most one unfinished frame (`frameBytesMax`). Throws corrupt.
 */
export class FrameReader {
  private readonly header = new Uint8Array(HEADER_BYTES);
  private headerFilled = 0;
  private frame: Uint8Array | undefined;
  private frameFilled = 0;

  constructor(
    private readonly deliver: (frame: Frame) => void,
    private readonly frameBytesMax = FRAME_BYTES_MAX,
  ) {}

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.frame) at += this.fill(this.frame, chunk, at);
      else if (this.headerFilled > 0 || chunk.length - at < HEADER_BYTES) {
        const part = chunk.subarray(at, at + HEADER_BYTES - this.headerFilled);
        this.header.set(part, this.headerFilled);
        this.headerFilled += part.length;
        at += part.length;
        if (this.headerFilled === HEADER_BYTES) {
          this.open(this.lengthAt(this.header, 0));
          this.headerFilled = 0;
          this.fill(this.frame as unknown as Uint8Array, this.header, 0);
        }
      } else {
        const length = this.lengthAt(chunk, at);
        if (chunk.length - at >= length && (chunk.byteOffset + at) % 8 === 0) {
          this.deliver(new Frame(chunk.subarray(at, at + length)));
          at += length;
        } else this.open(length);
      }
    }
  }

  private open(length: number): void {
    this.frame = new Uint8Array(length);
    this.frameFilled = 0;
  }

  private fill(frame: Uint8Array, chunk: Uint8Array, at: number): number {
    const count = Math.min(frame.length - this.frameFilled, chunk.length - at);
    frame.set(chunk.subarray(at, at + count), this.frameFilled);
    this.frameFilled += count;
    if (this.frameFilled === frame.length) {
      this.frame = undefined;
      this.deliver(new Frame(frame));
    }
    return count;
  }

  private lengthAt(bytes: Uint8Array, at: number): number {
    const length =
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24)) >>>
      0;
    if (length < HEADER_BYTES || length % 8 !== 0) corrupt(`a frame of ${length} bytes`);
    if (length > this.frameBytesMax) corrupt(`a frame of ${length} bytes, at most ${this.frameBytesMax} are allowed`);
    return length;
  }
}
