// Answers that several serving processes share, in Redis: read with a short deadline, written without waiting, gone
// after a time. Connected to when the first model asks. A Redis that is away counts as an empty one.

import { RedisConnection, responseKey } from '@millrace/redis';
import type { SharedResponses } from './model-cache.js';

/** A look-up stands before the model's own work: on loopback it takes 0.2 ms. */
const COMMAND_MS = 10;

export class RedisResponses implements SharedResponses {
  private redis: RedisConnection | undefined;

  /** `keptMs`: how long an answer lives. */
  constructor(
    private readonly url: string,
    private readonly keptMs: number,
  ) {}

  async get(key: string): Promise<Uint8Array | undefined> {
    const redis = this.connection();
    if (!redis.isConnected()) return undefined;
    const found = await redis.tryCommand((client) => client.getBuffer(responseKey(key)));
    return found ?? undefined;
  }

  put(key: string, response: Uint8Array): void {
    const redis = this.connection();
    if (!redis.isConnected()) return;
    const value = Buffer.from(response.buffer, response.byteOffset, response.byteLength);
    void redis.tryCommand((client) => client.set(responseKey(key), value, 'PX', this.keptMs));
  }

  async close(): Promise<void> {
    await this.redis?.close();
  }

  private connection(): RedisConnection {
    this.redis ??= new RedisConnection({ url: this.url, commandMs: COMMAND_MS });
    return this.redis;
  }
}
