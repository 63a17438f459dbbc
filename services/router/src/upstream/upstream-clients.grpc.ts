// The connections to V2 servers that are not ours, one client an address, kept while a version or the whole router
// points there.

import type { Clock } from '@millrace/domain';
import { BytesClient } from '@millrace/grpc';

/** Far above the servers of all versions that routes name; the oldest is let go. */
const ADDRESSES_MAX = 64;

export class UpstreamClients {
  private readonly clients = new Map<string, BytesClient>();

  constructor(
    private readonly clock: Clock,
    private readonly answerBytesMax: number,
  ) {}

  at(address: string): BytesClient {
    const known = this.clients.get(address);
    if (known) return known;
    const made = new BytesClient(address, this.clock, this.answerBytesMax);
    this.clients.set(address, made);
    const [oldest] = this.clients.keys();
    if (this.clients.size > ADDRESSES_MAX && oldest !== undefined) {
      this.clients.get(oldest)?.close();
      this.clients.delete(oldest);
    }
    return made;
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
    this.clients.clear();
  }
}
