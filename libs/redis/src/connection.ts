// Redis for disposable projections: connects in the background, never blocks a start, and every command has a deadline,
// so that a Redis that is away costs milliseconds, not requests. Callers treat `unavailable` as "no projection".

import { PlatformError } from '@millrace/domain';
import { gauge, logger } from '@millrace/telemetry';
import { Redis } from 'ioredis';

export interface RedisConnectionSettings {
  url: string;
  /** Put before every key; default "millrace:". */
  keyPrefix?: string;
  /** A command's time; default 50 ms. */
  commandMs?: number;
}

const RECONNECT_MS_MAX = 2000;
/** Commands waiting for an answer; more are refused, so that a slow Redis does not fill the memory. */
const IN_FLIGHT_MAX = 10_000;

const connectedGauge = gauge('millrace.redis.connected');

export class RedisConnection {
  /** The ioredis client, for commands without a helper here; give it to nobody who may block on it. */
  readonly client: Redis;
  private readonly log = logger('redis');
  private inFlight = 0;
  private away = true;

  constructor(settings: RedisConnectionSettings) {
    this.client = new Redis(settings.url, {
      keyPrefix: settings.keyPrefix ?? 'millrace:',
      // Commands fail at once while Redis is away instead of queueing up.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: settings.commandMs ?? 50,
      connectTimeout: 1000,
      retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 10), RECONNECT_MS_MAX),
      lazyConnect: false,
    });
    this.client.on('ready', () => {
      if (this.away) this.log.info('connected');
      this.away = false;
    });
    this.client.on('close', () => {
      if (!this.away) this.log.warn('connection lost, reconnecting');
      this.away = true;
    });
    // ioredis throws without a listener; what matters is said above, once.
    this.client.on('error', (error) => this.log.debug('error', { error: error.message }));
    connectedGauge.observe(() => (this.isConnected() ? 1 : 0));
  }

  isConnected(): boolean {
    return this.client.status === 'ready';
  }

  /** Runs a command; faults are `unavailable`, too many at once `overloaded`. */
  async command<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    if (this.inFlight >= IN_FLIGHT_MAX) throw new PlatformError('overloaded', `${this.inFlight} Redis commands wait`);
    this.inFlight++;
    try {
      return await work(this.client);
    } catch (error) {
      throw new PlatformError('unavailable', `Redis: ${(error as Error).message}`, { cause: error });
    } finally {
      this.inFlight--;
    }
  }

  /** Like `command`, but a Redis that is away counts as an empty answer. */
  async tryCommand<T>(work: (client: Redis) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.command(work);
    } catch {
      return undefined; // projections are disposable; the gauge shows that Redis is away
    }
  }

  async close(): Promise<void> {
    connectedGauge.remove();
    this.away = true; // an end that is wanted is no loss
    this.client.disconnect();
  }
}
