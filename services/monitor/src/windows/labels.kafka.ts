// labels.v1 -> intake, one partition batch at a time. What cannot be decoded, or is no label of the
// project's task, goes to the dead letters.

import { decodeLabel, type LabelMessage } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { type BatchResult, decodeBatch, type InboundMessage, type KafkaBatchContext } from '@millrace/kafka';
import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { Intake } from './intake.js';
import { WINDOWS_TRANSPORT } from './predictions.kafka.js';

@Controller()
export class LabelsConsumer {
  constructor(@Inject(Intake) private readonly intake: Intake) {}

  @EventPattern<string>('labels.v1', WINDOWS_TRANSPORT)
  async onLabels(@Payload() messages: InboundMessage[], @Ctx() context: KafkaBatchContext): Promise<BatchResult> {
    const { batch, deadLetters } = decodeBatch(messages, (value) => this.decoded(value));
    await this.intake.labels(context.partition, context.highWatermark, batch);
    // The position is part of the checkpoint, not of the group.
    return { deadLetters, nextOffset: null };
  }

  private decoded(value: Uint8Array): LabelMessage {
    const message = decodeLabel(value);
    const fault = this.intake.labelFault(message);
    if (fault !== undefined) throw new PlatformError('corrupt', fault);
    return message;
  }
}
