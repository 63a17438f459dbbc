// Records and labels by HTTP: one JSON object, an array, or NDJSON. The answer comes after Kafka has them.
//   POST /v1/projects/:project/records[?clientId=&sequence=]   → { accepted, rejected: [{ index, recordId, reasons }] }
//   POST /v1/projects/:project/labels
// 200 when at least one was good, 400 when none was. Bad ones are in the dead letters either way.

import { type AnswerGiven, type ErrorAnswer, ingestApi, queryOf } from '@millrace/api';
import { exactJson } from '@millrace/domain';
import { Answers } from '@millrace/service';
import { Body, Controller, Headers, Inject, Param, Query, Res } from '@nestjs/common';
import { INGEST_CONFIG, type IngestConfig } from '../config.js';
import type { Rejection } from '../deadletters/rejection.js';
import { type LabelInput, labelFromJson, malformedLabel } from '../labels/label-intake.js';
import { ProjectRegistry } from '../projects/project-registry.js';
import type { IntakeOutcome } from '../records/intake.js';
import { malformedRecord, type RecordInput, recordFromJson } from '../records/record-input.js';
import { assertCount, RecordPublisher } from '../records/record-publisher.kafka.js';
import { type BodyItem, bodyItems, itemBytes } from './body.js';

/** With an error where all of them are bad. */
type Answer = AnswerGiven<typeof ingestApi.endpoints.sendRecords> & Partial<ErrorAnswer>;

interface Reply {
  status(code: number): unknown;
}

const { sendRecords, sendLabels } = ingestApi.endpoints;

@Controller()
export class RecordsController {
  constructor(
    @Inject(ProjectRegistry) private readonly registry: ProjectRegistry,
    @Inject(RecordPublisher) private readonly publisher: RecordPublisher,
    @Inject(INGEST_CONFIG) private readonly config: IngestConfig,
  ) {}

  @Answers(sendRecords)
  records(
    @Param('project') project: string,
    @Body() body: string,
    @Headers('content-type') type: string | undefined,
    @Query() query: Readonly<Record<string, unknown>>,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Answer> {
    const { clientId, sequence: first = 0 } = queryOf(sendRecords, query);
    const schema = this.registry.get(project);
    return this.inSlices(body, type, reply, (items, from) => {
      const inputs = items.map((item, index): RecordInput => {
        if (item.fault !== undefined) return malformedRecord(`not JSON: ${item.fault}`);
        const oversize = this.oversize(item);
        if (oversize !== null) return malformedRecord(oversize, 'oversize');
        return recordFromJson(item.value, clientId === undefined ? '' : `${clientId}/${first + from + index}`, schema);
      });
      return this.publisher.records(schema, inputs, 'http', (index) => itemBytes(items[index] as BodyItem));
    });
  }

  @Answers(sendLabels)
  labels(
    @Param('project') project: string,
    @Body() body: string,
    @Headers('content-type') type: string | undefined,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Answer> {
    const schema = this.registry.get(project);
    return this.inSlices(body, type, reply, (items) => {
      const inputs = items.map((item): LabelInput => {
        if (item.fault !== undefined) return malformedLabel(`not JSON: ${item.fault}`);
        const oversize = this.oversize(item);
        return oversize === null ? labelFromJson(item.value) : malformedLabel(oversize, 'oversize');
      });
      return this.publisher.labels(schema, inputs, 'http', (index) => itemBytes(items[index] as BodyItem));
    });
  }

  private oversize(item: BodyItem): string | null {
    const bytes = item.text === '' ? exactJson(item.value).length : item.text.length;
    return bytes > this.config.recordBytesMax ? `${bytes} bytes, at most ${this.config.recordBytesMax}` : null;
  }

  /** Large NDJSON bodies go to Kafka in slices, so that one request never holds the whole producer queue. */
  private async inSlices(
    body: string | undefined,
    type: string | undefined,
    reply: Reply,
    send: (items: BodyItem[], from: number) => Promise<IntakeOutcome>,
  ): Promise<Answer> {
    const isNdjson = type?.includes('ndjson') ?? false;
    const items = bodyItems(body ?? '', isNdjson);
    const { requestRecordsMax } = this.config;
    if (!isNdjson) assertCount(items.length, requestRecordsMax);
    let accepted = 0;
    const rejected: Rejection[] = [];
    for (let from = 0; from < items.length; from += requestRecordsMax) {
      const outcome = await send(items.slice(from, from + requestRecordsMax), from);
      accepted += outcome.accepted;
      rejected.push(
        ...outcome.rejections.map((rejection: Rejection) => ({ ...rejection, index: rejection.index + from })),
      );
    }
    if (accepted === 0 && rejected.length > 0) {
      reply.status(400);
      const { field = '', message: why = '' } = rejected[0]?.reasons[0] ?? {};
      const message = `all ${rejected.length} are bad; the first: ${field === '' ? '' : `${field} `}${why}`;
      return { error: { code: 'invalid_argument', message }, accepted, rejected };
    }
    return { accepted, rejected };
  }
}
