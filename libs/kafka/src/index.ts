// Kafka: connection, producers, the consumer runner as a Nest transport, readers of compacted topics.

export type { BatchResult } from './batch-runner.js';
export { CompactedReader, type CompactedReaderSettings, type OnEntry } from './compacted-reader.js';
export { KafkaConnection } from './connection.js';
export { badMessage, type DecodedBatch, decodeBatch } from './decode-batch.js';
export { ensureTopics } from './ensure-topics.js';
export { FencedWriters } from './fenced-writers.js';
export { inTime } from './in-time.js';
export { type InboundMessage, inParts, type OutboundMessage } from './message.js';
export { partitionOfKey } from './partitioner.js';
export { MessageProducer } from './producer.js';
export { KafkaBatchContext, KafkaStrategy } from './strategy.js';
export type { KafkaStrategySettings } from './strategy-settings.js';
export { TakingAgain } from './taking-again.js';
export { TransactionalProducer } from './transactional-producer.js';
export { untilAvailable } from './until-available.js';
