// Reads online features from Redis. The connection is made when the first project asks for them; requests wait for it
// only through OnlineLookups, which has the deadline.

import { OnlineFeatureStore, RedisConnection } from '@millrace/redis';
import type { OnlineLookupPorts } from './online-lookups.js';

/** Beyond the callers' own deadline: an answer that comes after it is thrown away, but tells that Redis lives. */
const COMMAND_MS = 1_000;

export class OnlineStore implements Pick<OnlineLookupPorts, 'prepare' | 'connected' | 'read'> {
  private redis: RedisConnection | undefined;
  private store: OnlineFeatureStore | undefined;

  constructor(private readonly url: string) {}

  prepare(): void {
    if (this.redis !== undefined) return;
    this.redis = new RedisConnection({ url: this.url, commandMs: COMMAND_MS });
    this.store = new OnlineFeatureStore(this.redis);
  }

  connected(): boolean {
    return this.redis?.isConnected() ?? false;
  }

  read(project: string, entities: readonly string[]): ReturnType<OnlineFeatureStore['read']> {
    this.prepare();
    return (this.store as OnlineFeatureStore).read(project, entities);
  }

  async close(): Promise<void> {
    await this.redis?.close();
  }
}
