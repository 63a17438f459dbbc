// The worker's side of CollectiveService: dials the coordinators in turn for ever, with back-off, says Hello, sends
// heartbeats. One of several trainers is at work; the others end the stream at once.

import { create } from '@bufbuild/protobuf';
import { CollectiveService, collectivePb } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
import { createClient } from '@millrace/grpc';
import { logger } from '@millrace/telemetry';
import type { FromWorker, Hello, ToWorker } from './messages.js';
import { fromWorkerToWire, type OneOf, toWorkerOfWire } from './wire.js';

const log = logger('coordinator-client');

/** A trainer that is there and does not move has been replaced by then; it computes for seconds on a busy core. */
const ALIVE = { 'grpc.keepalive_time_ms': 10_000, 'grpc.keepalive_timeout_ms': 5_000 };
const CONNECT_MS_MAX = 5_000;
const BACKOFF_FIRST_MS = 100;
const BACKOFF_LAST_MS = 2_000;

export interface CoordinatorClientOptions {
  /** Of every trainer. */
  addresses: readonly string[];
  hello: Hello;
  heartbeatMs: number;
  onMessage(message: ToWorker): void;
  /** The stream broke; what runs must stop. */
  onLost(reason: string): void;
}

export class CoordinatorClient {
  private stream: { write(message: unknown): unknown; end(): void; cancel(): void } | null = null;
  private backoffMs = BACKOFF_FIRST_MS;
  private timer: NodeJS.Timeout | null = null;
  private closed = false;
  private readonly clients;
  private at = 0;

  constructor(
    private readonly options: CoordinatorClientOptions,
    private readonly clock: Clock,
  ) {
    this.clients = options.addresses.map((address) =>
      createClient(CollectiveService, address, { channelOptions: ALIVE }),
    );
  }

  start(): void {
    this.dial();
    this.timer = setInterval(
      () => this.send({ kind: 'heartbeat', atMs: this.clock.nowMs() }),
      this.options.heartbeatMs,
    );
  }

  /** Dropped while there is no stream: the coordinator has counted this worker as lost already. */
  send(message: FromWorker): void {
    this.stream?.write(create(collectivePb.JoinRequestSchema, fromWorkerToWire(message) as never));
  }

  close(): void {
    this.closed = true;
    if (this.timer !== null) clearInterval(this.timer);
    this.stream?.end();
    this.stream = null;
    for (const client of this.clients) client.close();
  }

  private dial(): void {
    if (this.closed) return;
    const client = this.clients[this.at] as (typeof this.clients)[0];
    const stream = client.join();
    // The system of one that stands still makes the connection, and nobody ever answers on it.
    client.waitForReady(CONNECT_MS_MAX).catch(() => stream.cancel());
    let over = false;
    const lost = (reason: string) => {
      if (over) return;
      over = true;
      if (this.stream === (stream as unknown)) this.stream = null;
      this.options.onLost(reason);
      if (this.closed) return;
      this.at = (this.at + 1) % this.clients.length;
      setTimeout(() => this.dial(), this.backoffMs);
      this.backoffMs = Math.min(this.backoffMs * 2, BACKOFF_LAST_MS);
    };
    stream.on('data', (wire: unknown) => {
      this.backoffMs = BACKOFF_FIRST_MS;
      try {
        this.options.onMessage(toWorkerOfWire(wire as OneOf));
      } catch (error) {
        log.warn('message of the coordinator not understood', {}, error);
      }
    });
    stream.on('error', (error: Error) => lost(error.message));
    stream.on('end', () => lost('the coordinator ended the stream'));
    stream.on('close', () => lost('the stream closed'));
    this.stream = stream as never;
    this.send({ kind: 'hello', ...this.options.hello });
  }
}
