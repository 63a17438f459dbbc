// The topics that tell what happens to a project, to the desk of webhooks. One process of all monitors holds them
// while it lives, so that what happened first is told first. The position is committed when the desk has kept the
// events; a message that cannot be read is no event, and whoever owns its topic sets it aside.

import {
  decodeDriftEvent,
  decodeModelVersion,
  decodeRoute,
  decodeTrainerEntry,
  decodeTrainingEvent,
} from '@millrace/contracts';
import {
  type BatchResult,
  decodeBatch,
  type InboundMessage,
  type KafkaConnection,
  KafkaStrategy,
} from '@millrace/kafka';
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { WebhookDesk } from './desk.http.js';
import { ofDrift, ofModel, ofTrainer, ofTraining } from './platform-events.js';

const WEBHOOK_TRANSPORT = Symbol('webhooks');
const GROUP = 'webhooks';

@Controller()
export class WebhookConsumer {
  constructor(@Inject(WebhookDesk) private readonly desk: WebhookDesk) {}

  @EventPattern<string>('drift.v1', WEBHOOK_TRANSPORT)
  onDrift(@Payload() messages: InboundMessage[]): Promise<BatchResult> {
    return each(messages, decodeDriftEvent, (event, atMs) => this.desk.take([ofDrift(event)], atMs));
  }

  @EventPattern<string>('trainings.v1', WEBHOOK_TRANSPORT)
  onTrainings(@Payload() messages: InboundMessage[]): Promise<BatchResult> {
    return each(messages, decodeTrainingEvent, (event, atMs) => this.desk.take(ofTraining(event), atMs));
  }

  @EventPattern<string>('models.v1', WEBHOOK_TRANSPORT)
  onModels(@Payload() messages: InboundMessage[]): Promise<BatchResult> {
    return each(messages, decodeModelVersion, (model, atMs) => this.desk.take([ofModel(model)], atMs));
  }

  @EventPattern<string>('routes.v1', WEBHOOK_TRANSPORT)
  onRoutes(@Payload() messages: InboundMessage[]): Promise<BatchResult> {
    return each(messages, decodeRoute, (route, atMs) => this.desk.takeRoute(route, atMs));
  }

  @EventPattern<string>('trainer.v1', WEBHOOK_TRANSPORT)
  onTrainer(@Payload() messages: InboundMessage[]): Promise<BatchResult> {
    return each(messages, decodeTrainerEntry, (entry, atMs) => this.desk.take(ofTrainer(entry), atMs));
  }
}

async function each<T>(
  messages: readonly InboundMessage[],
  decode: (bytes: Uint8Array) => T,
  take: (message: T, atMs: number) => Promise<void>,
): Promise<BatchResult> {
  const { batch } = decodeBatch(
    messages.filter(({ value }) => value !== null),
    decode,
  );
  for (const { message, timestampMs } of batch) if (message !== undefined) await take(message, timestampMs);
  return { deadLetters: [] };
}

/** `startWhen`: projects are known, and what an earlier process left is read. */
export function webhookConsumer(connection: KafkaConnection, startWhen: () => Promise<void>): KafkaStrategy {
  return new KafkaStrategy({
    ...{ connection, startWhen, groupId: GROUP, transportId: WEBHOOK_TRANSPORT },
    ...{ service: 'monitor', metricsAs: 'webhooks', sharing: 'one holder', fetchBytesMin: 1, inBackground: true },
  });
}
