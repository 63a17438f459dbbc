// commands.v1: the trainer owns start_training. A command's id is the training's id, so that a redelivered command
// starts nothing twice. A request that cannot work is told as a failed training and not retried.

import { type Command, decodeCommand } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { type BatchResult, badMessage, decodeBatch, type InboundMessage } from '@millrace/kafka';
import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { TrainingRunner } from '../training/runner.js';

@Controller()
export class TrainingCommandsConsumer {
  constructor(@Inject(TrainingRunner) private readonly runner: TrainingRunner) {}

  @EventPattern('commands.v1')
  async onCommands(@Payload() messages: InboundMessage[]): Promise<BatchResult> {
    const { batch, deadLetters } = decodeBatch(messages, decodeCommand);
    for (const [at, { message: command }] of batch.entries()) {
      if (command === undefined) continue;
      try {
        await this.apply(command);
      } catch (thrown) {
        const error = PlatformError.from(thrown);
        if (error.retry !== 'never') throw error;
        deadLetters.push(badMessage(messages[at] as InboundMessage, error));
      }
    }
    return { deadLetters };
  }

  private async apply(command: Command): Promise<void> {
    if (command.action.kind !== 'startTraining') return;
    const { kind: _, ...action } = command.action;
    const trainingId = command.id.replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 120);
    const { project, correlationId, expectedRevision: projectRevision } = command;
    await this.runner.start({ ...action, project, correlationId, projectRevision }, trainingId);
  }
}
