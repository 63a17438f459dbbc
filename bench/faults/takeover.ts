// How long the partitions of a process that is killed stand still: until whoever takes them over has read on in each.

import { systemClock } from '@millrace/domain';
import { eventually } from '@millrace/testing';
import { EACH, type ReplicatedPlatform } from './replicated-platform.process.js';

const ADVANCED_WITHIN_MS = 60_000;
const LAST_WORDS_MS = 300;

/** Next offset by partition. */
type Positions = ReadonlyMap<number, number>;

interface Shared {
  /** Of the partitions that this process holds. */
  held(platform: ReplicatedPlatform, replica: number): Promise<Positions>;
  /** Of all partitions, whoever holds them. */
  all(platform: ReplicatedPlatform): Promise<Positions>;
}

interface IngestPartition {
  partition: number;
  holder: string;
  records: number;
}

async function ofIngest(platform: ReplicatedPlatform, holder = ''): Promise<Positions> {
  const { partitions } = await platform.ask<{ partitions: IngestPartition[] }>('ingestHttp', '/v1/stats');
  const held = partitions.filter((one) => holder === '' || one.holder === holder);
  return new Map(held.map(({ partition, records }) => [partition, records]));
}

interface MonitorPosition {
  stream: string;
  partition: number;
  next: number;
}

async function ofMonitor(platform: ReplicatedPlatform, replica: number): Promise<Positions> {
  const { positions } = await platform.get<{ positions: MonitorPosition[] }>('monitorHttp', '/v1/stats', replica);
  const predictions = positions.filter(({ stream }) => stream === 'predictions');
  return new Map(predictions.map(({ partition, next }) => [partition, next]));
}

const SHARED: Readonly<Record<'ingest' | 'monitor', Shared>> = {
  ingest: {
    held: (platform, replica) => ofIngest(platform, `ingest-${replica}`),
    all: (platform) => ofIngest(platform),
  },
  monitor: {
    held: ofMonitor,
    all: async (platform) => {
      const furthest = new Map<number, number>();
      for (const replica of EACH)
        for (const [partition, next] of await ofMonitor(platform, replica).catch((): Positions => new Map()))
          furthest.set(partition, Math.max(next, furthest.get(partition) ?? 0));
      return furthest;
    },
  },
};

/** kill -9 under traffic; gives the ms until each of its partitions has advanced. */
export async function takenOverAfterMs(
  platform: ReplicatedPlatform,
  service: 'ingest' | 'monitor',
  replica: number,
): Promise<number> {
  const { held, all } = SHARED[service];
  const before = await eventually(
    `${service} ${replica} holds partitions`,
    async () => {
      const positions = await held(platform, replica).catch(() => undefined);
      return positions !== undefined && positions.size > 0 ? positions : undefined;
    },
    ADVANCED_WITHIN_MS,
  );
  if (!platform.kill(service, replica)) throw new Error(`${service} ${replica} does not run`);
  const killedAt = systemClock.monotonicMs();
  // Its last words may be on their way.
  await new Promise((wake) => setTimeout(wake, LAST_WORDS_MS));
  const last = await eventually('somebody answers', () => all(platform).catch(() => undefined), ADVANCED_WITHIN_MS);
  await eventually(
    `the partitions of ${service} ${replica} advance`,
    async () => {
      const now = await all(platform).catch(() => undefined);
      const isOn = ([partition, next]: [number, number]) => (now?.get(partition) ?? 0) > (last.get(partition) ?? next);
      return [...before].every(isOn);
    },
    ADVANCED_WITHIN_MS,
  );
  return systemClock.monotonicMs() - killedAt;
}
