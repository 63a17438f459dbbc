// commands.v1, both ends: putting a command there, and handing the commands of the partitions this process holds to
// the owner of routes. Each new assignment first takes the partition's transactional id over and reads routes.v1 to
// its end, so that nothing is decided on an old state. Waits for a broker as long as it takes: predictions do not
// need it.

import { type Command, decodeCommand, encodeCommand, isDatasetAction } from '@millrace/contracts';
import {
  type BatchResult,
  decodeBatch,
  ensureTopics,
  type InboundMessage,
  type KafkaBatchContext,
  type KafkaConnection,
  KafkaStrategy,
  type MessageProducer,
  untilAvailable,
} from '@millrace/kafka';
import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { CommandAudit } from './command-audit.js';
import type { CommandLog } from './route-control.js';
import { RouteControl } from './route-control.js';
import { RouteOwner } from './route-owner.js';
import { KafkaRouteLog } from './routes.kafka.js';

const COMMANDS_TOPIC = 'commands.v1';

export class KafkaCommandLog implements CommandLog {
  constructor(
    private readonly producer: MessageProducer,
    private readonly deadlineMs: number,
  ) {}

  publish(command: Command): Promise<void> {
    const message = { key: command.project, value: encodeCommand(command) };
    return this.producer.send(COMMANDS_TOPIC, [message], { deadlineMs: this.deadlineMs });
  }
}

@Controller()
export class CommandsConsumer {
  constructor(
    @Inject(RouteOwner) private readonly owner: RouteOwner,
    @Inject(RouteControl) private readonly control: RouteControl,
    @Inject(KafkaRouteLog) private readonly routes: KafkaRouteLog,
    @Inject(CommandAudit) private readonly audit: CommandAudit,
  ) {}

  @EventPattern<string>(COMMANDS_TOPIC)
  async onCommands(@Payload() messages: InboundMessage[], @Ctx() context: KafkaBatchContext): Promise<BatchResult> {
    const { batch, deadLetters } = decodeBatch(messages, decodeCommand);
    for (const { message: command } of batch) {
      if (command === undefined) continue;
      const { action } = command;
      // The trainer owns the start of trainings, ingest the datasets.
      if (action.kind === 'startTraining' || isDatasetAction(action)) continue;
      this.routes.learnPartition(command.project, context.partition);
      const result = await this.owner.apply({ ...command, action });
      this.control.onResult(command.id, result);
      this.audit.decided({ ...command, action }, result);
    }
    // Before the position is committed: what is read again after a crash is told again.
    await this.audit.settled();
    return { deadLetters };
  }
}

/** The consumer of commands.v1, in the background: predictions do not need it, nor a broker. */
export function commandsConsumer(
  connection: KafkaConnection,
  onAssigned: (partitions: readonly number[]) => Promise<void>,
): KafkaStrategy {
  return new KafkaStrategy({
    connection,
    groupId: 'router',
    service: 'router',
    // Each command matters at once.
    fetchBytesMin: 1,
    startWhen: () => untilAvailable('topics', () => ensureTopics(connection)),
    inBackground: true,
    onAssigned: (assignment) => onAssigned(assignment[COMMANDS_TOPIC] ?? []),
  });
}
