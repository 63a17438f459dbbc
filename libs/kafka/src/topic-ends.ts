// Where topics end now: what was written, or up to where a reader of committed messages gets, which an open transaction
// holds back. kafkajs' administration knows the second alone.

import { type Clock, PlatformError } from '@millrace/domain';
import { BrokerSocket } from './produce/broker-socket.js';
import {
  type EndKind,
  LIST_OFFSETS,
  listOffsetsRequest,
  METADATA,
  type Metadata,
  metadataRequest,
  type Node,
  readListOffsets,
  readMetadata,
} from './produce/protocol.js';

export interface TopicEndsSettings {
  brokers: readonly string[];
  clientId: string;
  clock: Clock;
}

/** By "topic/partition", as the broker names them. @throws PlatformError 'unavailable' where one is not led now */
export async function topicEnds(
  settings: TopicEndsSettings,
  topics: readonly string[],
  end: EndKind,
): Promise<ReadonlyMap<string, number>> {
  const { nodes, topics: leaders } = await anyAnswer(settings, topics);
  const byNode = new Map<number, { topic: string; partitions: number[] }[]>();
  for (const [topic, led] of leaders)
    led.forEach((leader, partition) => {
      const asked = byNode.get(leader) ?? [];
      byNode.set(leader, asked);
      const of = asked.find((each) => each.topic === topic);
      if (of === undefined) asked.push({ topic, partitions: [partition] });
      else of.partitions.push(partition);
    });
  const ends = new Map<string, number>();
  for (const [leader, asked] of byNode) {
    const node = nodes.get(leader);
    if (node === undefined) throw new PlatformError('unavailable', 'a partition has no leader now');
    const answer = await asking(settings, node, (socket) =>
      socket.request(LIST_OFFSETS, listOffsetsRequest(end, asked)),
    );
    for (const { topic, partition, error, offset } of readListOffsets(answer)) {
      if (error !== 0) throw new PlatformError('unavailable', `Kafka: error ${error} of partition ${partition}`);
      ends.set(`${topic}/${partition}`, offset);
    }
  }
  return ends;
}

async function anyAnswer(settings: TopicEndsSettings, topics: readonly string[]): Promise<Metadata> {
  let failure: unknown;
  for (const broker of settings.brokers) {
    const colon = broker.lastIndexOf(':');
    const node = { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) };
    try {
      return readMetadata(await asking(settings, node, (socket) => socket.request(METADATA, metadataRequest(topics))));
    } catch (thrown) {
      failure = thrown;
    }
  }
  throw failure;
}

async function asking<T>(
  { clientId, clock }: TopicEndsSettings,
  node: Node,
  ask: (socket: BrokerSocket) => Promise<T>,
): Promise<T> {
  const socket = await BrokerSocket.open(node, clientId, clock);
  try {
    return await ask(socket);
  } finally {
    socket.close();
  }
}
