// The Kafka handlers of ingest: records and labels into live versions, batches into imports. Two consumer groups, so that
// a bulk load does not hold back the live stream.

import { decodeLabel, decodeRecord, decodeRecordBatch } from '@millrace/contracts';
import type { BatchResult, InboundMessage, KafkaBatchContext } from '@millrace/kafka';
import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { ImportStream } from './import-stream.js';
import { type BatchOutcome, LiveStream, type LogMessage } from './live-stream.js';

/** Nest hands a handler only to the transport with the same mark. */
export const LIVE_TRANSPORT = Symbol('live');
export const IMPORT_TRANSPORT = Symbol('imports');

const EMPTY = new Uint8Array();

function decoded<T>(messages: readonly InboundMessage[], decode: (bytes: Uint8Array) => T): LogMessage<T>[] {
  return messages.map(({ offset, value }) => ({ offset, read: () => decode(value ?? EMPTY) }));
}

function result(messages: readonly InboundMessage[], outcome: BatchOutcome): BatchResult {
  const byOffset = new Map(messages.map((message) => [message.offset, message]));
  return {
    deadLetters: outcome.bad.map(({ offset, project, reasons }) => ({
      message: byOffset.get(offset) as InboundMessage,
      project,
      reasons,
    })),
    // Inclusive there, the next offset here.
    commitThrough: outcome.commitThrough > 0 ? outcome.commitThrough - 1 : null,
  };
}

@Controller()
export class StreamsController {
  constructor(
    @Inject(LiveStream) private readonly live: LiveStream,
    @Inject(ImportStream) private readonly imports: ImportStream,
  ) {}

  @EventPattern<string>('records.v1', LIVE_TRANSPORT)
  async records(@Payload() messages: InboundMessage[], @Ctx() context: KafkaBatchContext): Promise<BatchResult> {
    return result(messages, await this.live.records(context.partition, decoded(messages, decodeRecord)));
  }

  @EventPattern<string>('labels.v1', LIVE_TRANSPORT)
  async labels(@Payload() messages: InboundMessage[], @Ctx() context: KafkaBatchContext): Promise<BatchResult> {
    return result(messages, await this.live.labels(context.partition, decoded(messages, decodeLabel)));
  }

  @EventPattern<string>('batches.v1', IMPORT_TRANSPORT)
  async batches(@Payload() messages: InboundMessage[], @Ctx() context: KafkaBatchContext): Promise<BatchResult> {
    return result(messages, await this.imports.batches(context.partition, decoded(messages, decodeRecordBatch)));
  }
}
