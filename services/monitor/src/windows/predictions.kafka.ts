// predictions.v1 -> intake, one partition batch at a time. What cannot be decoded, or is no answer
// of the project's task, goes to the dead letters.

import { decodePrediction, type PredictionMessage } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { type BatchResult, decodeBatch, type InboundMessage, type KafkaBatchContext } from '@millrace/kafka';
import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { Intake } from './intake.js';

/** Of the one consumer that windows are fed by: a handler that names none is every consumer's. */
export const WINDOWS_TRANSPORT = Symbol('windows');

@Controller()
export class PredictionsConsumer {
  constructor(@Inject(Intake) private readonly intake: Intake) {}

  @EventPattern<string>('predictions.v1', WINDOWS_TRANSPORT)
  async onPredictions(@Payload() messages: InboundMessage[], @Ctx() context: KafkaBatchContext): Promise<BatchResult> {
    const { batch, deadLetters } = decodeBatch(messages, (value) => this.decoded(value));
    await this.intake.predictions(context.partition, context.highWatermark, batch);
    // The position is part of the checkpoint, not of the group.
    return { deadLetters, nextOffset: null };
  }

  private decoded(value: Uint8Array): PredictionMessage {
    const message = decodePrediction(value);
    const fault = this.intake.predictionFault(message);
    if (fault !== undefined) throw new PlatformError('corrupt', fault);
    return message;
  }
}
