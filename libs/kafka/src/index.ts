// Kafka: connection, producers, the consumer runner as a Nest transport, readers of compacted topics.

export type { BatchResult, RetrySettings } from './batch-runner.js';
export { CompactedReader, type CompactedReaderSettings, type EntryPosition, type OnEntry } from './compacted-reader.js';
export { ensureTopics, KafkaConnection, type KafkaConnectionSettings } from './connection.js';
export { badMessage, type DecodedBatch, decodeBatch } from './decode-batch.js';
export { ACTION_BY_CODE, type KafkaAction } from './error-actions.js';
export type { BadMessage, InboundMessage, OutboundMessage } from './message.js';
export { MessageProducer, type ProducerSettings } from './producer.js';
export { type Assignment, KafkaBatchContext, KafkaStrategy, type KafkaStrategySettings } from './strategy.js';
export { type Transaction, TransactionalProducer, type TransactionalSettings } from './transactional-producer.js';
export { untilAvailable } from './until-available.js';
