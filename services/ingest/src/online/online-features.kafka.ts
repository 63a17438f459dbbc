// Reads records.v1 for the online features: a consumer of its own, started when the first project asks for them.
// Positions are kept in Redis beside the values, never committed here. A crash of it is no end of ingest: it is started
// again.

import { decodeRecord } from '@millrace/contracts';
import {
  decodeBatch,
  type InboundMessage,
  type KafkaBatchContext,
  type KafkaConnection,
  KafkaStrategy,
  type MessageProducer,
} from '@millrace/kafka';
import { logger } from '@millrace/telemetry';
import type { Consumer } from 'kafkajs';
import { ONLINE_TOPIC, type OnlineProjection } from './online-projection.js';

const GROUP = 'ingest-online';
/** Between two looks at Redis and at the projects. */
const CHECK_MS = 1_000;
/** A partition pauses this long while Redis is away. */
const AWAY_PAUSE_MS = 1_000;

export class OnlineFeatureReader {
  private readonly log = logger('online-features');
  private strategy: KafkaStrategy | undefined;
  private timer: NodeJS.Timeout | undefined;
  private away = false;

  constructor(
    private readonly connection: KafkaConnection,
    private readonly producer: MessageProducer,
    private readonly projection: OnlineProjection,
    private readonly release: () => Promise<void> | undefined,
  ) {}

  start(): void {
    this.timer = setInterval(() => void this.tick(), CHECK_MS);
    this.timer.unref();
  }

  seek(partition: number, offset: number): void {
    this.strategy
      ?.unwrap<Consumer | undefined>()
      ?.seek({ topic: this.connection.topicName(ONLINE_TOPIC), partition, offset: String(offset) });
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.strategy?.close();
    await this.release();
  }

  private async tick(): Promise<void> {
    if (this.strategy === undefined) {
      if (this.projection.wanted) this.follow();
      return;
    }
    try {
      await this.projection.check();
      if (this.away) this.log.info('the online features are written again');
      this.away = false;
    } catch (error) {
      if (!this.away) this.log.warn('the online features cannot be written; ingest goes on', {}, error);
      this.away = true;
    }
  }

  private follow(): void {
    const strategy = new KafkaStrategy({
      connection: this.connection,
      producer: this.producer,
      service: 'ingest-online',
      groupId: GROUP,
      metricsAs: `${ONLINE_TOPIC}/online`,
      fetchBytesMin: 1,
      retry: { initialMs: AWAY_PAUSE_MS },
      onAssigned: () => this.projection.assigned(),
      onCrash: (error) => {
        this.log.error('the online features are read again from the start', {}, error);
        this.strategy = undefined;
        void strategy.close();
      },
    });
    const handle = async (messages: InboundMessage[], context: KafkaBatchContext): Promise<object> => {
      const { batch } = decodeBatch(messages, decodeRecord);
      await this.projection.batch(context.partition, batch, () => context.isStale());
      return { nextOffset: null };
    };
    strategy.addHandler(ONLINE_TOPIC, handle as Parameters<KafkaStrategy['addHandler']>[1], true);
    strategy.listen((error) => {
      if (error !== undefined) this.log.error('the online features cannot be read', {}, error);
    });
    this.strategy = strategy;
  }
}
