// Keeps the relay's streams to serving open: connect, open Exchange, hand messages over, reconnect with back-off when
// it breaks. Bytes in and out are not decoded here.

import {
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { RelayService } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
import type { Relay, RelayStream } from './relay.js';

const EXCHANGE_PATH = `/${RelayService.typeName}/${RelayService.method.exchange.name}`;

/** Fast: a restarted serving must answer within 5 s of being back. */
const BACKOFF_MIN_MS = 50;
const BACKOFF_MAX_MS = 500;
/** A stream that lived this long starts the back-off anew. */
const HEALTHY_MS = 1_000;
/** Largest message from serving: one answer of the largest request's size, or a batch of small ones. */
const MESSAGE_BYTES_MAX = 268_435_456;

/** Channel options for serving, also for the unary calls that are forwarded. */
export const SERVING_CHANNEL: ChannelOptions = {
  'grpc.initial_reconnect_backoff_ms': BACKOFF_MIN_MS,
  'grpc.min_reconnect_backoff_ms': BACKOFF_MIN_MS,
  'grpc.max_reconnect_backoff_ms': BACKOFF_MAX_MS,
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': -1,
  // The 64 KiB default makes a round trip per 64 KiB of answers.
  'grpc-node.flow_control_window': 4_194_304,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_channelz': 0,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.service_config_disable_resolution': 1,
};

/**
 * Where another serving can answer: one that is there and does not move is given up after these, and its requests go to
 * the others. Alone it is waited for: there is nobody else.
 */
const GIVE_UP: ChannelOptions = { 'grpc.keepalive_time_ms': 2_000, 'grpc.keepalive_timeout_ms': 2_000 };

const identity = (bytes: Buffer): Buffer => bytes;

class Link {
  private readonly client: Client;
  private call: ClientDuplexStream<Buffer, Buffer> | null = null;
  private backoffMs = BACKOFF_MIN_MS;
  private closed = false;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly address: string,
    isOneOfSeveral: boolean,
    private readonly relay: Relay,
    private readonly clock: Clock,
    private readonly onState: (up: boolean, reason: string) => void,
  ) {
    const options = isOneOfSeveral ? { ...SERVING_CHANNEL, ...GIVE_UP } : SERVING_CHANNEL;
    this.client = new Client(address, credentials.createInsecure(), options);
  }

  connect(): void {
    if (this.closed) return;
    this.client.waitForReady(this.clock.nowMs() + 1_000, (error) => {
      if (this.closed) return;
      if (error) this.again();
      else this.openStream();
    });
  }

  close(): void {
    this.closed = true;
    if (this.timer) clearTimeout(this.timer);
    this.call?.end();
    this.client.close();
  }

  private openStream(): void {
    const call = this.client.makeBidiStreamRequest(EXCHANGE_PATH, identity, identity, new Metadata());
    this.call = call;
    const stream: RelayStream = {
      target: this.address,
      write: (message) => {
        call.write(message as Buffer);
      },
    };
    const openedAtMs = this.clock.monotonicMs();
    let down = false;
    const goDown = (reason: string) => {
      if (down) return;
      down = true;
      this.call = null;
      if (this.clock.monotonicMs() - openedAtMs > HEALTHY_MS) this.backoffMs = BACKOFF_MIN_MS;
      if (!this.closed) this.onState(false, reason);
      this.relay.streamDown(stream);
      call.cancel();
      this.again();
    };
    call.on('data', (message: Buffer) => {
      if (!this.relay.onMessage(message)) goDown('serving sent a message that is none');
    });
    call.on('error', (error: ServiceError) => goDown(error.details || error.message));
    call.on('end', () => goDown('serving ended the stream'));
    this.onState(true, '');
    this.relay.streamUp(stream);
  }

  private again(): void {
    if (this.closed) return;
    this.timer = setTimeout(() => this.connect(), this.backoffMs);
    this.backoffMs = Math.min(BACKOFF_MAX_MS, this.backoffMs * 2);
  }
}

/** The router's connections to all servings. */
export class RelayLinks {
  private readonly links: Link[];

  constructor(
    relay: Relay,
    clock: Clock,
    options: { addresses: readonly string[]; streams: number },
    onState: (address: string, up: boolean, reason: string) => void,
  ) {
    const { addresses, streams } = options;
    this.links = addresses.flatMap((address) =>
      Array.from(
        { length: streams },
        () => new Link(address, addresses.length > 1, relay, clock, (up, reason) => onState(address, up, reason)),
      ),
    );
  }

  open(): void {
    for (const link of this.links) link.connect();
  }

  close(): void {
    for (const link of this.links) link.close();
  }
}
