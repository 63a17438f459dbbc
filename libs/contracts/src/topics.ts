// The one list of Kafka topics: created at start by whoever comes first (libs/kafka ensureTopics), never by the
// broker. Records, labels and predictions share key and partition count, so that what belongs together meets in one
// process: all topics have as many partitions.

export type CleanupPolicy = 'delete' | 'compact';

/** Topics whose messages are kept equally long, by a setting each. */
export type TopicFamily = 'records' | 'imports' | 'predictions' | 'deadLetters' | 'events';

export interface TopicSpec {
  readonly name: string;
  /** undefined: how long it is kept is no setting. */
  readonly family?: TopicFamily;
  readonly partitions: number;
  readonly cleanup: CleanupPolicy;
  /** Processing time that messages are kept; -1 = for ever. Meaningless for compacted topics. */
  readonly retentionMs: number;
  /** Largest message batch the broker takes. */
  readonly messageBytesMax: number;
  /**
   * Of a topic that is written every second: the broker begins a new file after so many bytes, because it neither
   * compacts nor deletes the one that it writes, and who reads the topic whole reads all of that.
   */
  readonly segmentBytes?: number;
}

const DAY_MS = 86_400_000;
const MIB = 1_048_576;

/** Four: enough for a process per core on the reference machine, few enough that an idle broker stays small. */
const PARTITIONS = 4;

/** Without a family it is no setting: who stood still must find there what was asked of him. */
const deleted = <N extends string>(name: N, family: TopicFamily | undefined, days: number, messageBytesMax = MIB) =>
  ({ ...sized(name, messageBytesMax), family, cleanup: 'delete', retentionMs: days * DAY_MS }) as const;
const compacted = <N extends string>(name: N, messageBytesMax = MIB) =>
  ({ ...sized(name, messageBytesMax), cleanup: 'compact', retentionMs: -1 }) as const;
const sized = <N extends string>(name: N, messageBytesMax: number) =>
  ({ name, partitions: PARTITIONS, messageBytesMax }) as const;

export const TOPICS = [
  deleted('records.v1', 'records', 7),
  // 8 MiB: one columnar batch of 16k rows with 20 columns fits.
  deleted('batches.v1', 'imports', 2, 8 * MIB),
  deleted('labels.v1', 'records', 7),
  deleted('deadletter.v1', 'deadLetters', 30),
  compacted('projects.v1'),
  compacted('datasets.v1'),
  compacted('progress.v1'),
  deleted('commands.v1', undefined, 30),
  deleted('trainings.v1', undefined, 30),
  // The state of a loop is written anew at each step, 80 KiB at most.
  { ...compacted('trainer.v1'), segmentBytes: 32 * MIB },
  compacted('models.v1'),
  compacted('routes.v1'),
  // What routers count of rollouts under way, every second anew. Who begins to read it reads the whole of it, and an
  // hour is longer than any router is missed before its counts may be forgotten.
  { ...deleted('evidence.v1', undefined, 1 / 24), segmentBytes: 8 * MIB },
  // What monitors count by labels of rollouts under way, every second anew: a message a project and partition.
  { ...compacted('losses.v1'), segmentBytes: 8 * MIB },
  deleted('predictions.v1', 'predictions', 7),
  // 8 MiB: a partition's share of a window of 500 features and two cohorts fits. 32 MiB are read in a second.
  { ...compacted('profiles.v1', 8 * MIB), segmentBytes: 32 * MIB },
  deleted('metrics.v1', 'events', 30),
  deleted('drift.v1', 'events', 30),
  // A year, and a month in which it is looked back upon.
  deleted('audit.v1', undefined, 396),
] as const satisfies readonly TopicSpec[];

/** What an operator says of all topics. */
export interface TopicTerms {
  readonly partitions: number;
  /** Processing time; 0 = as the list says, and a topic that exists stays as it is. */
  readonly keepMs: Readonly<Record<TopicFamily, number>>;
}

/** The list as an operator wants it. `isSaid`: its retention holds for a topic that exists, too. */
export function topicsBy({ partitions, keepMs }: TopicTerms): (TopicSpec & { name: Topic; isSaid: boolean })[] {
  return TOPICS.map((topic: TopicSpec & { name: Topic }) => {
    const said = topic.family === undefined ? 0 : keepMs[topic.family];
    return { ...topic, partitions, retentionMs: said || topic.retentionMs, isSaid: said > 0 };
  });
}

/** Nothing is said. */
export const DEFAULT_TOPIC_TERMS: TopicTerms = {
  partitions: PARTITIONS,
  keepMs: { records: 0, imports: 0, predictions: 0, deadLetters: 0, events: 0 },
};

/** A topic's name without the prefix. */
export type Topic = (typeof TOPICS)[number]['name'];

/** The name on the broker: prefix (MILLRACE_TOPIC_PREFIX) plus topic. */
export function topicName(prefix: string, topic: Topic): string {
  return `${prefix}${topic}`;
}

/**
 * Key of everything that belongs to one entity (records, labels, predictions): "<project>/<entity>". Where the project
 * has no entity, the record's id stands for it.
 */
export function messageKey(project: string, entity: string): string {
  return `${project}/${entity}`;
}
