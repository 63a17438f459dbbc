// The online features of a project: the values of each entity's latest record, written by ingest, read by serving. One
// script writes values, their index and the offset they stand for together, so that they never say different things: a
// process that was away finds in Redis itself where to go on, and a Redis that came back empty says so by having no
// offset.
//
// Bounds: at most `entitiesMax` entities (the one whose record came in longest ago leaves first), none longer than
// `keepMs` without a record; the keys of a project that gets no records at all leave by themselves. Cost of a write:
// one round trip for a whole batch; of a read: one HMGET.

import type { Scalar } from '@millrace/domain';
import type { RedisConnection } from './connection.js';
import { featuresIndexKey, featuresKey, featuresOffsetsKey } from './keys.js';

/** What the latest record of an entity says. */
export interface EntityFeatures {
  readonly entity: string;
  readonly eventTimeMs: number;
  /** Processing time at which the record came in; decides how long the entity is kept. */
  readonly ingestedAtMs: number;
  readonly values: Readonly<Record<string, Scalar>>;
}

export interface StoredFeatures {
  readonly eventTimeMs: number;
  readonly values: Readonly<Record<string, Scalar>>;
}

/** Messages [position, next) of a partition as one change of the projection. */
export interface OnlineProjectionStep {
  readonly project: string;
  readonly topic: string;
  /** What the values hold, as text: a projection of other columns is thrown away and begun anew. */
  readonly columns: string;
  readonly partition: number;
  /** The offset that Redis is expected to stand at; undefined = none yet. */
  readonly stored: number | undefined;
  readonly next: number;
  readonly nowMs: number;
  readonly keepMs: number;
  readonly entitiesMax: number;
  /** At most one entry an entity. */
  readonly entities: readonly EntityFeatures[];
}

/** moved: Redis stands elsewhere (it lost its state, or another process wrote); nothing was changed. */
export type StepOutcome = { kind: 'written'; entities: number } | { kind: 'moved'; stored: number | undefined };

/** Entities that one write may let go of because of their age; the next write goes on. */
const EXPIRED_PER_WRITE_MAX = 1_000;

/**
 * KEYS values, index, offsets. ARGV columns, partition, expected offset or '', next offset, now, keep, entities at
 * most, then entity, event time, ingested at, payload of each. Gives the number of entities, or the offset where it
 * stands as a text.
 */
const WRITE = `
local columns = redis.call('HGET', KEYS[3], 'columns')
if columns ~= ARGV[1] then
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  if ARGV[3] ~= '' then return '' end
  redis.call('HSET', KEYS[3], 'columns', ARGV[1])
end
local stored = redis.call('HGET', KEYS[3], ARGV[2]) or ''
if stored ~= ARGV[3] then return stored end
local now, keep, most = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
for i = 8, #ARGV, 4 do
  local entity, time, ingested = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  if ingested > now - keep then
    local old = redis.call('HGET', KEYS[1], entity)
    local oldTime = old and tonumber(string.match(old, '^(-?%d+)|'))
    if not oldTime or time >= oldTime then redis.call('HSET', KEYS[1], entity, ARGV[i + 3]) end
    redis.call('ZADD', KEYS[2], 'GT', ingested, entity)
  end
end
local gone = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - keep, 'LIMIT', 0, ${EXPIRED_PER_WRITE_MAX})
for _, entity in ipairs(gone) do
  redis.call('HDEL', KEYS[1], entity)
  redis.call('ZREM', KEYS[2], entity)
end
local over = redis.call('ZCARD', KEYS[2]) - most
if over > 0 then
  local popped = redis.call('ZPOPMIN', KEYS[2], over)
  for i = 1, #popped, 2 do redis.call('HDEL', KEYS[1], popped[i]) end
end
local count = redis.call('ZCARD', KEYS[2])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[4], 'entities', count, 'expires', now + keep)
redis.call('PEXPIRE', KEYS[1], keep)
redis.call('PEXPIRE', KEYS[2], keep)
return count
`;

export class OnlineFeatureStore {
  constructor(private readonly redis: RedisConnection) {}

  /**
   * Next offsets by partition, or undefined where Redis does not hold these columns (any more). Rejects with
   * `unavailable`.
   */
  async positions(
    project: string,
    topic: string,
    columns: string,
    nowMs: number,
  ): Promise<Map<number, number> | undefined> {
    const [held, kept] = await this.redis.command((client) =>
      Promise.all([
        client.hgetall(featuresOffsetsKey(project, topic)),
        client.exists(featuresKey(project), featuresIndexKey(project)),
      ]),
    );
    if (held.columns !== columns) return undefined;
    if (Number(held.entities) > 0 && nowMs < Number(held.expires) && kept < 2) {
      // A Redis that is full threw the values away and kept their offsets: begin anew.
      await this.remove(project, topic);
      return undefined;
    }
    const positions = new Map<number, number>();
    for (const [field, value] of Object.entries(held))
      if (/^\d+$/.test(field)) positions.set(Number(field), Number(value));
    return positions;
  }

  /** Rejects with `unavailable`; then it may have been written or not, which the next step finds out. */
  async write(step: OnlineProjectionStep): Promise<StepOutcome> {
    const { project, topic } = step;
    const parts: (string | number)[] = [];
    for (const { entity, eventTimeMs, ingestedAtMs, values } of step.entities)
      parts.push(entity, eventTimeMs, ingestedAtMs, `${eventTimeMs}|${JSON.stringify(values)}`);
    const answer = await this.redis.command((client) =>
      client.eval(
        WRITE,
        3,
        featuresKey(project),
        featuresIndexKey(project),
        featuresOffsetsKey(project, topic),
        step.columns,
        step.partition,
        step.stored ?? '',
        step.next,
        step.nowMs,
        step.keepMs,
        step.entitiesMax,
        ...parts,
      ),
    );
    if (typeof answer === 'number') return { kind: 'written', entities: answer };
    return { kind: 'moved', stored: answer === '' ? undefined : Number(answer) };
  }

  /** Forgets everything of a project. */
  async remove(project: string, topic: string): Promise<void> {
    await this.redis.command((client) =>
      client.unlink(featuresKey(project), featuresIndexKey(project), featuresOffsetsKey(project, topic)),
    );
  }

  /** One entry for each entity asked for; undefined where none is kept (or what is kept cannot be read). */
  async read(project: string, entities: readonly string[]): Promise<(StoredFeatures | undefined)[]> {
    const texts = await this.redis.command((client) => client.hmget(featuresKey(project), ...entities));
    return texts.map((text) => (text === null ? undefined : parseFeatures(text)));
  }
}

function parseFeatures(text: string): StoredFeatures | undefined {
  const bar = text.indexOf('|');
  try {
    const values = JSON.parse(text.slice(bar + 1)) as Record<string, Scalar>;
    const eventTimeMs = Number(text.slice(0, bar));
    return bar > 0 && Number.isFinite(eventTimeMs) && typeof values === 'object' && values !== null
      ? { eventTimeMs, values }
      : undefined;
  } catch {
    // Somebody else's value under our key: as good as none.
    return undefined;
  }
}
