// What ties serving to the platform: the topics that say which packages to serve, the last known state that stands in
// for them, and the producer that writes predictions. A process that serves a folder alone has none of it.

import type { Clock } from '@millrace/domain';
import { KafkaConnection, MessageProducer } from '@millrace/kafka';
import { projectFromDocument } from '@millrace/project';
import { within } from '@millrace/service';
import { logger } from '@millrace/telemetry';
import { ControlState } from './control-state.js';
import { ControlFollower } from './control-state.kafka.js';
import type { ModelSet } from './model-set.js';
import { SnapshotFile } from './snapshot.fs.js';

export interface PlatformLinkSettings {
  kafkaBrokers: readonly string[];
  topicPrefix: string;
  replica: string;
  /** Absolute. */
  home: string;
}

const PRODUCER_CLOSE_MS = 100;
const KAFKA_CLOSE_MS = 1000;

export class PlatformLink {
  readonly producer: MessageProducer;
  private readonly log = logger('serving');
  private readonly kafka: KafkaConnection;
  private readonly snapshot: SnapshotFile;
  private follower: ControlFollower | undefined;

  constructor(
    private readonly settings: PlatformLinkSettings,
    clock: Clock,
  ) {
    const { kafkaBrokers, topicPrefix, replica, home } = settings;
    this.kafka = new KafkaConnection({ brokers: kafkaBrokers, clientId: `serving-${replica}`, topicPrefix });
    this.producer = new MessageProducer(this.kafka, { name: 'predictions', clock });
    this.snapshot = new SnapshotFile(`${home}/serving/last-known-${replica}.json`);
  }

  /**
   * Applies the last known state; `known` says whether there was one. `followed` resolves when the topics have spoken.
   */
  async start(models: ModelSet): Promise<{ known: boolean; followed: Promise<void> }> {
    const control = new ControlState({
      models,
      parse: projectFromDocument,
      changed: (snapshot) => this.snapshot.save(snapshot),
      skipped: (what, error) => this.log.error(`${what} cannot be used`, {}, error),
    });
    const last = await this.snapshot.read();
    if (last) control.restore(last);
    this.follower = new ControlFollower(this.kafka, control, this.settings.replica);
    const followed = this.follower.follow().then(() => control.caughtUp());
    return { known: last !== undefined, followed };
  }

  async close(): Promise<void> {
    // The log has waited for its own writes: nothing of worth is left in the producer. And without a broker none of
    // these would end by itself.
    await within(KAFKA_CLOSE_MS, Promise.all([this.producer.close(PRODUCER_CLOSE_MS), this.follower?.close()]));
    await within(KAFKA_CLOSE_MS, this.kafka.close());
    await this.snapshot.close();
  }
}
