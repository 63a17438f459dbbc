// The Kafka handlers of ingest: records and labels into live versions, batches into imports. Two consumer groups, so
// that a bulk load does not hold back the live stream.

import { decodeLabel, decodeRecord, decodeRecordBatch } from '@millrace/contracts';
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
import { type BatchOutcome, LiveStream } from './live-stream.js';

/** Nest hands a handler only to the transport with the same mark. */
export const LIVE_TRANSPORT = Symbol('live');
export const IMPORT_TRANSPORT = Symbol('imports');

/** Corrupt messages and those that the stream refused go to the dead letters. */
async function taken<T>(
  messages: readonly InboundMessage[],
  decode: (bytes: Uint8Array) => T,
  take: (batch: DecodedBatch<T>['batch']) => Promise<BatchOutcome>,
): Promise<BatchResult> {
  const { batch, deadLetters } = decodeBatch(messages, decode);
  const { bad, nextOffset } = await take(batch);
  const byOffset = new Map(messages.map((message) => [message.offset, message]));
  const refused = bad.map(({ offset, project, reasons }) => ({
    message: byOffset.get(offset) as InboundMessage,
    project,
    reasons,
  }));
  return { deadLetters: [...deadLetters, ...refused], nextOffset: nextOffset > 0 ? nextOffset : null };
}

@Controller()
export class StreamsController {
  constructor(
    @Inject(LiveStream) private readonly live: LiveStream,
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

  @EventPattern<string>('batches.v1', IMPORT_TRANSPORT)
  async batches(@Payload() messages: InboundMessage[], @Ctx() context: KafkaBatchContext): Promise<BatchResult> {
    return taken(messages, decodeRecordBatch, (batch) => this.imports.batches(context.partition, batch));
  }
}
