// Live traffic of a replay: for each row the record goes to ingest, the request to the router's public endpoint, and
// after the label's delay in event time the label to ingest. Open loop: sending never waits for answers.

import { type Clock, predictionId, type Scalar } from '@millrace/domain';
import { deriveColumns, type Project, type ReplaySpec } from '@millrace/project';
import type { PredictAnswer, PredictRequest } from '../client/predict.grpc.js';
import { Latencies, type LatencySummary } from './latency.js';
import { type ReplayKeys, replayKeys } from './replay-keys.js';
import type { ReplayRow, ReplayRows } from './replay-rows.duckdb.js';
import { reservePace, Schedule } from './schedule.js';
import { applyShift } from './shift.js';

export interface OutgoingRecord {
  recordId: string;
  values: Readonly<Record<string, Scalar>>;
}

export interface OutgoingLabel {
  recordId: string;
  predictionId: string;
  entity: string;
  eventTimeMs: number;
  knownAtMs: number;
  raw: Scalar;
}

/** Where traffic goes; the edges hide streams and connections. */
export interface TrafficEndpoints {
  predict(
    request: PredictRequest,
    onDone: (error: { code: number; message: string } | null, answer: PredictAnswer | null) => void,
  ): void;
  records(records: readonly OutgoingRecord[]): void;
  labels(labels: readonly OutgoingLabel[]): void;
}

export interface TrafficOptions {
  project: Project;
  rows: ReplayRows;
  ratePerSecond: number;
  /** Index of the first shifted row; Infinity = none. */
  shiftFrom: number;
  operations: NonNullable<ReplaySpec['shift']>['operations'];
  endpoints: TrafficEndpoints;
  clock: Clock;
  /** Rows that carry a sampled traceparent: every n-th; 0 = none. */
  traceEvery: number;
  /** Rows from..to are sent ever slower until the loop has a new version (`paced` is set to false). */
  reserve: { from: number; to: number };
}

/** Rows sent in one turn of the event loop; more would starve the answers. */
const TURN_ROWS_MAX = 64;
const BATCH_ROWS = 20;
/** The rate rises to its full value over this time. */
const WARM_UP_SECONDS = 5;
/** Rows looked at for the newest answer: two seconds at 1,000/s. */
const NEWEST_ROWS = 2_000;
/** Error samples kept for the summary, and moments of failure. */
const ERRORS_MAX = 20;
const FAILURE_TIMES_MAX = 100_000;

export class Traffic {
  /** Per row: the answered version (0 = no answer yet or failed) and probability; index = row. */
  readonly versions: Int32Array;
  readonly probabilities: Float64Array;
  readonly errors: string[] = [];
  /** Seconds since the start at which requests failed. */
  readonly failedAtSeconds: number[] = [];
  phase = 'replay';
  /** Whether the loop is still at work, so that the reserve must last. */
  paced = true;
  requests = 0;
  failures = 0;
  answered = 0;
  labelsSent = 0;
  private readonly latencies = new Map<string, Latencies>();
  private readonly startedMs: number;
  private readonly schedule: Schedule;
  private pace = 1;
  private readonly keys: ReplayKeys;
  private nextLabel = 0;
  private recordBatch: OutgoingRecord[] = [];
  private labelBatch: OutgoingLabel[] = [];
  private stopping = false;
  private labelsFlushed = false;
  private readonly finished: Promise<void>;
  private finish!: () => void;
  /** Event time up to which rows were sent. */
  watermarkMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: TrafficOptions) {
    this.keys = replayKeys(options.project);
    this.versions = new Int32Array(options.rows.length);
    this.probabilities = new Float64Array(options.rows.length).fill(Number.NaN);
    this.startedMs = options.clock.monotonicMs();
    this.schedule = new Schedule(options.ratePerSecond, this.startedMs, WARM_UP_SECONDS);
    this.finished = new Promise((resolve) => {
      this.finish = resolve;
    });
  }

  get sent(): number {
    return this.schedule.sent;
  }

  /** Sends until the rows are used up or `stop` is called; resolves when every request is answered or failed. */
  run(): Promise<void> {
    this.turn();
    return this.finished;
  }

  /** Ends the traffic after the current turn; labels of sent rows still go out, as if their delay had passed. */
  stop(): void {
    this.stopping = true;
  }

  /** The version that answered the newest answered row; 0 = none among the last ones sent. */
  newestVersion(): number {
    for (let i = this.sent - 1; i >= 0 && i > this.sent - NEWEST_ROWS; i--) {
      const version = this.versions[i] as number;
      if (version !== 0) return version;
    }
    return 0;
  }

  latencySummaries(): Record<string, LatencySummary> {
    return Object.fromEntries([...this.latencies].map(([phase, latencies]) => [phase, latencies.summary()]));
  }

  private turn(): void {
    const { clock, rows } = this.options;
    if (!this.stopping && this.sent < rows.length) {
      const from = this.schedule.sent;
      this.keepPace();
      const count = this.schedule.take(clock.monotonicMs(), Math.min(TURN_ROWS_MAX, rows.length - from));
      for (let i = from; i < from + count; i++) this.sendRow(i);
      this.sendDueLabels(this.watermarkMs - this.keys.label.delayMs);
      this.flush(false);
      setTimeout(() => this.turn(), 1);
      return;
    }
    this.sendDueLabels(Number.POSITIVE_INFINITY);
    this.flush(true);
    this.labelsFlushed = true;
    this.finishWhenAnswered();
  }

  private keepPace(): void {
    const { ratePerSecond, reserve } = this.options;
    const share = this.paced ? reservePace(this.sent, reserve) : 1;
    if (share === this.pace || this.schedule.isRamp(this.sent)) return;
    this.pace = share;
    this.schedule.rate = ratePerSecond * share;
  }

  private sendRow(index: number): void {
    const row = this.options.rows.at(index);
    const { project } = this.options;
    const values: Record<string, Scalar> = deriveColumns(project, row.values);
    if (index >= this.options.shiftFrom) applyShift(values, this.options.operations);
    this.watermarkMs = Math.max(this.watermarkMs, row.eventTimeMs);
    this.recordBatch.push({ recordId: row.recordId, values });
    if (this.recordBatch.length >= BATCH_ROWS) this.flushRecords();
    this.predictRow(index, row, values);
  }

  /** The ramp is told apart, not left out. */
  private phaseOf(index: number): string {
    return this.phase === 'replay' && this.schedule.isRamp(index) ? 'warm_up' : this.phase;
  }

  private predictRow(index: number, row: ReplayRow, values: Record<string, Scalar>): void {
    const { clock, endpoints, project, traceEvery } = this.options;
    const dueMs = this.schedule.dueMs(index);
    const phase = this.phaseOf(index);
    this.requests++;
    const request: PredictRequest = {
      model: project.name,
      id: row.recordId,
      entity: String(values[this.keys.entity]),
      eventTimeMs: row.eventTimeMs,
      values,
    };
    if (traceEvery > 0 && index % traceEvery === 0) request.traceparent = traceparentOf(index + 1);
    endpoints.predict(request, (error, answer) => {
      if (error || answer === null) {
        this.failures++;
        if (this.failedAtSeconds.length < FAILURE_TIMES_MAX) {
          this.failedAtSeconds.push((clock.monotonicMs() - this.startedMs) / 1_000);
        }
        if (this.errors.length < ERRORS_MAX) this.errors.push(`row ${row.recordId}: ${error?.message ?? 'no answer'}`);
      } else {
        this.answered++;
        this.versions[index] = answer.version;
        this.probabilities[index] = answer.probability;
        this.latenciesOf(phase).add(clock.monotonicMs() - dueMs);
      }
      this.finishWhenAnswered();
    });
  }

  /** The last answer may come before the last labels have left, or after. */
  private finishWhenAnswered(): void {
    if (this.labelsFlushed && this.answered + this.failures === this.requests) this.finish();
  }

  private latenciesOf(phase: string): Latencies {
    let latencies = this.latencies.get(phase);
    if (latencies === undefined) {
      latencies = new Latencies();
      this.latencies.set(phase, latencies);
    }
    return latencies;
  }

  private sendDueLabels(knownUpToMs: number): void {
    const { rows } = this.options;
    const { entity, label } = this.keys;
    while (this.nextLabel < this.sent) {
      const row = rows.at(this.nextLabel);
      if (row.eventTimeMs > knownUpToMs) break;
      this.labelBatch.push({
        recordId: row.recordId,
        predictionId: predictionId(row.recordId, 0),
        entity: String(row.values[entity]),
        eventTimeMs: row.eventTimeMs,
        knownAtMs: row.eventTimeMs + label.delayMs,
        raw: row.outcome,
      });
      this.nextLabel++;
      this.labelsSent++;
      if (this.labelBatch.length >= BATCH_ROWS) this.flushLabels();
    }
  }

  private lastFlushMs = 0;

  private flush(now: boolean): void {
    const atMs = this.options.clock.monotonicMs();
    if (!now && atMs - this.lastFlushMs < 10) return;
    this.lastFlushMs = atMs;
    this.flushRecords();
    this.flushLabels();
  }

  private flushRecords(): void {
    if (this.recordBatch.length === 0) return;
    this.options.endpoints.records(this.recordBatch);
    this.recordBatch = [];
  }

  private flushLabels(): void {
    if (this.labelBatch.length === 0) return;
    this.options.endpoints.labels(this.labelBatch);
    this.labelBatch = [];
  }
}

/** A sampled W3C traceparent with ids made from a row's index, so that a trace can be found again. */
export function traceparentOf(index: number): string {
  const hex = index.toString(16);
  return `00-${hex.padStart(32, '0')}-${hex.padStart(16, '0')}-01`;
}
