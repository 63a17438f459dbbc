// One call on a node:http2 stream: deframes and decompresses what comes, frames what goes, ends with trailers.

import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { type ErrorCode, PlatformError } from '@millrace/domain';
import { STATUS_BY_CODE } from '../status.js';
import type { BytesCall, BytesStream, CallHead } from './calls.js';
import { ACCEPTED_ENCODINGS, decompressed } from './compression.js';
import { Deframer, encodeStatusMessage, frame, type WireMessage } from './wire.js';

const OK_HEADERS = { ':status': 200, 'content-type': 'application/grpc' };
const OK_TRAILERS = { 'grpc-status': '0' };
const WITH_TRAILERS = { waitForTrailers: true };
/** Longest status message; a header list is bounded on the other side too. */
const STATUS_MESSAGE_CHARACTERS_MAX = 1024;
/** Unwritten bytes of a stream beyond which write() says false. */
const UNWRITTEN_BYTES_HIGH = 262_144;

function statusHeaders(code: number, message: string, errorCode?: ErrorCode): Record<string, string> {
  const headers: Record<string, string> = { 'grpc-status': String(code) };
  if (message !== '') headers['grpc-message'] = encodeStatusMessage(message.slice(0, STATUS_MESSAGE_CHARACTERS_MAX));
  if (errorCode !== undefined) headers['millrace-code'] = errorCode;
  if (code === status.UNIMPLEMENTED) headers['grpc-accept-encoding'] = ACCEPTED_ENCODINGS;
  return headers;
}

/** Ends a stream that has not answered yet, with trailers only. What the client still sends is not wanted. */
export function refuseStream(stream: ServerHttp2Stream, code: number, message: string, errorCode?: ErrorCode): void {
  if (stream.destroyed || stream.closed) return;
  stream.resume();
  stream.respond({ ...OK_HEADERS, ...statusHeaders(code, message, errorCode) }, { endStream: true });
}

class Head implements CallHead {
  constructor(
    protected readonly stream: ServerHttp2Stream,
    private readonly headers: IncomingHttpHeaders,
    readonly path: string,
    readonly arrivedAtMs: number,
    readonly deadlineAtMs: number,
    protected readonly messageBytesMax: number,
  ) {}

  header(name: string): string {
    const value = this.headers[name];
    return typeof value === 'string' ? value : '';
  }

  protected plain(message: WireMessage): Uint8Array {
    return message.compressed
      ? decompressed(message, this.header('grpc-encoding'), this.messageBytesMax)
      : message.bytes;
  }
}

export class UnaryExchange extends Head implements BytesCall {
  onCancel: (() => void) | undefined;
  private finished = false;

  /** Reads the one request, then calls `handle` once. */
  serve(handle: (call: BytesCall, request: Uint8Array) => void): void {
    const { stream, messageBytesMax } = this;
    const deframer = new Deframer(messageBytesMax);
    let request: WireMessage | undefined;
    stream.on('data', (chunk: Buffer) => {
      const fault = deframer.push(chunk, (message) => {
        request ??= message;
      });
      if (fault !== null) this.refuse(status.RESOURCE_EXHAUSTED, `the message has more than ${messageBytesMax} bytes`);
    });
    stream.on('end', () => {
      if (this.finished) return;
      if (request === undefined || deframer.end() !== null) {
        this.refuse(status.INVALID_ARGUMENT, 'the call ended before its message');
        return;
      }
      try {
        handle(this, this.plain(request));
      } catch (thrown) {
        const { code, reason } = PlatformError.from(thrown);
        this.refuse(STATUS_BY_CODE[code], reason, code);
      }
    });
    stream.on('close', () => {
      if (this.finished) return;
      this.finished = true;
      this.onCancel?.();
    });
  }

  answer(response: Uint8Array): void {
    const { stream } = this;
    if (this.finished || stream.destroyed || stream.closed) return;
    this.finished = true;
    stream.respond(OK_HEADERS, WITH_TRAILERS);
    stream.on('wantTrailers', () => stream.sendTrailers(OK_TRAILERS));
    stream.end(frame(response));
  }

  refuse(code: number, message: string, errorCode?: ErrorCode): void {
    if (this.finished) return;
    this.finished = true;
    refuseStream(this.stream, code, message, errorCode);
  }
}

export class StreamExchange extends Head implements BytesStream {
  onMessage: (message: Uint8Array) => void = () => undefined;
  onEnd: () => void = () => undefined;
  onCancel: () => void = () => undefined;
  onDrain: () => void = () => undefined;
  private out: Buffer[] = [];
  private outBytes = 0;
  private trailers: Record<string, string> = OK_TRAILERS;
  private responded = false;
  private ended = false;

  serve(handle: (stream: BytesStream) => void): void {
    const { stream } = this;
    const deframer = new Deframer(this.messageBytesMax);
    try {
      handle(this);
    } catch (thrown) {
      this.refuseWith(thrown);
      return;
    }
    const take = (message: WireMessage) => {
      if (!this.ended) this.onMessage(this.plain(message));
    };
    stream.on('data', (chunk: Buffer) => {
      try {
        if (deframer.push(chunk, take) !== null)
          this.refuse(status.RESOURCE_EXHAUSTED, `a message has more than ${this.messageBytesMax} bytes`);
      } catch (thrown) {
        this.refuseWith(thrown);
      }
    });
    stream.on('end', () => {
      if (this.ended) return;
      if (deframer.end() === null) this.onEnd();
      else this.refuse(status.INVALID_ARGUMENT, 'the stream ended within a message');
    });
    stream.on('drain', () => {
      if (!this.ended) this.onDrain();
    });
    stream.on('close', () => {
      if (this.ended) return;
      this.ended = true;
      this.onCancel();
    });
  }

  write(message: Uint8Array): boolean {
    const { stream } = this;
    if (this.ended || stream.destroyed) return true;
    this.out.push(frame(message));
    this.outBytes += message.length;
    // A batch answers its requests in one go: after it, they leave as one write.
    if (this.out.length === 1) queueMicrotask(this.flush);
    return stream.writableLength + this.outBytes < UNWRITTEN_BYTES_HIGH;
  }

  end(): void {
    if (this.ended) return;
    this.flush();
    this.ended = true;
    this.respond();
    if (!this.stream.destroyed) this.stream.end();
  }

  refuse(code: number, message: string, errorCode?: ErrorCode): void {
    if (this.ended) return;
    if (!this.responded && this.out.length === 0) {
      this.ended = true;
      refuseStream(this.stream, code, message, errorCode);
      return;
    }
    this.trailers = statusHeaders(code, message, errorCode);
    this.end();
    this.stream.resume();
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  private refuseWith(thrown: unknown): void {
    const { code, reason } = PlatformError.from(thrown);
    this.refuse(STATUS_BY_CODE[code], reason, code);
  }

  private respond(): void {
    const { stream } = this;
    if (this.responded || stream.destroyed || stream.closed) return;
    this.responded = true;
    stream.respond(OK_HEADERS, WITH_TRAILERS);
    stream.on('wantTrailers', () => stream.sendTrailers(this.trailers));
  }

  private readonly flush = (): void => {
    const { out, stream } = this;
    if (out.length === 0) return;
    this.out = [];
    this.outBytes = 0;
    this.respond();
    if (!stream.destroyed) stream.write(out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out));
  };
}

/** A stream that arrived while the server closes: not begun, the client may send it elsewhere. */
export function refuseUnprocessed(stream: ServerHttp2Stream): void {
  stream.close(constants.NGHTTP2_REFUSED_STREAM);
}
