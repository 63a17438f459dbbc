// The Kafka handlers of ingest: records and labels into live versions, commands to owners, batches into imports. Two
// consumer groups, so that a bulk load does not hold back the live stream.

import { decodeCommand, decodeLabel, decodeRecord, decodeRecordBatch, isDatasetAction } from '@millrace/contracts';
import {
  type BatchResult,
  type DecodedBatch,
  decodeBatch,
  type InboundMessage,
  type KafkaBatchContext,
} from '@millrace/kafka';
import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { ImportStream } from './import-stream.js';
import { LiveStream } from './live-stream.js';
import { OwnerCommands } from './owner-commands.js';
import type { BadMessage } from './partition-reader.js';

/** Nest hands a handler only to the transport with the same mark. */
export const LIVE_TRANSPORT = Symbol('live');
export const IMPORT_TRANSPORT = Symbol('imports');

/** Corrupt messages and those that the stream refused go to the dead letters; positions follow what is durable. */
async function taken<T>(
  messages: readonly InboundMessage[],
  decode: (bytes: Uint8Array) => T,
  take: (batch: DecodedBatch<T>['batch']) => Promise<readonly BadMessage[]>,
): Promise<BatchResult> {
  const { batch, deadLetters } = decodeBatch(messages, decode);
  const bad = await take(batch);
  const byOffset = new Map(messages.map((message) => [message.offset, message]));
  const refused = bad.map(({ offset, project, reasons }) => ({
    message: byOffset.get(offset) as InboundMessage,
    project,
    reasons,
  }));
  return { deadLetters: [...deadLetters, ...refused], nextOffset: null };
}

@Controller()
export class StreamsController {
  constructor(
    @Inject(LiveStream) private readonly live: LiveStream,
    @Inject(OwnerCommands) private readonly owner: OwnerCommands,
    @Inject(ImportStream) private readonly imports: ImportStream,
  ) {}

  @EventPattern<string>('records.v1', LIVE_TRANSPORT)
  async records(@Payload() messages: InboundMessage[], @Ctx() context: KafkaBatchContext): Promise<BatchResult> {
    return taken(messages, decodeRecord, (batch) => this.live.records(context.partition, batch));
  }

  @EventPattern<string>('labels.v1', LIVE_TRANSPORT)
  async labels(@Payload() messages: InboundMessage[], @Ctx() context: KafkaBatchContext): Promise<BatchResult> {
    return taken(messages, decodeLabel, (batch) => this.live.labels(context.partition, batch));
  }

  /** What cannot be read is a dead letter of the router, which reads all of them. */
  @EventPattern<string>('commands.v1', LIVE_TRANSPORT)
  async commands(@Payload() messages: InboundMessage[], @Ctx() context: KafkaBatchContext): Promise<BatchResult> {
    const commands = decodeBatch(messages, decodeCommand).batch.flatMap(({ offset, message }) => {
      if (message === undefined || !isDatasetAction(message.action)) return [];
      const { project, id, issuedAtMs, action } = message;
      return [{ offset, project, id, issuedAtMs, action }];
    });
    this.owner.take(context.partition, commands, (messages.at(-1) as InboundMessage).offset + 1);
    return { nextOffset: null };
  }

  @EventPattern<string>('batches.v1', IMPORT_TRANSPORT)
  async batches(@Payload() messages: InboundMessage[], @Ctx() context: KafkaBatchContext): Promise<BatchResult> {
    let next = 0;
    const result = await taken(messages, decodeRecordBatch, async (batch) => {
      const { bad, nextOffset } = await this.imports.batches(context.partition, batch);
      next = nextOffset;
      return bad;
    });
    return { ...result, nextOffset: next > 0 ? next : null };
  }
}
