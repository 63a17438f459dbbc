// Sends an input as a client does that knows both addresses of everything and must not lose a row: each is a record, a
// prediction, and a label once its delay has passed. Its clock is the event time of the rows: while something is not
// answered it goes on for a bounded stretch and then waits, so that nothing is late for want of an answer.

import { fromBinary } from '@bufbuild/protobuf';
import { ingestPb } from '@millrace/contracts';
import { systemClock } from '@millrace/domain';
import { BytesClient } from '@millrace/grpc';
import { inferRequest, labelsRequest, type Reading, recordsRequest } from '../live/sensors.js';
import { Intake } from './intake.js';
import { EACH, type ReplicatedPlatform } from './replicated-platform.process.js';
import { type Input, LABEL_DELAY_MS, LATENESS_MS, labelKnownAtMs, rowOf } from './rows.js';

const INFER = '/inference.GRPCInferenceService/ModelInfer';
const RECORDS = '/millrace.ingest.v1.IngestService/IngestRecords';
const LABELS = '/millrace.ingest.v1.IngestService/IngestLabels';
const ANSWER_BYTES_MAX = 1 << 20;
const DEADLINE_MS = 20_000;
const TICK_MS = 5;
const ROWS_PER_MESSAGE = 20;
/** Of one turn: after a pause it catches up without starving its answers. */
const TURN_ROWS_MAX = 100;
const ELSEWHERE_MS = 50;
/** gRPC's number; where nobody answered it is of the connection. */
const UNAVAILABLE = 14;
/** A prediction is asked for again where the connection is the trouble, for this long at least. */
const TRIES_MAX = 400;
/** Of event time that may wait for an answer; far less than what is late. */
const IN_FLIGHT_MS = LATENESS_MS / 3;
const SHOWN_MAX = 20;
/** Longer than a broker is away. */
const STALL_MS = 120_000;

export class Sender {
  sent = 0;
  answered = 0;
  /** Predictions that were asked for again over another connection. */
  reopened = 0;
  readonly failures: string[] = [];
  failed = 0;
  readonly records: Intake;
  readonly labels: Intake;
  private labelled = 0;
  private isHeld = false;
  private readonly predicting = new Set<number>();
  private readonly routers: readonly BytesClient[];
  private stopAfter = Number.POSITIVE_INFINITY;
  private dueAt = 0;
  private lastAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private over: Promise<void>;
  private whenOver: () => void = () => undefined;

  /** `speed`: event time against time. */
  constructor(
    platform: ReplicatedPlatform,
    private readonly project: string,
    private readonly input: Input,
    private readonly speed = 1,
  ) {
    const ingest = EACH.map((replica) => platform.address('ingestGrpc', replica));
    this.records = new Intake(ingest, RECORDS, (bytes) => fromBinary(ingestPb.IngestRecordsResponseSchema, bytes), 0);
    this.labels = new Intake(ingest, LABELS, (bytes) => fromBinary(ingestPb.IngestLabelsResponseSchema, bytes), 1);
    this.routers = EACH.map(
      (replica) => new BytesClient(platform.address('routerGrpc', replica), systemClock, ANSWER_BYTES_MAX),
    );
    this.over = new Promise((resolve) => {
      this.whenOver = resolve;
    });
  }

  start(): void {
    this.lastAt = systemClock.monotonicMs();
    this.turn();
  }

  /** Ends after so many rows, of which none may have been sent yet that is too much. */
  end(rows: number): void {
    this.stopAfter = rows;
  }

  /** Nothing new is sent, and the clock of the rows stands still. */
  hold(isHeld: boolean): void {
    this.isHeld = isHeld;
  }

  /** What was sent is answered. */
  async quiet(): Promise<void> {
    while (this.oldestRow !== Number.POSITIVE_INFINITY) await new Promise((wake) => setTimeout(wake, TICK_MS));
  }

  /** Everything is sent and answered. @throws Error where nothing comes of it any more */
  async finished(): Promise<void> {
    let isOver = false;
    void this.over.then(() => {
      isOver = true;
    });
    for (let last = -1; !isOver; ) {
      const answers = this.answered + this.failed + this.records.acknowledged + this.labels.acknowledged;
      if (answers === last)
        throw new Error(`${this.project}: no answer for ${STALL_MS / 1_000} s, ${this.oldestRow} is the oldest row`);
      last = answers;
      await Promise.race([this.over, new Promise((wake) => setTimeout(wake, STALL_MS))]);
    }
  }

  close(): void {
    clearTimeout(this.timer);
    this.records.close();
    this.labels.close();
    for (const router of this.routers) router.close();
  }

  private rowsIn(ms: number): number {
    return Math.floor((ms * this.input.ratePerSecond) / 1_000);
  }

  private get oldestRow(): number {
    for (const row of this.predicting) return Math.min(row, this.records.oldestRow, this.labelsAt);
    return Math.min(this.records.oldestRow, this.labelsAt);
  }

  /** The row at whose time the oldest label that is not answered was due. */
  private get labelsAt(): number {
    return this.labels.oldestRow + this.rowsIn(LABEL_DELAY_MS);
  }

  private turn(): void {
    const nowAt = systemClock.monotonicMs();
    const { ratePerSecond } = this.input;
    const mayTo = this.isHeld ? this.sent : Math.min(this.stopAfter, this.oldestRow + this.rowsIn(IN_FLIGHT_MS));
    // Time in which nothing may be sent is not made good all at once: the clock of the rows stands still, too.
    if (this.sent < mayTo) this.dueAt += ((nowAt - this.lastAt) * this.speed * ratePerSecond) / 1_000;
    this.lastAt = nowAt;
    const to = Math.min(mayTo, Math.floor(this.dueAt), this.sent + TURN_ROWS_MAX);
    const fresh: Reading[] = [];
    const from = this.sent;
    for (; this.sent < to; this.sent++) fresh.push(rowOf(this.input, this.sent));
    this.eachMessage(fresh, from, (part, row) =>
      this.records.send(row, (sequence) => recordsRequest(part, sequence, this.project)),
    );
    for (const [i, reading] of fresh.entries()) {
      this.predicting.add(from + i);
      this.predict(from + i, inferRequest(reading, this.project), 0);
    }
    // The clock of the rows goes on for the labels of the last ones.
    const isLast = this.sent >= this.stopAfter;
    const labelTo = isLast ? this.labelled + TURN_ROWS_MAX : this.sent - this.rowsIn(LABEL_DELAY_MS);
    const known: Reading[] = [];
    const labelFrom = this.labelled;
    for (; this.labelled < Math.min(labelTo, this.sent); this.labelled++) known.push(rowOf(this.input, this.labelled));
    this.eachMessage(known, labelFrom, (part, row) =>
      this.labels.send(row, (sequence) => labelsRequest(part, labelKnownAtMs, sequence, this.project)),
    );
    const isOver = isLast && this.labelled >= this.stopAfter && this.oldestRow === Number.POSITIVE_INFINITY;
    if (isOver) this.whenOver();
    else this.timer = setTimeout(() => this.turn(), TICK_MS);
  }

  private eachMessage(rows: readonly Reading[], first: number, send: (part: Reading[], row: number) => void): void {
    for (let at = 0; at < rows.length; at += ROWS_PER_MESSAGE) send(rows.slice(at, at + ROWS_PER_MESSAGE), first + at);
  }

  private predict(row: number, request: Uint8Array, tries: number): void {
    const router = this.routers[(row + tries) % this.routers.length] as BytesClient;
    const call = { path: INFER, deadlineAtMs: systemClock.monotonicMs() + DEADLINE_MS, headers: {} };
    router.unary(call, request, ({ status, message, answered }) => {
      if (status === UNAVAILABLE && !answered && tries < TRIES_MAX) {
        this.reopened += 1;
        setTimeout(() => this.predict(row, request, tries + 1), ELSEWHERE_MS);
        return;
      }
      this.predicting.delete(row);
      if (status === 0) {
        this.answered += 1;
        return;
      }
      this.failed += 1;
      if (this.failures.length < SHOWN_MAX) this.failures.push(`row ${row}: ${status} ${message}`);
    });
  }
}
