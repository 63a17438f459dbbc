// One call on a stream: deframes and decompresses what comes, frames what goes, ends with a status.

import { status } from '@grpc/grpc-js';
import { type ErrorCode, PlatformError } from '@millrace/domain';
import { STATUS_BY_CODE } from '../status.js';
import type { BytesCall, BytesStream, CallHead, StreamHandler, UnaryHandler } from './calls.js';
import { ACCEPTED_ENCODINGS, decompressed } from './compression.js';
import { literalField } from './hpack.js';
import { Http2Stream, type StreamHost } from './stream.js';
import { Deframer, encodeStatusMessage, type WireMessage } from './wire.js';

/** Longest status message; a header list is bounded on the other side too. */
const STATUS_MESSAGE_CHARACTERS_MAX = 1_024;
/** Unsent bytes of a stream beyond which write() says false. */
const UNSENT_BYTES_HIGH = 262_144;
/** Parts of a paused stream that are smaller are copied together: else a byte could keep a whole read alive. */
const BACKLOG_PART_BYTES = 1_024;

/** What all calls of a server share. */
export interface ExchangeLimits {
  readonly messageBytesMax: number;
  /** Memory of unfinished messages, all calls together. */
  readonly assemblingBytesMax: number;
  assemblingBytes: number;
}

export interface ExchangeHead {
  readonly host: StreamHost;
  readonly id: number;
  readonly sendWindow: number;
  readonly receiveWindow: number;
  /** Names and values in turns. */
  readonly headers: readonly string[];
  readonly path: string;
  readonly arrivedAtMs: number;
  readonly deadlineAtMs: number;
  readonly limits: ExchangeLimits;
}

/** The value of a field, '' where there is none. */
export function fieldOf(headers: readonly string[], name: string): string {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1] as string;
  return '';
}

function statusFields(code: number, message: string, errorCode?: ErrorCode): Buffer {
  const fields = [literalField('grpc-status', String(code))];
  if (message !== '')
    fields.push(literalField('grpc-message', encodeStatusMessage(message.slice(0, STATUS_MESSAGE_CHARACTERS_MAX))));
  if (errorCode !== undefined) fields.push(literalField('millrace-code', errorCode));
  if (code === status.UNIMPLEMENTED) fields.push(literalField('grpc-accept-encoding', ACCEPTED_ENCODINGS));
  return Buffer.concat(fields);
}

abstract class Exchange extends Http2Stream implements CallHead {
  readonly path: string;
  readonly arrivedAtMs: number;
  readonly deadlineAtMs: number;
  protected readonly limits: ExchangeLimits;
  protected readonly deframer: Deframer;
  readonly headers: readonly string[];
  private assembling = 0;

  constructor(head: ExchangeHead) {
    super(head.host, head.id, head.sendWindow, head.receiveWindow);
    this.path = head.path;
    this.arrivedAtMs = head.arrivedAtMs;
    this.deadlineAtMs = head.deadlineAtMs;
    this.headers = head.headers;
    this.limits = head.limits;
    this.deframer = new Deframer(head.limits.messageBytesMax);
  }

  header(name: string): string {
    return fieldOf(this.headers, name);
  }

  refuse(code: number, message: string, errorCode?: ErrorCode): void {
    if (this.localEnded) return;
    const fields = statusFields(code, message, errorCode);
    if (this.responded || this.queuedBytes > 0) this.sendTrailers(fields);
    else this.sendTrailersOnly(fields);
  }

  forgotten(): void {
    this.account(0);
  }

  protected refuseWith(thrown: unknown): void {
    const { code, reason } = PlatformError.from(thrown);
    this.refuse(STATUS_BY_CODE[code], reason, code);
  }

  protected deframe(bytes: Buffer, each: (message: WireMessage) => void): void {
    const { limits } = this;
    if (this.deframer.push(bytes, each) !== null) {
      this.refuse(status.RESOURCE_EXHAUSTED, `a message has more than ${limits.messageBytesMax} bytes`, 'overloaded');
      return;
    }
    if (this.localEnded) return;
    this.account(this.deframer.held);
    if (limits.assemblingBytes > limits.assemblingBytesMax && this.assembling > 0)
      this.refuse(status.RESOURCE_EXHAUSTED, 'too many large requests arrive at once', 'overloaded');
  }

  protected plain(message: WireMessage): Uint8Array {
    if (!message.compressed) return message.bytes;
    return decompressed(message, this.header('grpc-encoding'), this.limits.messageBytesMax);
  }

  private account(bytes: number): void {
    this.limits.assemblingBytes += bytes - this.assembling;
    this.assembling = bytes;
  }
}

export class UnaryExchange extends Exchange implements BytesCall {
  onCancel: (() => void) | undefined;
  private request: WireMessage | undefined;
  private settled = false;

  constructor(
    head: ExchangeHead,
    private readonly handle: UnaryHandler,
  ) {
    super(head);
  }

  opened(): void {
    // Nothing to do before the request is here.
  }

  received(bytes: Buffer): void {
    this.deframe(bytes, this.take);
    this.host.credit(this, bytes.length);
  }

  receivedAll(): void {
    const { request } = this;
    if (this.settled) return;
    if (request === undefined || this.deframer.end() !== null) {
      this.refuse(status.INVALID_ARGUMENT, 'the call ended before its message', 'invalid_argument');
      return;
    }
    this.request = undefined;
    try {
      this.handle(this, this.plain(request));
    } catch (thrown) {
      this.refuseWith(thrown);
    }
  }

  gone(): void {
    const { onCancel } = this;
    this.onCancel = undefined;
    onCancel?.();
  }

  drained(): void {
    // A unary handler writes once and does not wait.
  }

  answer(response: Uint8Array): void {
    if (this.settled || this.localEnded) return;
    this.settled = true;
    this.onCancel = undefined;
    this.sendAnswer(response);
  }

  override refuse(code: number, message: string, errorCode?: ErrorCode): void {
    if (this.settled || this.localEnded) return;
    this.settled = true;
    this.onCancel = undefined;
    super.refuse(code, message, errorCode);
  }

  private readonly take = (message: WireMessage): void => {
    if (this.request === undefined) this.request = message;
    else this.refuse(status.INVALID_ARGUMENT, 'a unary call has one message', 'invalid_argument');
  };
}

export class StreamExchange extends Exchange implements BytesStream {
  onMessage: (message: Uint8Array) => void = () => undefined;
  onEnd: () => void = () => undefined;
  onCancel: () => void = () => undefined;
  onDrain: () => void = () => undefined;
  private backlog: Buffer[] = [];
  private paused = false;
  private using = false;
  private allReceived = false;
  private wantsDrain = false;
  private scheduled = false;
  private ending = false;

  constructor(
    head: ExchangeHead,
    private readonly handle: StreamHandler,
  ) {
    super(head);
  }

  opened(): void {
    try {
      this.handle(this);
    } catch (thrown) {
      this.refuseWith(thrown);
    }
  }

  received(bytes: Buffer): void {
    const { backlog } = this;
    const last = backlog.at(-1);
    if (!this.paused && backlog.length === 0) backlog.push(bytes);
    else if (last === undefined || bytes.length >= BACKLOG_PART_BYTES) backlog.push(Buffer.from(bytes));
    else if (last.length >= 16 * BACKLOG_PART_BYTES) backlog.push(Buffer.from(bytes));
    else backlog[backlog.length - 1] = Buffer.concat([last, bytes]);
    this.use();
  }

  receivedAll(): void {
    this.allReceived = true;
    this.use();
  }

  gone(): void {
    this.backlog = [];
    this.onCancel();
  }

  drained(): void {
    if (!this.wantsDrain || this.unsent() >= UNSENT_BYTES_HIGH / 2) return;
    this.wantsDrain = false;
    this.onDrain();
  }

  write(message: Uint8Array): boolean {
    if (this.localEnded || this.ending) return true;
    this.queueMessage(message);
    // Messages of one turn leave together.
    if (!this.scheduled) {
      this.scheduled = true;
      this.host.wrote(this);
    }
    this.wantsDrain ||= this.unsent() >= UNSENT_BYTES_HIGH;
    return !this.wantsDrain;
  }

  end(): void {
    if (this.localEnded || this.ending) return;
    this.ending = true;
    this.sendTrailers(undefined);
  }

  override refuse(code: number, message: string, errorCode?: ErrorCode): void {
    if (this.localEnded || this.ending) return;
    this.ending = true;
    super.refuse(code, message, errorCode);
  }

  override pump(): void {
    this.scheduled = false;
    super.pump();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.use();
  }

  private unsent(): number {
    return this.queuedBytes + this.host.unsentBytes;
  }

  private readonly take = (message: WireMessage): void => {
    if (!this.ending && !this.localEnded) this.onMessage(this.plain(message));
  };

  /** Hands on what is here, unless a handler that paused or resumed is below us on the stack. */
  private use(): void {
    if (this.using) return;
    this.using = true;
    try {
      while (!this.paused && this.backlog.length > 0) {
        const bytes = this.backlog.shift() as Buffer;
        this.deframe(bytes, this.take);
        this.host.credit(this, bytes.length);
      }
      if (this.allReceived && this.backlog.length === 0 && !this.ending && !this.localEnded) {
        this.allReceived = false;
        if (this.deframer.end() === null) this.onEnd();
        else this.refuse(status.INVALID_ARGUMENT, 'the stream ended within a message', 'invalid_argument');
      }
    } catch (thrown) {
      this.refuseWith(thrown);
    } finally {
      this.using = false;
    }
  }
}
