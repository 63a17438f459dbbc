// Kafka's properties: one node that is broker and controller (KRaft), on loopback, with topics'
// internals sized for one machine.

export interface KafkaPropertiesOptions {
  port: number;
  controllerPort: number;
  dataFolder: string;
}

/** What every broker of ours has, wherever it runs. */
export function kafkaProperties({ port, controllerPort, dataFolder }: KafkaPropertiesOptions): [string, string][] {
  const entries: [string, string | number][] = [
    ['process.roles', 'broker,controller'],
    ['node.id', 1],
    ['controller.quorum.voters', `1@127.0.0.1:${controllerPort}`],
    ['listeners', `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`],
    ['advertised.listeners', `PLAINTEXT://127.0.0.1:${port}`],
    ['controller.listener.names', 'CONTROLLER'],
    ['inter.broker.listener.name', 'PLAINTEXT'],
    ['log.dirs', dataFolder],
    ['offsets.topic.replication.factor', 1],
    ['offsets.topic.num.partitions', 4],
    ['transaction.state.log.replication.factor', 1],
    ['transaction.state.log.min.isr', 1],
    ['transaction.state.log.num.partitions', 4],
    ['share.coordinator.state.topic.replication.factor', 1],
    ['share.coordinator.state.topic.min.isr', 1],
    // Topics come from libs/contracts, never from a typing error.
    ['auto.create.topics.enable', 'false'],
    // A transaction that its process did not end is ended so soon after its time: readers of committed messages wait.
    ['transaction.abort.timed.out.transaction.cleanup.interval.ms', 1_000],
    // Groups start at once: members are few and known.
    ['group.initial.rebalance.delay.ms', 0],
  ];
  return entries.map(([key, value]) => [key, `${value}`]);
}

/** Sizes of the embedded broker, for two cores and little memory; a container has Kafka's own. */
const EMBEDDED_KAFKA_SIZES: readonly (readonly [string, string])[] = [
  ['log.cleaner.dedupe.buffer.size', '4194304'],
  ['log.segment.bytes', '67108864'],
  ['num.network.threads', '2'],
  ['num.io.threads', '2'],
  ['background.threads', '2'],
];

/** The embedded broker's server.properties. */
export function embeddedKafkaProperties(options: KafkaPropertiesOptions): string {
  const entries = [...kafkaProperties(options), ...EMBEDDED_KAFKA_SIZES];
  return `${entries.map(([key, value]) => `${key}=${value}`).join('\n')}\n`;
}
