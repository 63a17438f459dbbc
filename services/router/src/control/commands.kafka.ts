// commands.v1, both ends: putting a command there, and handing the commands of the partitions this process holds to the
// owner of routes. Each new assignment first takes the partition's transactional id over and reads routes.v1 to its end, so
// that nothing is decided on an old state. Waits for a broker as long as it takes: predictions do not need it.

import { type Command, decodeCommand, encodeCommand } from '@millrace/contracts';
import {
  type Assignment,
  type BatchResult,
  decodeBatch,
  ensureTopics,
  type InboundMessage,
  type KafkaBatchContext,
  type KafkaConnection,
  KafkaStrategy,
  type MessageProducer,
} from '@millrace/kafka';
import { logger } from '@millrace/telemetry';
import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { CommandLog } from './route-control.js';
import { RouteControl } from './route-control.js';
import { RouteOwner } from './route-owner.js';
import { KafkaRouteLog } from './routes.kafka.js';

export const COMMANDS_TOPIC = 'commands.v1';
const START_RETRY_MS = 1_000;
/** Answers at once when a command comes; this only bounds an idle fetch. */
const FETCH_WAIT_MS = 500;

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
  ) {}

  @EventPattern<string>(COMMANDS_TOPIC)
  async onCommands(@Payload() messages: InboundMessage[], @Ctx() context: KafkaBatchContext): Promise<BatchResult> {
    const { batch, deadLetters } = decodeBatch(messages, decodeCommand);
    for (const { message: command } of batch) {
      // The trainer owns the start of trainings.
      if (command === undefined || command.action.kind === 'startTraining') continue;
      this.routes.learnPartition(command.project, context.partition);
      this.control.onResult(command.id, await this.owner.apply({ ...command, action: command.action }));
    }
    return { deadLetters };
  }
}

export interface TransportSettings {
  connection: KafkaConnection;
  onAssigned(partitions: readonly number[]): Promise<void>;
}

/** The consumer of commands.v1, started in the background. */
export class CommandsTransport extends KafkaStrategy {
  private readonly starting = logger('commands');
  private timer: NodeJS.Timeout | undefined;
  private closing = false;

  constructor(private readonly transport: TransportSettings) {
    super({
      connection: transport.connection,
      groupId: 'router',
      service: 'router',
      fetchBytesMin: 1,
      fetchWaitMs: FETCH_WAIT_MS,
      onAssigned: (assignment: Assignment) => transport.onAssigned(assignment[COMMANDS_TOPIC] ?? []),
    });
  }

  override listen(callback: (error?: unknown) => void): void {
    this.attempt();
    callback();
  }

  override async close(): Promise<void> {
    this.closing = true;
    clearTimeout(this.timer);
    await super.close();
  }

  private attempt(): void {
    if (this.closing) return;
    ensureTopics(this.transport.connection)
      .then(() => new Promise<void>((resolve, reject) => super.listen((error) => (error ? reject(error) : resolve()))))
      .catch((error: unknown) => {
        this.starting.warn('the broker is away; routes stay as they are', {}, error);
        this.timer = setTimeout(() => this.attempt(), START_RETRY_MS);
      });
  }
}
