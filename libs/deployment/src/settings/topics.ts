// Settings of the platform's topics: every process may be the one that creates them, so all take the same. Which topics
// there are, and what each setting speaks of: libs/contracts/src/topics.ts.

import { defineSettings } from './setting.js';

const HOUR_MS = 3_600_000;
const TEN_YEARS_MS = 315_360_000_000;

const kept = <const E extends string>(env: E, why: string) =>
  ({
    env,
    type: 'duration',
    default: 0,
    min: 0,
    max: TEN_YEARS_MS,
    // Nobody who stands still for a moment loses what he has not read.
    minUnlessZero: HOUR_MS,
    why,
  }) as const;

export const topicSettings = defineSettings({
  kafkaPartitions: {
    env: 'MILLRACE_KAFKA_PARTITIONS',
    type: 'int',
    default: 4,
    min: 1,
    max: 256,
    unit: 'partitions',
    why: 'of every topic, and so the most processes of ingest or of the monitor that share the work: enough for one a core on the reference machine, few enough that an idle broker stays small. Topics that exist keep theirs: where they have another number nothing starts, and it is said',
  },
  kafkaKeepRecords: kept(
    'MILLRACE_KAFKA_KEEP_RECORDS',
    'records.v1 and labels.v1. 0 = 7 days where they are created, and what exists stays as it is; else topics that exist are set to it. As long as ingest may stand still; what it has read is in the artifact store',
  ),
  kafkaKeepImports: kept(
    'MILLRACE_KAFKA_KEEP_IMPORTS',
    'batches.v1; 0 as above, 2 days. As long as a bulk load may take',
  ),
  kafkaKeepPredictions: kept(
    'MILLRACE_KAFKA_KEEP_PREDICTIONS',
    'predictions.v1; 0 as above, 7 days. As long as every monitor may stand still; what it has read is in its archive',
  ),
  kafkaKeepDeadLetters: kept(
    'MILLRACE_KAFKA_KEEP_DEAD_LETTERS',
    'deadletter.v1; 0 as above, 30 days. As long as what was refused can be driven again',
  ),
  kafkaKeepEvents: kept(
    'MILLRACE_KAFKA_KEEP_EVENTS',
    'metrics.v1, drift.v1; 0 as above, 30 days. As long as a subscriber to drift events may stand still',
  ),
});

/** As libs/contracts takes them. */
export function topicTerms(config: { readonly [K in keyof typeof topicSettings]: number }) {
  return {
    partitions: config.kafkaPartitions,
    keepMs: {
      records: config.kafkaKeepRecords,
      imports: config.kafkaKeepImports,
      predictions: config.kafkaKeepPredictions,
      deadLetters: config.kafkaKeepDeadLetters,
      events: config.kafkaKeepEvents,
    },
  };
}
