// Where topics begin and end now. kafkajs' administration answers "low.pop() is undefined" while its metadata are
// renewed, waits without end on some outages, and knows no end but that of committed messages.

import { PlatformError } from '@millrace/domain';
import { type Asker, askAnyBroker, askBroker } from './ask-broker.js';
import {
  FETCH,
  fetchRequest,
  LIST_OFFSETS,
  type ListedOffset,
  listOffsetsRequest,
  METADATA,
  type Metadata,
  metadataRequest,
  type Node,
  type OffsetKind,
  readFetch,
  readListOffsets,
  readMetadata,
} from './produce/protocol.js';

/** A topic that is not there yet, or a partition that nobody leads now: both pass, as a rule. */
class NotLed extends PlatformError {
  constructor(what: string) {
    super('unavailable', `Kafka: ${what}`);
  }
}

/** KRaft publishes metadata a moment after creation. */
const TOPIC_POLL_MS = 50;
const TOPIC_POLLS_MAX = 200;

/**
 * By "topic/partition", as the broker names them. Asks again while a topic or a leader is not there yet.
 *
 * @throws PlatformError 'unavailable' where that lasts, or no broker answers in time
 */
export async function topicOffsets(
  asker: Asker,
  topics: readonly string[],
  kind: OffsetKind,
): Promise<ReadonlyMap<string, LedOffset>> {
  for (let poll = 1; ; poll++) {
    try {
      return await offsetsNow(asker, topics, kind);
    } catch (error) {
      if (!(error instanceof NotLed) || poll >= TOPIC_POLLS_MAX) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, TOPIC_POLL_MS));
  }
}

async function offsetsNow(
  asker: Asker,
  topics: readonly string[],
  kind: OffsetKind,
): Promise<ReadonlyMap<string, LedOffset>> {
  const metadata = await askAnyBroker(asker, async (socket) =>
    readMetadata(await socket.request(METADATA, metadataRequest(topics))),
  );
  const unknown = topics.filter((topic) => !metadata.topics.has(topic));
  if (unknown.length > 0) throw new NotLed(`no topic ${unknown.join(', ')}`);
  if ([...metadata.topics.values()].some((led) => led.some((leader) => !metadata.nodes.has(leader))))
    throw new NotLed('a partition has no leader now');
  const offsets = new Map<string, LedOffset>();
  for (const listed of await offsetsLed(asker, metadata, kind)) {
    const { topic, partition, error } = listed;
    if (error !== 0) throw new NotLed(`error ${error} of ${topic}/${partition}`);
    offsets.set(`${topic}/${partition}`, listed);
  }
  return offsets;
}

export interface LedOffset extends ListedOffset {
  readonly leader: Node;
}

/** Of the partitions that have a leader, as each of them answers. */
export async function offsetsLed(
  asker: Asker,
  { nodes, topics }: Metadata,
  kind: OffsetKind,
): Promise<readonly LedOffset[]> {
  const byNode = new Map<number, { topic: string; partitions: number[] }[]>();
  for (const [topic, led] of topics)
    led.forEach((leader, partition) => {
      const asked = byNode.get(leader) ?? [];
      byNode.set(leader, asked);
      const of = asked.find((each) => each.topic === topic);
      if (of === undefined) asked.push({ topic, partitions: [partition] });
      else of.partitions.push(partition);
    });
  const offsets: LedOffset[] = [];
  for (const [leader, asked] of byNode) {
    const node = nodes.get(leader);
    if (node === undefined) continue;
    const answer = await askBroker(asker, node, (socket) =>
      socket.request(LIST_OFFSETS, listOffsetsRequest(kind, asked)),
    );
    for (const listed of readListOffsets(answer)) offsets.push({ ...listed, leader: node });
  }
  return offsets;
}

/** Whether readers of committed messages get nothing more of a partition from this offset on, as its leader answers. */
export async function isAtEnd(
  asker: Asker,
  leader: Node,
  place: { topic: string; partition: number; offset: number },
): Promise<boolean> {
  const answer = await askBroker(asker, leader, (socket) =>
    socket.request(FETCH, fetchRequest('stable', { ...place, bytesMax: 1 })),
  );
  const { error, records } = readFetch(answer);
  return error === 0 && records.length === 0;
}
