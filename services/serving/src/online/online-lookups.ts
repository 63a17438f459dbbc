// Looks up the latest values of entities: those of requests that came in the same turn go in one read. The predict path
// waits for Redis at most `deadlineMs`; a Redis that is away or fails several times in a row is not asked at all for a
// while (the circuit is open), so that it costs nothing then. What was read (also "nothing there") is kept for
// `cacheMs`.
//
// Bounds: `cacheEntitiesMax` entities kept, the longest unused leave first; `waitingMax` entities asked for at a time,
// more count as away. Cost of a hit: one look-up and one re-insertion in a Map.

import type { Clock, Scalar } from '@millrace/domain';

export interface StoredFeatures {
  readonly eventTimeMs: number;
  readonly values: Readonly<Record<string, Scalar>>;
}

/** absent: Redis holds nothing of this entity. away: it could not be asked, or not in time. */
export type Found = StoredFeatures | 'absent' | 'away';

export interface OnlineLimits {
  deadlineMs: number;
  cacheMs: number;
  cacheEntitiesMax: number;
  /** Entities that may be asked for at the same time. */
  waitingMax: number;
}

export interface OnlineLookupPorts {
  clock: Clock;
  /** Connects ahead of the first read. */
  prepare(): void;
  connected(): boolean;
  /** In the order of the entities; rejects where Redis cannot be asked. */
  read(project: string, entities: readonly string[]): Promise<readonly (StoredFeatures | undefined)[]>;
  /** After the requests that came together were read. */
  soon(work: () => void): void;
  /** Once after the delay, and after what has arrived by then was read. Gives what cancels it. */
  later(delayMs: number, work: () => void): () => void;
  readTook(ms: number): void;
}

/** Reads that fail in a row before Redis is left alone. */
const FAILURES_MAX = 3;
/** First pause of the circuit; doubles with each probe that fails. */
const PAUSE_MS_MIN = 250;
const PAUSE_MS_MAX = 5_000;
/** Entities of one HMGET: about 0.3 ms of Redis. */
const READ_ENTITIES_MAX = 512;

interface Cached {
  readonly found: StoredFeatures | 'absent';
  readonly untilMs: number;
}

class Lookup {
  readonly found: Found[];
  private open: number;

  constructor(
    count: number,
    private readonly done: (found: readonly Found[]) => void,
  ) {
    this.found = new Array<Found>(count);
    this.open = count;
  }

  set(index: number, found: Found): void {
    this.found[index] = found;
    if (--this.open === 0) this.done(this.found);
  }
}

interface Waiter {
  readonly lookup: Lookup;
  readonly index: number;
}

export class OnlineLookups {
  /** By project and entity, the longest unused first. */
  private readonly cache = new Map<string, Cached>();
  private gathered = new Map<string, Map<string, Waiter[]>>();
  private scheduled = false;
  private waiting = 0;
  private failures = 0;
  private pauseMs = PAUSE_MS_MIN;
  private pausedUntilMs = 0;
  private probing = false;

  constructor(
    private readonly limits: OnlineLimits,
    private readonly ports: OnlineLookupPorts,
  ) {}

  /** Some model will ask: a connection takes longer than a request may wait. */
  prepare(): void {
    this.ports.prepare();
  }

  get circuitOpen(): boolean {
    return this.failures >= FAILURES_MAX;
  }

  /** `done` gets one answer an entity, in order: at once where nothing must be read, else within the deadline. */
  find(project: string, entities: readonly string[], done: (found: readonly Found[]) => void): void {
    // Nothing to wait for: no answer would come to call it.
    if (entities.length === 0) {
      done([]);
      return;
    }
    const lookup = new Lookup(entities.length, done);
    for (let i = 0; i < entities.length; i++) this.one(project, entities[i] as string, { lookup, index: i });
  }

  private one(project: string, entity: string, waiter: Waiter): void {
    const cached = this.cached(project, entity);
    if (cached !== undefined) {
      waiter.lookup.set(waiter.index, cached);
      return;
    }
    if (!this.mayAsk()) {
      waiter.lookup.set(waiter.index, 'away');
      return;
    }
    let byEntity = this.gathered.get(project);
    if (byEntity === undefined) {
      byEntity = new Map();
      this.gathered.set(project, byEntity);
    }
    const waiters = byEntity.get(entity);
    if (waiters === undefined) byEntity.set(entity, [waiter]);
    else waiters.push(waiter);
    this.waiting++;
    if (this.scheduled) return;
    this.scheduled = true;
    this.ports.soon(() => this.readGathered());
  }

  private mayAsk(): boolean {
    if (this.waiting >= this.limits.waitingMax || !this.ports.connected()) return false;
    if (!this.circuitOpen) return true;
    // Open: one read after the pause finds out whether Redis is back.
    return !this.probing && this.ports.clock.monotonicMs() >= this.pausedUntilMs;
  }

  private readGathered(): void {
    this.scheduled = false;
    const gathered = this.gathered;
    this.gathered = new Map();
    const probe = this.circuitOpen;
    if (probe) this.probing = true;
    for (const [project, byEntity] of gathered) {
      const all = [...byEntity];
      for (let from = 0; from < all.length; from += READ_ENTITIES_MAX) {
        this.read(project, all.slice(from, from + READ_ENTITIES_MAX), probe);
      }
    }
  }

  private read(project: string, asked: readonly [entity: string, waiters: readonly Waiter[]][], probe: boolean): void {
    const { clock, later, readTook } = this.ports;
    const startedMs = clock.monotonicMs();
    let open = true;
    const settle = (values: readonly (StoredFeatures | undefined)[] | undefined): void => {
      if (!open) return;
      open = false;
      this.settled(values !== undefined, probe);
      for (let i = 0; i < asked.length; i++) {
        const [entity, waiters] = asked[i] as [string, readonly Waiter[]];
        const found: Found = values === undefined ? 'away' : (values[i] ?? 'absent');
        if (found !== 'away') this.keep(project, entity, found);
        this.waiting -= waiters.length;
        for (const { lookup, index } of waiters) lookup.set(index, found);
      }
    };
    const cancel = later(this.limits.deadlineMs, () => settle(undefined));
    this.ports
      .read(
        project,
        asked.map(([entity]) => entity),
      )
      .then(
        (values) => {
          cancel();
          readTook(clock.monotonicMs() - startedMs);
          settle(values);
        },
        () => {
          cancel();
          settle(undefined);
        },
      );
  }

  /** Circuit: closed after a success, open after several failures, each failed probe doubles the pause. */
  private settled(good: boolean, probe: boolean): void {
    // A probe of many entities is several reads: the first one that ends speaks for all.
    const first = probe && this.probing;
    if (probe) this.probing = false;
    if (good) {
      this.failures = 0;
      this.pauseMs = PAUSE_MS_MIN;
      return;
    }
    // Reads that were under way when it opened tell nothing new.
    if (this.circuitOpen && !first) return;
    this.failures++;
    if (!this.circuitOpen) return;
    this.pausedUntilMs = this.ports.clock.monotonicMs() + this.pauseMs;
    this.pauseMs = Math.min(this.pauseMs * 2, PAUSE_MS_MAX);
  }

  private cached(project: string, entity: string): StoredFeatures | 'absent' | undefined {
    const key = `${project}/${entity}`;
    const known = this.cache.get(key);
    if (known === undefined) return undefined;
    this.cache.delete(key);
    if (known.untilMs <= this.ports.clock.monotonicMs()) return undefined;
    this.cache.set(key, known);
    return known.found;
  }

  private keep(project: string, entity: string, found: StoredFeatures | 'absent'): void {
    const { cacheMs, cacheEntitiesMax } = this.limits;
    if (cacheMs <= 0) return;
    const key = `${project}/${entity}`;
    this.cache.delete(key);
    this.cache.set(key, { found, untilMs: this.ports.clock.monotonicMs() + cacheMs });
    if (this.cache.size <= cacheEntitiesMax) return;
    for (const oldest of this.cache.keys()) {
      this.cache.delete(oldest);
      break;
    }
  }
}
