// Metrics of libs/kafka; a part of names.ts.

export const KAFKA_METRICS = {
  'millrace.kafka.consumed': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages whose effect is done',
    labels: ['topic'],
  },
  'millrace.kafka.consumer_lag': {
    kind: 'gauge',
    unit: '{message}',
    description: 'High watermark minus next offset, last seen',
    labels: ['topic', 'partition'],
  },
  'millrace.kafka.batch_duration': {
    kind: 'histogram',
    unit: 'ms',
    description: 'Time of a handler for one partition batch',
    labels: ['topic'],
  },
  'millrace.kafka.handler_retries': {
    kind: 'counter',
    unit: '{retry}',
    description: 'Batches tried again',
    labels: ['topic', 'code'],
  },
  'millrace.kafka.dead_letters': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages moved to the dead letter topic',
    labels: ['topic'],
  },
  'millrace.kafka.entries_skipped': {
    kind: 'counter',
    unit: '{message}',
    description: 'Entries of compacted topics that could not be read; what was known of their key before stays',
    labels: ['topic'],
  },
  'millrace.kafka.pauses': {
    kind: 'counter',
    unit: '{pause}',
    description: 'Partitions paused because the handler was overloaded',
    labels: ['topic'],
  },
  'millrace.kafka.hanging_transactions': {
    kind: 'counter',
    unit: '{transaction}',
    description: 'Transactions that a broker had left open in a partition, and that were ended as it had decided',
    labels: ['outcome'],
  },
  'millrace.kafka.produced': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages acknowledged by the broker',
    labels: ['topic'],
  },
  'millrace.kafka.produce_failures': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages whose send was given up',
    labels: ['topic', 'code'],
  },
  'millrace.kafka.produce_queue': {
    kind: 'gauge',
    unit: '{message}',
    description: 'Messages waiting for the broker',
    labels: ['client'],
  },
  'millrace.kafka.connected': {
    kind: 'gauge',
    unit: '1',
    description: '1 while the client reaches a broker',
    labels: ['client'],
  },
} as const;
