// One call on a stream: deframes and decompresses what comes, frames what goes, ends with a status.

import { status } from '@grpc/grpc-js';
import { type ErrorCode, PlatformError } from '@millrace/domain';
import { ACCEPTED_ENCODINGS, decompressed } from '../http2/compression.js';
import { fieldOf, literalField } from '../http2/hpack.js';
import { PacedBytes } from '../http2/paced-bytes.js';
import { Deframer, encodeStatusMessage, type WireMessage } from '../http2/wire.js';
import { STATUS_BY_CODE } from '../status.js';
import { type AnswerHost, AnswerStream } from './answer-stream.js';
import type { BytesCall, BytesStream, CallHead, StreamHandler, UnaryHandler } from './calls.js';

/** Longest status message; a header list is bounded on the other side too. */
const STATUS_MESSAGE_CHARACTERS_MAX = 1_024;

/** What all calls of a server share. */
export interface ExchangeLimits {
  readonly messageBytesMax: number;
  /** Memory of unfinished messages, all calls together. */
  readonly assemblingBytesMax: number;
  assemblingBytes: number;
}

export interface ExchangeHead {
  readonly host: AnswerHost;
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

function statusFields(code: number, message: string, errorCode?: ErrorCode): Buffer {
  const fields = [literalField('grpc-status', String(code))];
  if (message !== '')
    fields.push(literalField('grpc-message', encodeStatusMessage(message.slice(0, STATUS_MESSAGE_CHARACTERS_MAX))));
  if (errorCode !== undefined) fields.push(literalField('millrace-code', errorCode));
  if (code === status.UNIMPLEMENTED) fields.push(literalField('grpc-accept-encoding', ACCEPTED_ENCODINGS));
  return Buffer.concat(fields);
}

abstract class Exchange extends AnswerStream implements CallHead {
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
    if (this.over) return;
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
    if (this.over) return;
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

  protected roomAgain(): void {
    // A unary handler writes once and does not wait.
  }

  answer(response: Uint8Array): void {
    if (this.settled || this.over) return;
    this.settled = true;
    this.onCancel = undefined;
    this.sendAnswer(response);
  }

  override refuse(code: number, message: string, errorCode?: ErrorCode): void {
    if (this.settled || this.over) return;
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
  private readonly bytes = new PacedBytes(
    (bytes) => this.use(bytes),
    () => this.allUsed(),
  );

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
    this.guarded(() => this.bytes.push(bytes));
  }

  receivedAll(): void {
    this.guarded(() => this.bytes.end());
  }

  gone(): void {
    this.bytes.clear();
    this.onCancel();
  }

  write(message: Uint8Array): boolean {
    return this.over || this.ending || this.writeMessage(message);
  }

  end(): void {
    if (!this.over && !this.ending) this.sendTrailers(undefined);
  }

  override refuse(code: number, message: string, errorCode?: ErrorCode): void {
    if (!this.over && !this.ending) super.refuse(code, message, errorCode);
  }

  pause(): void {
    this.bytes.pause();
  }

  resume(): void {
    this.guarded(() => this.bytes.resume());
  }

  protected roomAgain(): void {
    this.onDrain();
  }

  private use(bytes: Buffer): void {
    this.deframe(bytes, this.take);
    this.host.credit(this, bytes.length);
  }

  private allUsed(): void {
    if (this.ending || this.over) return;
    if (this.deframer.end() === null) this.onEnd();
    else this.refuse(status.INVALID_ARGUMENT, 'the stream ended within a message', 'invalid_argument');
  }

  private readonly take = (message: WireMessage): void => {
    if (!this.ending && !this.over) this.onMessage(this.plain(message));
  };

  private guarded(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.refuseWith(thrown);
    }
  }
}
