// One bulk load: chooses rows of a file by seeded hash, checks each against the schema, sends good ones as columnar
// batches and bad ones to the dead letters. Repeating a load repeats the same batches and dead letters under the same
// numbers and ids, so a load can be started again after a crash without harm.
// Memory: one chunk of the source, one batch, and the batches in flight.

import type { DeadLetter, Reason, RecordBatch } from '@millrace/contracts';
import { type Clock, PlatformError, type Scalar } from '@millrace/domain';
import { chooseRows } from '@millrace/project';
import { jsonPayload, makeDeadLetter, type Sha256Hex } from '../deadletters/dead-letter.js';
import { checkRecord } from '../records/intake.js';
import type { RecordInput } from '../records/record-input.js';
import { addReason, checkId, checkRow } from '../schema/check-row.js';
import { type RecordSchema, recordIdOf } from '../schema/record-schema.js';
import { BatchBuilder, type BatchSettings } from './batch-builder.js';
import { chooseAmong } from './choose-among.js';
import type { RowRange, RowSource, SourceChunk } from './row-source.js';

export interface ImportRequest {
  source: string;
  fromMs: number;
  toMs: number;
  /** Null = all rows of the range. */
  rows: number | null;
  seed: number;
  extraFile: string | null;
}

export interface ImportProgress {
  rowsRead: number;
  rowsChosen: number;
  accepted: number;
  rejected: number;
}

/** Where batches and dead letters go; each resolves when Kafka has it. */
export interface ImportSink {
  batch(batch: RecordBatch): Promise<void>;
  deadLetters(letters: readonly DeadLetter[]): Promise<void>;
}

export interface ImportSettings extends BatchSettings {
  /** Batches sent but not yet acknowledged. */
  inFlightMax: number;
}

/** Dead letters gathered before they are sent. */
const LETTERS_MAX = 200;

/** Rows that an extra file adds among the chosen ones, read beforehand. */
export interface ExtraRow {
  input: RecordInput;
  bytes: Uint8Array;
}

export class ImportRun {
  readonly progress: ImportProgress = { rowsRead: 0, rowsChosen: 0, accepted: 0, rejected: 0 };
  private readonly builder: BatchBuilder;
  private readonly inFlight = new Set<Promise<void>>();
  private letters: DeadLetter[] = [];
  private failed: unknown = null;

  constructor(
    private readonly schema: RecordSchema,
    private readonly importId: string,
    private readonly request: ImportRequest,
    private readonly sink: ImportSink,
    private readonly settings: ImportSettings,
    private readonly clock: Clock,
    private readonly sha256Hex: Sha256Hex,
    /** When the import began, the same again where it is taken up: the time of rows that have none. */
    begunAtMs: number,
  ) {
    const source = `file:${request.source}`;
    this.builder = new BatchBuilder(schema, { source, importId, ingestedAtMs: begunAtMs }, settings);
  }

  /** Resolves when everything is acknowledged. */
  async run(source: RowSource, extras: readonly ExtraRow[]): Promise<void> {
    const range = await source.rowsBetween(this.request.fromMs, this.request.toMs);
    const chosen = choose(range, this.request.rows, this.request.seed);
    this.progress.rowsChosen = chosen.length + extras.length;
    const every = Math.max(1, Math.floor(chosen.length / (extras.length + 1)));
    const row: Scalar[] = new Array(this.schema.columns.length).fill(null);
    let next = 0;
    let extra = 0;
    if (chosen.length > 0) {
      for await (const chunk of source.read(chosen[0] as number, chosen[chosen.length - 1] as number)) {
        for (let i = 0; i < chunk.rows && next < chosen.length; i++) {
          if (chunk.rowNumber(i) < (chosen[next] as number)) continue;
          next += 1;
          await this.take(chunk, i, row);
          // Extra rows stand among the others, not before or after them.
          if (next % every === 0 && extra < extras.length)
            await this.takeExtra(extras[extra] as ExtraRow, extra++, row);
        }
        this.progress.rowsRead = next + extra;
      }
    }
    while (extra < extras.length) await this.takeExtra(extras[extra] as ExtraRow, extra++, row);
    this.progress.rowsRead = next + extra;
    await this.sendLetters();
    // The last batch closes the version: everything before it must be there first, and be in order.
    await this.send(this.builder.finish());
    await this.drain();
  }

  private async take(chunk: SourceChunk, i: number, row: Scalar[]): Promise<void> {
    const reasons: Reason[] = [];
    const rowNumber = chunk.rowNumber(i);
    const recordId = chunk.recordId(i);
    const fault = chunk.fault(i);
    if (fault !== null) addReason(reasons, 'malformed', '', fault);
    else {
      if (this.schema.recordIdIndex < 0) checkId('recordId', recordId, reasons);
      checkRow(this.schema, (column) => chunk.value(i, column), row, this.clock.nowMs(), reasons);
    }
    if (reasons.length > 0) await this.reject(rowNumber, 0, chunk.original(i), reasons);
    else await this.accept(recordIdOf(this.schema, row, recordId), row);
  }

  private async takeExtra(extra: ExtraRow, index: number, row: Scalar[]): Promise<void> {
    const reasons = checkRecord(this.schema, extra.input, this.clock.nowMs(), row);
    if (reasons.length > 0) await this.reject(index, 1, extra.bytes, reasons);
    else await this.accept(recordIdOf(this.schema, row, extra.input.recordId), row);
  }

  private async accept(recordId: string, row: readonly Scalar[]): Promise<void> {
    this.progress.accepted += 1;
    const batch = this.builder.push(recordId, row);
    if (batch !== null) await this.send(batch);
  }

  /** `partition` 0 stands for the file, 1 for the extra file; the offset is the row. */
  private async reject(
    offset: number,
    partition: number,
    payload: Uint8Array,
    reasons: readonly Reason[],
  ): Promise<void> {
    this.progress.rejected += 1;
    const { name: project } = this.schema.project;
    const bad = {
      project,
      source: `file:${this.request.source}`,
      partition,
      offset,
      scope: this.importId,
      payload,
      reasons,
    };
    this.letters.push(makeDeadLetter(bad, this.clock.nowMs(), this.sha256Hex));
    if (this.letters.length >= LETTERS_MAX) await this.sendLetters();
  }

  private async sendLetters(): Promise<void> {
    const letters = this.letters;
    this.letters = [];
    if (letters.length > 0) await this.sink.deadLetters(letters);
  }

  private async send(batch: RecordBatch): Promise<void> {
    while (this.inFlight.size >= this.settings.inFlightMax) await Promise.race(this.inFlight);
    this.check();
    const sending = this.sink
      .batch(batch)
      .catch((thrown: unknown) => {
        this.failed ??= thrown;
      })
      .finally(() => this.inFlight.delete(sending));
    this.inFlight.add(sending);
  }

  private async drain(): Promise<void> {
    await Promise.all(this.inFlight);
    this.check();
  }

  private check(): void {
    if (this.failed !== null) throw PlatformError.from(this.failed);
  }
}

function choose(range: RowRange, rows: number | null, seed: number): Uint32Array {
  if (range.kind === 'run') return chooseRows(range.first, range.count, rows ?? range.count, seed);
  return rows === null ? range.rows : chooseAmong(range.rows, rows, seed);
}

/** The JSON of a row by column name, for the dead letter of a columnar source. */
export function rowPayload(schema: RecordSchema, recordId: string, value: (column: number) => unknown): Uint8Array {
  const values = Object.fromEntries(schema.columns.map((column, index) => [column.name, value(index)]));
  return jsonPayload({ recordId, values });
}
