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
import { ofDrift, ofModel, ofTraining, type ProjectEvent } from './platform-events.js';

const WEBHOOK_TRANSPORT = Symbol('webhooks');
const GROUP = 'webhooks';
const NOTHING_BAD: BatchResult = { deadLetters: [] };

@Controller()
export class WebhookConsumer {
  constructor(@Inject(WebhookDesk) private readonly desk: WebhookDesk) {}

  @EventPattern<string>('drift.v1', WEBHOOK_TRANSPORT)
  onDrift(@Payload() messages: InboundMessage[]): Promise<BatchResult> {
    return this.take(messages, decodeDriftEvent, (event) => [ofDrift(event)]);
  }

  @EventPattern<string>('trainings.v1', WEBHOOK_TRANSPORT)
  onTrainings(@Payload() messages: InboundMessage[]): Promise<BatchResult> {
    return this.take(messages, decodeTrainingEvent, ofTraining);
  }

  @EventPattern<string>('models.v1', WEBHOOK_TRANSPORT)
  onModels(@Payload() messages: InboundMessage[]): Promise<BatchResult> {
    return this.take(messages, decodeModelVersion, (model) => [ofModel(model)]);
  }

  @EventPattern<string>('routes.v1', WEBHOOK_TRANSPORT)
  async onRoutes(@Payload() messages: InboundMessage[]): Promise<BatchResult> {
    for (const { message, atMs } of read(messages, decodeRoute)) await this.desk.takeRoute(message, atMs);
    return NOTHING_BAD;
  }

  @EventPattern<string>('trainer.v1', WEBHOOK_TRANSPORT)
  async onTrainer(@Payload() messages: InboundMessage[]): Promise<BatchResult> {
    for (const { message, atMs } of read(messages, decodeTrainerEntry)) await this.desk.takeLoop(message, atMs);
    return NOTHING_BAD;
  }

  private async take<T>(
    messages: readonly InboundMessage[],
    decode: (bytes: Uint8Array) => T,
    eventsOf: (message: T) => ProjectEvent[],
  ): Promise<BatchResult> {
    await this.desk.takeAll(read(messages, decode).map(({ message, atMs }) => ({ events: eventsOf(message), atMs })));
    return NOTHING_BAD;
  }
}

function read<T>(
  messages: readonly InboundMessage[],
  decode: (bytes: Uint8Array) => T,
): { message: T; atMs: number }[] {
  const there = messages.filter(({ value }) => value !== null);
  const { batch } = decodeBatch(there, decode);
  return batch.flatMap(({ message, timestampMs: atMs }) => (message === undefined ? [] : { message, atMs }));
}

/** `startWhen`: projects are known, and what an earlier process left is read. */
export function webhookConsumer(connection: KafkaConnection, startWhen: () => Promise<void>): KafkaStrategy {
  return new KafkaStrategy({
    ...{ connection, startWhen, groupId: GROUP, transportId: WEBHOOK_TRANSPORT },
    ...{ service: 'monitor', metricsAs: 'webhooks', sharing: 'one holder', fetchBytesMin: 1, inBackground: true },
  });
}
