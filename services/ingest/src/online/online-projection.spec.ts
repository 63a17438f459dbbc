import { describe, expect, it } from '@jest/globals';
import type { RecordMessage } from '@millrace/contracts';
import { ManualClock, PlatformError, type Scalar } from '@millrace/domain';
import fc from 'fast-check';
import { ProjectRegistry } from '../projects/project-registry.js';
import { OnlineProjection, type ProjectionStore } from './online-projection.js';

const NOW_MS = 1_000_000;

const document = (online?: object) =>
  JSON.stringify({
    name: 'loans',
    data: {
      entity: 'customer',
      eventTime: 'at',
      columns: [
        { name: 'at', type: 'timestamp', required: true },
        { name: 'customer', type: 'text', required: true },
        { name: 'amount', type: 'number' },
        { name: 'paid', type: 'number', outcome: true },
      ],
      label: { name: 'good', column: 'paid' },
    },
    features: [{ name: 'amount', kind: 'numeric' }],
    ...(online === undefined ? {} : { serving: { onlineFeatures: online } }),
  });

/** What libs/redis does, without its bounds. */
class FakeStore implements ProjectionStore {
  away = false;
  columns = '';
  positions_ = new Map<number, number>();
  values = new Map<string, { eventTimeMs: number; values: Readonly<Record<string, Scalar>> }>();

  private answer(): void {
    if (this.away) throw new PlatformError('unavailable', 'away');
  }

  /** A Redis that came back empty. */
  empty(): void {
    this.columns = '';
    this.positions_.clear();
    this.values.clear();
  }

  async positions(_project: string, _topic: string, columns: string) {
    this.answer();
    return columns === this.columns ? new Map(this.positions_) : undefined;
  }

  async write(step: Parameters<ProjectionStore['write']>[0]): ReturnType<ProjectionStore['write']> {
    this.answer();
    if (this.columns !== step.columns) {
      this.empty();
      if (step.stored !== undefined) return { kind: 'moved', stored: undefined };
      this.columns = step.columns;
    }
    const stored = this.positions_.get(step.partition);
    if (stored !== step.stored) return { kind: 'moved', stored };
    for (const { entity, eventTimeMs, values } of step.entities) {
      if ((this.values.get(entity)?.eventTimeMs ?? 0) <= eventTimeMs) this.values.set(entity, { eventTimeMs, values });
    }
    this.positions_.set(step.partition, step.next);
    return { kind: 'written', entities: this.values.size };
  }

  async remove() {
    this.answer();
    this.empty();
  }
}

/** A topic of two partitions, read as the consumer would. */
function harness() {
  const clock = new ManualClock(NOW_MS);
  const registry = new ProjectRegistry((text) => text);
  const store = new FakeStore();
  const log: RecordMessage[][] = [[], []];
  const low = [0, 0];
  const at = [0, 0];
  const rebuilt: number[] = [];
  /** Also to where the batch began: a consumer that was sent there reads it again. */
  let sought = false;
  let revision = 0;
  const projection = new OnlineProjection(registry, clock, {
    store,
    ends: async () => new Map(log.map((messages, p) => [p, { low: low[p] as number, high: messages.length }])),
    seek: (partition, offset) => {
      at[partition] = offset;
      sought = true;
    },
    written: () => undefined,
    rebuilding: (_project, partition) => rebuilt.push(partition),
  });
  const apply = (online?: object, createdAtMs = 0) => {
    registry.put({
      name: 'loans',
      revision: ++revision,
      document: document(online),
      documentSha256: '',
      appliedAtMs: 0,
      labelRuleSinceMs: 0,
      earlierSchemas: [],
      createdAtMs,
    });
  };
  const append = (partition: number, entity: string, eventTimeMs: number, amount: number, ingestedAtMs = NOW_MS) => {
    (log[partition] as RecordMessage[]).push({
      project: 'loans',
      recordId: String(log.flat().length),
      entity,
      eventTimeMs,
      values: { at: eventTimeMs, customer: entity, amount },
      schemaHash: registry.find('loans')?.hash ?? '',
      source: 't',
      ingestedAtMs,
    });
  };
  /** One fetch of a partition; false where there was nothing. */
  const fetch = async (partition: number, size = 3): Promise<boolean> => {
    const from = Math.max(at[partition] as number, low[partition] as number);
    const records = (log[partition] as RecordMessage[]).slice(from, from + size);
    if (records.length === 0) return false;
    sought = false;
    try {
      await projection.batch(
        partition,
        records.map((record, i) => ({ offset: from + i, timestampMs: record.ingestedAtMs, message: record })),
      );
    } catch (error) {
      expect(PlatformError.from(error).code).toBe('overloaded');
      return false;
    }
    if (!sought) at[partition] = from + records.length;
    return true;
  };
  const settle = async () => {
    for (let round = 0; round < 200; round++) if (!(await fetch(0)) && !(await fetch(1))) return;
    throw new Error('reading does not come to an end');
  };
  /** What the projection must say. */
  const expected = () => {
    const latest = new Map<string, number>();
    for (const [p, messages] of log.entries()) {
      const times = new Map<string, number>();
      for (const { entity, eventTimeMs, values } of messages.slice(low[p])) {
        if ((times.get(entity) ?? 0) > eventTimeMs) continue;
        times.set(entity, eventTimeMs);
        latest.set(entity, values.amount as number);
      }
    }
    return Object.fromEntries(latest);
  };
  const actual = () => Object.fromEntries([...store.values].map(([entity, { values }]) => [entity, values.amount]));
  return { projection, registry, store, apply, append, fetch, settle, expected, actual, rebuilt, at, low };
}

const ONLINE = { columns: ['amount'] };

describe('OnlineProjection', () => {
  it('asks nothing of Redis for projects that want nothing', async () => {
    const { projection, store, apply, append, fetch } = harness();
    store.away = true;
    apply();
    append(0, 'a', 1, 1);
    expect(projection.wanted).toBe(false);
    expect(await fetch(0)).toBe(true);
  });

  it('forgets the values of a deleted project, though one of its name was applied before anybody looked', async () => {
    const { projection, registry, apply, append, settle, actual } = harness();
    apply(ONLINE);
    append(0, 'a', 5, 1);
    append(1, 'b', 1, 3);
    await settle();
    expect(actual()).toEqual({ a: 1, b: 3 });
    registry.remove('loans');
    apply(ONLINE, NOW_MS + 1);
    // On its way when the project was deleted; the other one is of the new project.
    append(0, 'c', 6, 4);
    append(0, 'a', 2, 7, NOW_MS + 1);
    await projection.check();
    await settle();
    expect(actual()).toEqual({ a: 7 });
  });

  it('holds the newest record of each entity, and goes on where Redis stands after a restart', async () => {
    const first = harness();
    first.apply(ONLINE);
    first.append(0, 'a', 5, 1);
    first.append(0, 'a', 4, 2);
    first.append(1, 'b', 1, 3);
    first.append(0, 'a', 5, 4);
    await first.settle();
    expect(first.actual()).toEqual({ a: 4, b: 3 });
    // The next process begins to read anywhere.
    first.projection.assigned();
    first.at[0] = 0;
    first.append(0, 'c', 9, 7);
    await first.settle();
    expect(first.actual()).toEqual({ a: 4, b: 3, c: 7 });
    expect(first.rebuilt).toEqual([0, 1]);
  });

  it('stands still while Redis is away, and is built from the topic when it comes back empty, also without traffic', async () => {
    const { projection, store, apply, append, settle, fetch, actual, expected } = harness();
    apply(ONLINE);
    for (let i = 0; i < 10; i++) append(i % 2, `e${i % 5}-${i % 2}`, i, i);
    await settle();
    store.away = true;
    append(0, 'late', 50, 50);
    expect(await fetch(0)).toBe(false);
    await expect(projection.check()).rejects.toMatchObject({ code: 'unavailable' });
    store.away = false;
    store.empty();
    await projection.check();
    await settle();
    expect(actual()).toEqual(expected());
    store.empty();
    await projection.check();
    await settle();
    expect(actual()).toEqual(expected());
  });

  it('reads a batch again that found Redis empty after a restart, from where it began', async () => {
    const { projection, store, apply, append, fetch, settle, actual, at } = harness();
    apply(ONLINE);
    append(0, 'a', 1, 1);
    await fetch(0);
    store.empty();
    projection.assigned();
    at.fill(0);
    append(0, 'b', 1, 2);
    await fetch(0);
    expect(at[0]).toBe(0);
    await settle();
    expect(actual()).toEqual({ a: 1, b: 2 });
  });

  it('begins anew for other columns and forgets a project that no longer asks', async () => {
    const { projection, store, apply, append, settle, actual } = harness();
    apply(ONLINE);
    append(0, 'a', 5, 1);
    await settle();
    apply({ ...ONLINE, maxAge: '5m' });
    await projection.check();
    expect(actual()).toEqual({ a: 1 });
    apply();
    await projection.check();
    expect(store.values.size).toBe(0);
    apply(ONLINE);
    await projection.check();
    await settle();
    expect(actual()).toEqual({ a: 1 });
  });

  it('misses nothing and repeats nothing wrongly, whatever happens on the way', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('append' as const),
        entity: fc.integer({ min: 0, max: 3 }),
        time: fc.integer({ min: 1, max: 9 }),
      }),
      fc.record({ kind: fc.constant('fetch' as const), partition: fc.integer({ min: 0, max: 1 }) }),
      fc.constantFrom(
        { kind: 'away' as const },
        { kind: 'empty' as const },
        { kind: 'restart' as const },
        { kind: 'check' as const },
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { projection, store, apply, append, settle, fetch, actual, expected, at } = harness();
        apply(ONLINE);
        let amount = 0;
        for (const one of steps) {
          if (one.kind === 'append') append(one.entity % 2, `e${one.entity}`, one.time, ++amount);
          else if (one.kind === 'fetch') await fetch(one.partition);
          else if (one.kind === 'away') store.away = !store.away;
          else if (one.kind === 'empty') store.empty();
          else if (one.kind === 'check') await projection.check().catch(() => undefined);
          else {
            projection.assigned();
            at.fill(0);
          }
        }
        store.away = false;
        await projection.check();
        await settle();
        await projection.check();
        await settle();
        expect(actual()).toEqual(expected());
      }),
      { numRuns: 200 },
    );
  });
});
