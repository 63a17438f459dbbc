// Wiring of webhooks: the topics of what happens → the desk → the sender with the operator's list of allowed
// addresses.

import { webhookSecret } from '@millrace/config';
import { seededRng } from '@millrace/domain';
import type { KafkaConnection, KafkaStrategy } from '@millrace/kafka';
import type { ServiceContext, Tick } from '@millrace/service';
import { gauge } from '@millrace/telemetry';
import { AddressGuard, Sender } from '@millrace/webhooks';
import type { MonitorConfig } from '../config.js';
import { WebhookDesk } from './desk.http.js';
import { DeskFile } from './desk-file.fs.js';
import { webhookConsumer } from './webhooks.kafka.js';

/** What is due is sent within this. */
const TICK_MS = 250;

export interface WebhookWiring {
  desk: WebhookDesk;
  consumer: KafkaStrategy;
  tick: Tick;
  /** This process is the one that sends. */
  isHolder(): boolean;
}

/** `projectsKnown`: resolves when every project of this moment was declared. */
export function webhooks(
  { config, clock, shutdown }: ServiceContext<MonitorConfig>,
  connection: KafkaConnection,
  projectsKnown: () => Promise<void>,
): WebhookWiring {
  const file = new DeskFile(config.home, config.replica);
  const desk = new WebhookDesk({
    sender: new Sender({ guard: new AddressGuard(config.webhookAllow) }),
    clock,
    rng: seededRng((clock.nowMs() ^ (process.pid * 0x9e3779b1)) >>> 0),
    variable: webhookSecret,
    save: (state) => file.save(state),
  });
  gauge('millrace.monitor.webhooks_waiting').observe(() => desk.waiting);
  const consumer = webhookConsumer(connection, async () => {
    desk.restore(await file.read());
    await projectsKnown();
    desk.begin();
  });
  shutdown.onDrain('webhooks', () => desk.end());
  const isHolder = () => Object.values(consumer.partitions()).some((partitions) => partitions.length > 0);
  return { desk, consumer, isHolder, tick: { name: 'webhooks', everyMs: TICK_MS, work: () => desk.tick() } };
}
