// Kafka's own id of a topic. One of the same name that is created again, or on another Kafka, has another one.

import { PlatformError } from '@millrace/domain';
import { type Asker, askAnyBroker } from './ask-broker.js';
import { readTopicId, TOPIC_IDS, topicIdRequest } from './produce/protocol.js';

/** Hex. @throws PlatformError 'unavailable' where it is not there now, or no broker answers */
export function idOfTopic(asker: Asker, topic: string): Promise<string> {
  return askAnyBroker(asker, async (socket) => {
    const { error, id } = readTopicId(await socket.request(TOPIC_IDS, topicIdRequest(topic)));
    if (error !== 0) throw new PlatformError('unavailable', `Kafka: error ${error} of topic ${topic}`);
    return id;
  });
}
