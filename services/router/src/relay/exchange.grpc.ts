// Keeps the relay's streams to serving open: connect, open Exchange, hand messages over, reconnect with back-off when
// it breaks. Bytes in and out are not decoded here.

import { RelayService } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
import { BytesClient, type OpenBytesStream } from '@millrace/grpc';
import type { Relay, RelayStream } from './relay.js';

const EXCHANGE_PATH = `/${RelayService.typeName}/${RelayService.method.exchange.name}`;

/** Fast: a restarted serving must answer within 5 s of being back. */
export const BACKOFF_MIN_MS = 50;
export const BACKOFF_MAX_MS = 500;
/** A stream that lived this long starts the back-off anew. */
const HEALTHY_MS = 1_000;
/** Largest message from serving: one answer of the largest request's size, or a batch of small ones. */
export const MESSAGE_BYTES_MAX = 268_435_456;
/**
 * Where another serving can answer: one that is there and does not move is given up after this, and its requests go to
 * the others. Alone it is waited for: there is nobody else.
 */
const SILENCE_MS_MAX = 4_000;

class Link {
  private readonly client: BytesClient;
  private stream: OpenBytesStream | null = null;
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
    const options = isOneOfSeveral ? { silenceMaxMs: SILENCE_MS_MAX } : {};
    this.client = new BytesClient(address, clock, MESSAGE_BYTES_MAX, options);
  }

  connect(): void {
    if (this.closed) return;
    this.client.ready((failure) => {
      if (this.closed) return;
      if (failure === '') this.openStream();
      else this.again();
    });
  }

  close(): void {
    this.closed = true;
    if (this.timer) clearTimeout(this.timer);
    this.stream?.endWriting();
    this.client.close();
  }

  private openStream(): void {
    const openedAtMs = this.clock.monotonicMs();
    let down = false;
    const goDown = (reason: string) => {
      if (down) return;
      down = true;
      this.stream = null;
      if (this.clock.monotonicMs() - openedAtMs > HEALTHY_MS) this.backoffMs = BACKOFF_MIN_MS;
      if (!this.closed) this.onState(false, reason);
      this.relay.streamDown(stream);
      call.cancel();
      this.again();
    };
    const call = this.client.stream(
      { path: EXCHANGE_PATH, deadlineAtMs: Number.POSITIVE_INFINITY, headers: {} },
      {
        message: (message) => {
          if (!this.relay.onMessage(message)) goDown('serving sent a message that is none');
        },
        end: ({ message }) => goDown(message || 'serving ended the stream'),
        // The relay bounds what is in flight.
        drained: () => undefined,
      },
    );
    const stream: RelayStream = {
      target: this.address,
      write: (message) => {
        call.write(message);
      },
    };
    this.stream = call;
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
