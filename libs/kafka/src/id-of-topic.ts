// Kafka's own id of a topic. One of the same name that is created again, or on another Kafka, has another one.

import { PlatformError, systemClock } from '@millrace/domain';
import { BrokerSocket } from './produce/broker-socket.js';
import { readTopicId, TOPIC_IDS, topicIdRequest } from './produce/protocol.js';

interface BrokerSettings {
  brokers: readonly string[];
  clientId: string;
}

/** Hex. @throws PlatformError 'unavailable' where it is not there now, or no broker answers */
export async function idOfTopic(settings: BrokerSettings, topic: string): Promise<string> {
  let failure: unknown;
  for (const broker of settings.brokers) {
    try {
      return await askedOf(broker, settings, topic);
    } catch (thrown) {
      failure = thrown;
    }
  }
  throw failure;
}

async function askedOf(broker: string, { clientId }: BrokerSettings, topic: string): Promise<string> {
  const colon = broker.lastIndexOf(':');
  const node = { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) };
  const socket = await BrokerSocket.open(node, clientId, systemClock);
  try {
    const { error, id } = readTopicId(await socket.request(TOPIC_IDS, topicIdRequest(topic)));
    if (error !== 0) throw new PlatformError('unavailable', `Kafka: error ${error} of topic ${topic}`);
    return id;
  } finally {
    socket.close();
  }
}
