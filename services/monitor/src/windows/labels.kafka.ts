// labels.v1 -> intake, one partition batch at a time. A message that cannot be decoded goes to the dead letters.

import { decodeLabel } from '@millrace/contracts';
import { type BatchResult, decodeBatch, type InboundMessage, type KafkaBatchContext } from '@millrace/kafka';
import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { Intake } from './intake.js';

@Controller()
export class LabelsConsumer {
  constructor(@Inject(Intake) private readonly intake: Intake) {}

  @EventPattern<string>('labels.v1')
  async onLabels(@Payload() messages: InboundMessage[], @Ctx() context: KafkaBatchContext): Promise<BatchResult> {
    const { batch, deadLetters } = decodeBatch(messages, decodeLabel);
    await this.intake.labels(context.partition, context.highWatermark, batch);
    // The position is part of the checkpoint, not of the group.
    return { deadLetters, nextOffset: null };
  }
}
