// Takes checked inputs to Kafka: good records and labels to their topics, bad ones to the dead letters. Resolves when
// Kafka has acknowledged all of them; only then may a caller be told "accepted".

import { encodeLabel, type LabelMessage, messageKey, RecordBlock } from '@millrace/contracts';
import { type Clock, PlatformError, requestIdOf } from '@millrace/domain';
import type { MessageProducer, OutboundMessage } from '@millrace/kafka';
import type { ColumnSpec } from '@millrace/project';
import { counter } from '@millrace/telemetry';
import type { DeadLetterSender } from '../deadletters/dead-letters.kafka.js';
import type { Rejection } from '../deadletters/rejection.js';
import { intakeLabels, type LabelInput } from '../labels/label-intake.js';
import type { RecordSchema } from '../schema/record-schema.js';
import { type IntakeOutcome, intakeRecords } from './intake.js';
import type { RecordInput } from './record-input.js';

const acceptedRows = counter('millrace.ingest.accepted');
const rejectedRows = counter('millrace.ingest.rejected');

export class RecordPublisher {
  /** By schema and by source, of which there are a few. */
  private readonly blocks = new WeakMap<RecordSchema, Map<string, RecordBlock>>();

  constructor(
    private readonly producer: MessageProducer,
    private readonly deadLetters: DeadLetterSender,
    private readonly clock: Clock,
  ) {}

  /**
   * `original(index)` gives the bytes of an input for its dead letter; it is asked for bad ones only. Null: they are
   * dead letters already, and bad ones are only told.
   */
  async records(
    schema: RecordSchema,
    inputs: readonly RecordInput[],
    source: string,
    original: ((index: number) => Uint8Array) | null,
  ): Promise<IntakeOutcome> {
    const nowMs = this.clock.nowMs();
    const block = this.blockOf(schema, source);
    block.begin(nowMs);
    const { accepted, labels, rejections } = intakeRecords(schema, inputs, { source, nowMs }, block);
    const records = block.finish();
    // Labels that came with their records go out after them, so that a reader finds the record first.
    await Promise.all([
      this.producer.sendBlock('records.v1', records),
      this.reject(schema, rejections, source, original),
    ]);
    if (labels.length > 0)
      await this.producer.send(
        'labels.v1',
        labels.map((label) => ({ key: labelKey(label), value: encodeLabel(label) })),
      );
    this.count(schema, 'record', accepted, rejections.length);
    return { accepted, rejections };
  }

  async labels(
    schema: RecordSchema,
    inputs: readonly LabelInput[],
    source: string,
    original: ((index: number) => Uint8Array) | null,
  ): Promise<IntakeOutcome> {
    refuseWithoutRule(schema);
    const { accepted, rejections } = intakeLabels(schema, inputs, { source, nowMs: this.clock.nowMs() });
    const messages = accepted.map((label): OutboundMessage => ({ key: labelKey(label), value: encodeLabel(label) }));
    await Promise.all([
      this.producer.send('labels.v1', messages),
      this.reject(schema, rejections, `${source}:labels`, original),
    ]);
    this.count(schema, 'label', accepted.length, rejections.length);
    return { accepted: accepted.length, rejections };
  }

  private blockOf(schema: RecordSchema, source: string): RecordBlock {
    let bySource = this.blocks.get(schema);
    if (bySource === undefined) {
      bySource = new Map();
      this.blocks.set(schema, bySource);
    }
    let block = bySource.get(source);
    if (block === undefined) {
      const columns = schema.stored.map((place) => {
        const { name, type } = schema.columns[place] as ColumnSpec;
        return { place, name, isTimestamp: type === 'timestamp' };
      });
      block = new RecordBlock({ project: schema.project.name, schemaHash: schema.hash, source, columns });
      bySource.set(source, block);
    }
    return block;
  }

  private async reject(
    schema: RecordSchema,
    rejections: readonly Rejection[],
    source: string,
    original: ((index: number) => Uint8Array) | null,
  ): Promise<void> {
    if (rejections.length === 0 || original === null) return;
    const bad = rejections.map(({ index, reasons }) => ({
      project: schema.project.name,
      source,
      partition: -1,
      offset: -1,
      scope: '',
      payload: original(index),
      reasons,
    }));
    await this.deadLetters.send(bad);
  }

  private count(schema: RecordSchema, kind: string, accepted: number, rejected: number): void {
    const project = schema.project.name;
    if (accepted > 0) acceptedRows.add(accepted, { project, kind });
    if (rejected > 0) rejectedRows.add(rejected, { project, kind });
  }
}

/** As its record's key. */
function labelKey({ project, entity, recordId, predictionId }: LabelMessage): string {
  return messageKey(project, entity || recordId || requestIdOf(predictionId));
}

function refuseWithoutRule({ project }: RecordSchema): void {
  if (project.data.label !== undefined) return;
  throw new PlatformError(
    'invalid_argument',
    `project '${project.name}' has no label, it is monitored only: add data.label to its file and apply it before labels are sent`,
  );
}

/** Refuses requests that hold more than one request may. */
export function assertCount(count: number, max: number): void {
  if (count > max)
    throw new PlatformError(
      'invalid_argument',
      `${count} records in one request, at most ${max}; send several or stream NDJSON`,
      { facts: { count, max } },
    );
}
