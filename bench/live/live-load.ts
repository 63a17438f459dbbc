// Open loop: every reading is a record to ingest, a request to the router and, after the label's delay, a label to
// ingest, each when it is due, whether or not anything was answered. A stream that breaks is opened again and what was
// not acknowledged is sent once more, as ingest's clients do.

import { fromBinary } from '@bufbuild/protobuf';
import { ingestPb } from '@millrace/contracts';
import { systemClock } from '@millrace/domain';
import { BytesClient, type OpenBytesStream } from '@millrace/grpc';
import { LatencyHistogram } from '@millrace/statistics';
import { inferRequest, labelsRequest, type Reading, readingOf, recordsRequest } from './sensors.js';

const INFER = '/inference.GRPCInferenceService/ModelInfer';
const RECORDS = '/millrace.ingest.v1.IngestService/IngestRecords';
const LABELS = '/millrace.ingest.v1.IngestService/IngestLabels';
const ANSWER_BYTES_MAX = 1 << 20;
const DEADLINE_MS = 5_000;
const TICK_MS = 5;
const ROWS_PER_MESSAGE = 20;
/** Rows of one turn: after a pause the load catches up without starving its answers. */
const TURN_ROWS_MAX = 200;
const REOPEN_MS = 200;
/** Of what the platform said went wrong, kept to be shown. */
const ERRORS_MAX = 20;

type Answer = { sequence: bigint; accepted: number; rejections: { recordId: string; reasons: unknown[] }[] };

/** A stream into ingest. */
class Intake {
  acknowledged = 0;
  readonly refused: string[] = [];
  private readonly pending = new Map<number, { request: Uint8Array; rows: number }>();
  private stream: OpenBytesStream | undefined;
  private sequence = 0;
  private closed = false;
  private whenEmpty: (() => void) | undefined;

  constructor(
    private readonly client: BytesClient,
    private readonly path: string,
    private readonly answerOf: (bytes: Uint8Array) => Answer,
  ) {
    this.open();
  }

  send(rows: number, make: (sequence: number) => Uint8Array): void {
    const request = make(++this.sequence);
    this.pending.set(this.sequence, { request, rows });
    this.stream?.write(request);
  }

  /** Resolves when everything sent was acknowledged or refused. */
  empty(): Promise<void> {
    if (this.pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.whenEmpty = resolve;
    });
  }

  close(): void {
    this.closed = true;
    this.stream?.endWriting();
  }

  private open(): void {
    this.stream = this.client.stream(
      { path: this.path, deadlineAtMs: Number.POSITIVE_INFINITY, headers: {} },
      {
        message: (bytes) => this.answered(this.answerOf(bytes)),
        drained: () => undefined,
        end: () => {
          this.stream = undefined;
          if (!this.closed) setTimeout(() => this.open(), REOPEN_MS);
        },
      },
    );
    for (const { request } of this.pending.values()) this.stream.write(request);
  }

  private answered({ sequence, accepted, rejections }: Answer): void {
    if (!this.pending.delete(Number(sequence))) return;
    this.acknowledged += accepted;
    for (const { recordId, reasons } of rejections)
      if (this.refused.length < ERRORS_MAX) this.refused.push(`${recordId}: ${JSON.stringify(reasons)}`);
    if (this.pending.size === 0) this.whenEmpty?.();
  }
}

export interface LiveLoadOptions {
  run: string;
  routerGrpc: string;
  ingestGrpc: string;
  ratePerSecond: number;
  labelDelayMs: number;
}

export class LiveLoad {
  readonly latency = new LatencyHistogram();
  readonly errors: string[] = [];
  sent = 0;
  answered = 0;
  failed = 0;
  labelled = 0;
  /** Wall clock of the first row, and of the first shifted one. */
  startedAtMs = 0;
  shiftedAtMs: number | undefined;
  private warmer = 0;
  private shiftedFrom = Number.POSITIVE_INFINITY;
  private startedAt = 0;
  private readonly predictor: BytesClient;
  private readonly intake: BytesClient;
  private readonly records: Intake;
  private readonly labels: Intake;
  private stopAfter = Number.POSITIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;
  private whenOver: (() => void) | undefined;

  constructor(private readonly options: LiveLoadOptions) {
    this.predictor = new BytesClient(options.routerGrpc, systemClock, ANSWER_BYTES_MAX);
    this.intake = new BytesClient(options.ingestGrpc, systemClock, ANSWER_BYTES_MAX);
    this.records = new Intake(this.intake, RECORDS, (bytes) => fromBinary(ingestPb.IngestRecordsResponseSchema, bytes));
    this.labels = new Intake(this.intake, LABELS, (bytes) => fromBinary(ingestPb.IngestLabelsResponseSchema, bytes));
  }

  get recordsAcknowledged(): number {
    return this.records.acknowledged;
  }

  get labelsAcknowledged(): number {
    return this.labels.acknowledged;
  }

  get refused(): readonly string[] {
    return [...this.records.refused, ...this.labels.refused];
  }

  start(): void {
    this.startedAtMs = systemClock.nowMs();
    this.startedAt = systemClock.monotonicMs();
    this.turn();
  }

  /** From the next row on every temperature is so much higher. */
  shift(warmer: number): void {
    this.warmer = warmer;
    this.shiftedFrom = this.sent;
    this.shiftedAtMs = this.atMs(this.sent);
  }

  /** No new rows; resolves when every request is answered, every label sent and everything acknowledged. */
  async finish(): Promise<void> {
    this.stopAfter = this.sent;
    await new Promise<void>((resolve) => {
      this.whenOver = resolve;
    });
    await Promise.all([this.records.empty(), this.labels.empty()]);
  }

  close(): void {
    clearTimeout(this.timer);
    this.records.close();
    this.labels.close();
    this.predictor.close();
    this.intake.close();
  }

  /** A reading is of the moment at which it is due. */
  private atMs(row: number): number {
    return Math.floor(this.startedAtMs + (1_000 * row) / this.options.ratePerSecond);
  }

  private reading(row: number): Reading {
    return readingOf(this.options.run, row, this.atMs(row), row >= this.shiftedFrom ? this.warmer : 0);
  }

  private turn(): void {
    const nowMs = this.startedAtMs + systemClock.monotonicMs() - this.startedAt;
    const isDue = (row: number, delayMs: number) => this.atMs(row) + delayMs <= nowMs;
    const to = Math.min(this.sent + TURN_ROWS_MAX, this.stopAfter);
    const fresh: Reading[] = [];
    for (; this.sent < to && isDue(this.sent, 0); this.sent++) fresh.push(this.reading(this.sent));
    const known: Reading[] = [];
    const labelled = Math.min(this.labelled + TURN_ROWS_MAX, this.sent);
    for (; this.labelled < labelled && isDue(this.labelled, this.options.labelDelayMs); this.labelled++)
      known.push(this.reading(this.labelled));
    for (let from = 0; from < fresh.length; from += ROWS_PER_MESSAGE) {
      const part = fresh.slice(from, from + ROWS_PER_MESSAGE);
      this.records.send(part.length, (sequence) => recordsRequest(part, sequence));
    }
    for (const reading of fresh) this.predict(reading);
    for (let from = 0; from < known.length; from += ROWS_PER_MESSAGE) {
      const part = known.slice(from, from + ROWS_PER_MESSAGE);
      this.labels.send(part.length, (sequence) => labelsRequest(part, () => Math.floor(nowMs), sequence));
    }
    const over = this.labelled >= this.stopAfter && this.answered + this.failed >= this.stopAfter;
    if (over && this.whenOver !== undefined) this.whenOver();
    else this.timer = setTimeout(() => this.turn(), TICK_MS);
  }

  private predict(reading: Reading): void {
    const fromMs = systemClock.monotonicMs();
    const call = { path: INFER, deadlineAtMs: fromMs + DEADLINE_MS, headers: {} };
    this.predictor.unary(call, inferRequest(reading), ({ status, message }) => {
      if (status === 0) {
        this.answered += 1;
        this.latency.record((systemClock.monotonicMs() - fromMs) * 1_000);
        return;
      }
      this.failed += 1;
      if (this.errors.length < ERRORS_MAX) this.errors.push(`${reading.recordId}: ${status} ${message}`);
    });
  }
}
