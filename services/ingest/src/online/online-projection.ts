// Online features: the values of each entity's latest record, kept in Redis as a projection of records.v1 for the
// projects that ask for it (serving.onlineFeatures). It reads the topic by itself, beside the live stream, at its own
// pace: with Redis away it stands still and the topic is the backlog, so that neither ingest nor its memory notices.
//
// Where it stands is kept in Redis beside the values and moves with them in one step (libs/redis): after a restart, a
// lost answer or a Redis that came back empty, reading goes on from what Redis says, from the oldest record where it
// says nothing. Batches of partitions and checks run one after the other.

import type { RecordMessage } from '@millrace/contracts';
import { type Clock, PlatformError, type Scalar } from '@millrace/domain';
import type { ProjectRegistry } from '../projects/project-registry.js';
import { checkedRecord, fittedRecord } from '../records/checked-record.js';
import { ownValue } from '../records/record-input.js';
import type { RecordSchema } from '../schema/record-schema.js';

export const ONLINE_TOPIC = 'records.v1';

interface LatestRecord {
  entity: string;
  eventTimeMs: number;
  ingestedAtMs: number;
  values: Readonly<Record<string, Scalar>>;
}

/** OnlineFeatureStore of libs/redis. */
export interface ProjectionStore {
  positions(project: string, topic: string, columns: string, nowMs: number): Promise<Map<number, number> | undefined>;
  write(step: {
    project: string;
    topic: string;
    columns: string;
    partition: number;
    stored: number | undefined;
    next: number;
    nowMs: number;
    keepMs: number;
    entitiesMax: number;
    entities: readonly LatestRecord[];
  }): Promise<{ kind: 'written'; entities: number } | { kind: 'moved'; stored: number | undefined }>;
  remove(project: string, topic: string): Promise<void>;
}

export interface OnlinePorts {
  store: ProjectionStore;
  /** Oldest and next offset of each partition. */
  ends(): Promise<ReadonlyMap<number, { low: number; high: number }>>;
  /** The next batch of the partition shall begin here. */
  seek(partition: number, offset: number): void;
  written(project: string, records: number, entities: number): void;
  /** Once for each time that it begins anew. */
  rebuilding(project: string, partition: number, from: number): void;
}

/** A message of a partition; `read` decodes it and throws where it is none. */
export interface OnlineMessage {
  readonly offset: number;
  /** When it was written. */
  readonly timestampMs: number;
  /** undefined: corrupt; the consumer of the live stream sets it aside. */
  readonly message: RecordMessage | undefined;
}

interface DecodedRecord {
  offset: number;
  writtenAtMs: number;
  record: RecordMessage;
}

interface Standing {
  /** What Redis is expected to hold. */
  stored: number | undefined;
  /** Where this project goes on reading. */
  next: number;
}

interface Followed {
  /** What of the project file the values depend on. */
  columns: string;
  byPartition: Map<number, Standing>;
}

export class OnlineProjection {
  private readonly followed = new Map<string, Followed>();
  /** Where each partition is being read; unknown after an assignment. */
  private readonly reading = new Map<number, number>();
  private tail: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly registry: ProjectRegistry,
    private readonly clock: Clock,
    private readonly ports: OnlinePorts,
  ) {}

  /** Some project asks for it: as long as none does, nobody needs to read the topic. */
  get wanted(): boolean {
    return this.wants().length > 0;
  }

  /** The partitions were given out anew: where they are read is not known. */
  assigned(): void {
    this.reading.clear();
  }

  /** A batch of one partition. Rejects with `overloaded` while Redis is away: the partition then comes again later. */
  batch(partition: number, messages: readonly OnlineMessage[], stale: () => boolean = () => false): Promise<void> {
    return this.exclusive(() => this.take(partition, messages, stale));
  }

  /** Looks whether Redis still stands where it should; without traffic nothing else would notice that it is empty. */
  check(): Promise<void> {
    return this.exclusive(async () => {
      for (const [project, followed] of this.followed) {
        const schema = this.registry.find(project);
        if (schema?.project.serving.onlineFeatures === undefined) {
          // No longer asked for (or gone): what is kept would only grow old.
          await this.ports.store.remove(project, ONLINE_TOPIC);
          this.followed.delete(project);
          continue;
        }
        const positions = await this.positions(schema);
        const lost = [...followed.byPartition].some(([partition, { stored }]) => positions?.get(partition) !== stored);
        if (lost) this.followed.delete(project);
      }
      for (const schema of this.wants()) await this.follow(schema);
      for (const partition of this.reading.keys()) this.seekBack(partition);
    });
  }

  private wants(): RecordSchema[] {
    return this.registry
      .list()
      .flatMap(({ name }) => this.registry.find(name) ?? [])
      .filter(({ project }) => project.serving.onlineFeatures !== undefined);
  }

  private async take(partition: number, messages: readonly OnlineMessage[], stale: () => boolean): Promise<void> {
    const [first, last] = [messages[0], messages.at(-1)];
    // Reading was sent elsewhere while this batch waited its turn.
    if (first === undefined || last === undefined || stale()) return;
    const wants = this.wants();
    try {
      for (const schema of wants) await this.follow(schema);
      const next = last.offset + 1;
      const from = this.from(partition);
      if (from === undefined) return;
      // The first batch of an assignment begins anywhere.
      const begun = this.reading.get(partition) ?? (from >= first.offset && from <= next ? first.offset : undefined);
      if (begun === undefined || from < begun) {
        this.goTo(partition, from);
        return;
      }
      const records = decoded(messages);
      for (const schema of wants) await this.write(schema, partition, records, next);
      this.reading.set(partition, next);
      this.seekBack(partition);
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (error.code !== 'unavailable' && error.code !== 'overloaded') throw error;
      throw new PlatformError('overloaded', error.reason, { cause: error });
    }
  }

  private positions(schema: RecordSchema): Promise<Map<number, number> | undefined> {
    return this.ports.store.positions(schema.project.name, ONLINE_TOPIC, this.columnsOf(schema), this.clock.nowMs());
  }

  /** Where the project's projection stands, read from Redis once. */
  private async follow(schema: RecordSchema): Promise<Followed> {
    const { name } = schema.project;
    const columns = this.columnsOf(schema);
    const known = this.followed.get(name);
    if (known?.columns === columns) return known;
    const positions = await this.positions(schema);
    const ends = await this.ports.ends();
    const beyond = [...(positions ?? [])].some(([partition, next]) => next > (ends.get(partition)?.high ?? 0));
    // Another topic than the one it was made from: a broker that began anew.
    if (beyond) await this.ports.store.remove(name, ONLINE_TOPIC);
    const followed: Followed = { columns, byPartition: new Map() };
    for (const [partition, { low, high }] of ends) {
      const stored = beyond ? undefined : positions?.get(partition);
      followed.byPartition.set(partition, { stored, next: Math.max(stored ?? low, low) });
      if (stored === undefined && high > low) this.ports.rebuilding(name, partition, low);
    }
    this.followed.set(name, followed);
    return followed;
  }

  /** Where the project that is furthest behind goes on; undefined where none is followed. */
  private from(partition: number): number | undefined {
    let from: number | undefined;
    for (const { byPartition } of this.followed.values()) {
      const next = byPartition.get(partition)?.next;
      if (next !== undefined && (from === undefined || next < from)) from = next;
    }
    return from;
  }

  /** Where the reader is beyond what a project still needs, it goes back. */
  private seekBack(partition: number): void {
    const [from, reading] = [this.from(partition), this.reading.get(partition)];
    if (from !== undefined && reading !== undefined && from < reading) this.goTo(partition, from);
  }

  private goTo(partition: number, offset: number): void {
    this.ports.seek(partition, offset);
    this.reading.set(partition, offset);
  }

  private async write(
    schema: RecordSchema,
    partition: number,
    records: ReadonlyMap<string, readonly DecodedRecord[]>,
    next: number,
  ): Promise<void> {
    const online = schema.project.serving.onlineFeatures;
    const { name } = schema.project;
    const standing = this.followed.get(name)?.byPartition.get(partition);
    if (online === undefined || standing === undefined || next <= standing.next) return;
    const createdAtMs = this.createdAtMs(name);
    const fresh = (records.get(name) ?? []).filter(
      ({ offset, writtenAtMs }) => offset >= standing.next && writtenAtMs >= createdAtMs,
    );
    const latest = this.latestOf(schema, online.columns, fresh);
    const outcome = await this.ports.store.write({
      project: name,
      topic: ONLINE_TOPIC,
      columns: this.columnsOf(schema),
      partition,
      stored: standing.stored,
      next,
      nowMs: this.clock.nowMs(),
      keepMs: online.keepMs,
      entitiesMax: online.entitiesMax,
      entities: [...latest.values()],
    });
    if (outcome.kind === 'written') {
      standing.stored = next;
      standing.next = next;
      this.ports.written(name, fresh.length, outcome.entities);
    } else {
      // Everything of the project is looked up anew, from where the batch's reader then goes on.
      this.followed.delete(name);
      await this.follow(schema);
    }
  }

  /** The newest record of each entity; the later one of two with the same event time. */
  private latestOf(
    schema: RecordSchema,
    columns: readonly string[],
    records: readonly DecodedRecord[],
  ): Map<string, LatestRecord> {
    const latest = new Map<string, LatestRecord>();
    for (const { record } of records) {
      const checked = this.checked(schema, record);
      // Bad records are the live stream's to report; here they change nothing.
      if (checked === undefined) continue;
      const { entity, eventTimeMs, ingestedAtMs } = checked;
      if ((latest.get(entity)?.eventTimeMs ?? Number.NEGATIVE_INFINITY) > eventTimeMs) continue;
      const values: Record<string, Scalar> = {};
      for (const column of columns) values[column] = ownValue(checked.values, column) ?? null;
      latest.set(entity, { entity, eventTimeMs, ingestedAtMs, values });
    }
    return latest;
  }

  /** What is stored is of the schema of today. */
  private checked(schema: RecordSchema, record: RecordMessage): RecordMessage | undefined {
    const checked = checkedRecord(schema, record, this.clock.nowMs());
    if (!Array.isArray(checked)) return checked;
    return this.registry.wasSchema(record.project, record.schemaHash) ? fittedRecord(schema, record) : undefined;
  }

  /** A change of these makes the stored values another projection; so does another project of the same name. */
  private columnsOf(schema: RecordSchema): string {
    const { name, serving } = schema.project;
    const columns = `${schema.hash}:${(serving.onlineFeatures?.columns ?? []).join(',')}`;
    const createdAtMs = this.createdAtMs(name);
    return createdAtMs === 0 ? columns : `${columns}@${createdAtMs}`;
  }

  private createdAtMs(project: string): number {
    return this.registry.createdAtMs(project) ?? 0;
  }

  private exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }
}

/** By project; bytes that are no record are left out, as the live stream reports them. */
function decoded(messages: readonly OnlineMessage[]): Map<string, DecodedRecord[]> {
  const byProject = new Map<string, DecodedRecord[]>();
  for (const { offset, timestampMs: writtenAtMs, message: record } of messages) {
    if (record === undefined) continue;
    const known = byProject.get(record.project);
    if (known === undefined) byProject.set(record.project, [{ offset, writtenAtMs, record }]);
    else known.push({ offset, writtenAtMs, record });
  }
  return byProject;
}
