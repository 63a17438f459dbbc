// A stream into ingest that loses nothing: requests wait in order until they are acknowledged, and after a broken
// stream they are sent again on the next one. ingest knows records by their id, so a repeated one has no effect.

import type { ClientDuplexStream } from '@grpc/grpc-js';
import { assert, PlatformError } from '@millrace/domain';

export interface SequencedRequest {
  sequence: bigint;
}

export interface SequencedResponse {
  sequence: bigint;
  accepted: number;
  rejections: readonly unknown[];
}

export interface IngestStreamOptions<Request extends SequencedRequest, Response extends SequencedResponse> {
  open: () => ClientDuplexStream<Request, Response>;
  /** Requests that may wait for an acknowledgement; `send` throws `overloaded` above. */
  pendingMax: number;
}

/** Wait before the stream is opened again, doubling from the first to the last. */
const REOPEN_MS = [20, 500] as const;

export class IngestStream<Request extends SequencedRequest, Response extends SequencedResponse> {
  private readonly pending = new Map<bigint, Request>();
  private stream: ClientDuplexStream<Request, Response> | null = null;
  private reopenMs: number = REOPEN_MS[0];
  private timer: NodeJS.Timeout | null = null;
  private closed = false;
  private drained: (() => void) | null = null;
  private nextSequence = 1n;
  acceptedRows = 0;

  constructor(private readonly options: IngestStreamOptions<Request, Response>) {
    this.open();
  }

  /** @param make builds the request for its sequence number */
  send(make: (sequence: bigint) => Request): void {
    assert(!this.closed, 'the stream is open');
    if (this.pending.size >= this.options.pendingMax) {
      throw new PlatformError(
        'overloaded',
        `${this.pending.size} requests wait for ingest; at most ${this.options.pendingMax} may`,
      );
    }
    const request = make(this.nextSequence++);
    this.pending.set(request.sequence, request);
    this.stream?.write(request);
  }

  /** Resolves once everything sent is acknowledged. */
  drain(): Promise<void> {
    if (this.pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.drained = resolve;
    });
  }

  close(): void {
    this.closed = true;
    if (this.timer) clearTimeout(this.timer);
    this.stream?.end();
    this.stream = null;
  }

  private open(): void {
    if (this.closed) return;
    const stream = this.options.open();
    this.stream = stream;
    stream.on('data', (response: Response) => this.acknowledge(response));
    // Both events may come; only the first of them reopens.
    const broken = () => {
      if (this.stream !== stream || this.closed) return;
      this.stream = null;
      this.timer = setTimeout(() => this.open(), this.reopenMs);
      this.reopenMs = Math.min(REOPEN_MS[1], this.reopenMs * 2);
    };
    stream.on('error', broken);
    stream.on('end', broken);
    for (const request of this.pending.values()) stream.write(request);
  }

  private acknowledge(response: Response): void {
    if (!this.pending.delete(response.sequence)) return;
    this.reopenMs = REOPEN_MS[0];
    this.acceptedRows += response.accepted;
    if (this.pending.size === 0 && this.drained) {
      this.drained();
      this.drained = null;
    }
  }
}
