// Where topics begin and end now. kafkajs' administration answers "low.pop() is undefined" while its metadata are
// renewed, waits without end on some outages, and knows no end but that of committed messages.

import { type Clock, PlatformError } from '@millrace/domain';
import { BrokerSocket } from './produce/broker-socket.js';
import {
  LIST_OFFSETS,
  listOffsetsRequest,
  METADATA,
  type Metadata,
  metadataRequest,
  type Node,
  type OffsetKind,
  readListOffsets,
  readMetadata,
} from './produce/protocol.js';

export interface TopicOffsetsSettings {
  brokers: readonly string[];
  clientId: string;
  clock: Clock;
}

/** A topic that is not there yet, or a partition that nobody leads now: both pass, as a rule. */
export class NotLed extends PlatformError {
  constructor(what: string) {
    super('unavailable', `Kafka: ${what}`);
  }
}

/**
 * By "topic/partition", as the broker names them.
 *
 * @throws NotLed; PlatformError 'unavailable' where no broker answers in time
 */
export async function topicOffsets(
  settings: TopicOffsetsSettings,
  topics: readonly string[],
  kind: OffsetKind,
): Promise<ReadonlyMap<string, number>> {
  const { nodes, topics: leaders } = await anyAnswer(settings, topics);
  const unknown = topics.filter((topic) => !leaders.has(topic));
  if (unknown.length > 0) throw new NotLed(`no topic ${unknown.join(', ')}`);
  const byNode = new Map<number, { topic: string; partitions: number[] }[]>();
  for (const [topic, led] of leaders)
    led.forEach((leader, partition) => {
      const asked = byNode.get(leader) ?? [];
      byNode.set(leader, asked);
      const of = asked.find((each) => each.topic === topic);
      if (of === undefined) asked.push({ topic, partitions: [partition] });
      else of.partitions.push(partition);
    });
  const offsets = new Map<string, number>();
  for (const [leader, asked] of byNode) {
    const node = nodes.get(leader);
    if (node === undefined) throw new NotLed('a partition has no leader now');
    const answer = await asking(settings, node, (socket) =>
      socket.request(LIST_OFFSETS, listOffsetsRequest(kind, asked)),
    );
    for (const { topic, partition, error, offset } of readListOffsets(answer)) {
      if (error !== 0) throw new NotLed(`error ${error} of ${topic}/${partition}`);
      offsets.set(`${topic}/${partition}`, offset);
    }
  }
  return offsets;
}

async function anyAnswer(settings: TopicOffsetsSettings, topics: readonly string[]): Promise<Metadata> {
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
  { clientId, clock }: TopicOffsetsSettings,
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
