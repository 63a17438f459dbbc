// One bulk load: chooses rows of a file by seeded hash, checks each against the schema, sends good ones as columnar
// batches and bad ones to the dead letters. Where all rows of a file with typed columns are taken, they are checked and
// sent as columns, and only runs that hold a doubtful row are checked row by row. Rows of further files follow, all of
// them, in the same version. Repeating a load repeats the same batches and dead letters under the same numbers and ids,
// so a load can be started again after a crash without harm. Memory: one chunk of the source, one batch, and the
// batches in flight.

import type { DeadLetter, Reason, RecordBatch } from '@millrace/contracts';
import { type Clock, PlatformError, type Scalar } from '@millrace/domain';
import { chooseRows } from '@millrace/project';
import { makeDeadLetter, type Sha256Hex } from '../deadletters/dead-letter.js';
import { addReason, checkId, checkRow } from '../schema/check-row.js';
import { type RecordSchema, recordIdOf } from '../schema/record-schema.js';
import { BatchBuilder, type BatchSettings } from './batch-builder.js';
import { chooseAmong } from './choose-among.js';
import { Refusals } from './refusals.js';
import type { ColumnarRows, FileTerms, RowRange, RowSource, SourceChunk } from './row-source.js';

/** Which rows of a file. */
export interface RowChoice {
  fromMs: number;
  toMs: number;
  /** Null = all rows of the range. */
  rows: number | null;
  seed: number;
}

export const ALL_ROWS: RowChoice = {
  fromMs: Number.MIN_SAFE_INTEGER,
  toMs: Number.MAX_SAFE_INTEGER,
  rows: null,
  seed: 0,
};

/** A source of the project file, an upload, or both: then the choice is the source's. */
export interface ImportRequest extends RowChoice, FileTerms {
  source: string | null;
  upload: string | null;
}

/** A file of the import. */
export interface ImportPart {
  /** "file:<source>" or "upload:<name>". */
  name: string;
  source: RowSource;
  choice: RowChoice;
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
  /** Rows that are checked as columns together, and sent as one batch where all are good. */
  runRows: number;
}

/** Half of what the topic takes. */
const PARQUET_BYTES_MAX = 4 * 1024 * 1024;
/** Dead letters gathered before they are sent. */
const LETTERS_MAX = 200;

export class ImportRun {
  readonly progress: ImportProgress = { rowsRead: 0, rowsChosen: 0, accepted: 0, rejected: 0 };
  readonly refusals = new Refusals();
  private readonly builder: BatchBuilder;
  private readonly inFlight = new Set<Promise<void>>();
  private letters: DeadLetter[] = [];
  private failed: unknown = null;

  /** @param source of the batches and of the version */
  constructor(
    private readonly schema: RecordSchema,
    private readonly importId: string,
    source: string,
    private readonly sink: ImportSink,
    private readonly settings: ImportSettings,
    private readonly clock: Clock,
    private readonly sha256Hex: Sha256Hex,
    /** When the import began, the same again where it is taken up: the time of rows that have none. */
    begunAtMs: number,
  ) {
    this.builder = new BatchBuilder(schema, { source, importId, ingestedAtMs: begunAtMs }, settings);
  }

  /** Resolves when everything is acknowledged. */
  async run(parts: readonly ImportPart[]): Promise<void> {
    const chosen: Uint32Array[] = [];
    for (const { source, choice } of parts) {
      chosen.push(choose(await source.rowsBetween(choice.fromMs, choice.toMs), choice.rows, choice.seed));
    }
    this.progress.rowsChosen = chosen.reduce((sum, rows) => sum + rows.length, 0);
    for (let index = 0; index < parts.length; index++) {
      await this.takePart(parts[index] as ImportPart, index, chosen[index] as Uint32Array);
    }
    await this.sendLetters();
    // The last batch closes the version: everything before it must be there first, and be in order.
    await this.send(this.builder.finish());
    await this.drain();
  }

  private async takePart(part: ImportPart, index: number, chosen: Uint32Array): Promise<void> {
    if (chosen.length === 0) return;
    const first = chosen[0] as number;
    const last = chosen[chosen.length - 1] as number;
    const before = this.progress.rowsRead;
    // Of rows that are chosen among others each is looked at anyway.
    const isRun = last - first + 1 === chosen.length;
    const columnar = isRun ? (part.source.columnar?.(this.clock.nowMs()) ?? null) : null;
    if (columnar === null) {
      await this.takeRows(part, index, chosen, before);
      return;
    }
    const doubtful = await columnar.doubtfulRuns(first, last, this.settings.runRows);
    for (let run = 0, from = first; from <= last; run++, from += this.settings.runRows) {
      const to = Math.min(last, from + this.settings.runRows - 1);
      if (doubtful.has(run))
        await this.takeRows(part, index, chosen.subarray(from - first, to - first + 1), before + from - first);
      else await this.takeColumns(columnar, from, to);
      this.progress.rowsRead = before + to - first + 1;
    }
  }

  /** Good rows, as columns; in halves where they are too many bytes for one batch. */
  private async takeColumns(columnar: ColumnarRows, first: number, last: number): Promise<void> {
    const bytes = await columnar.parquet(first, last);
    if (bytes.length > PARQUET_BYTES_MAX && last > first) {
      const middle = first + ((last - first) >> 1);
      await this.takeColumns(columnar, first, middle);
      await this.takeColumns(columnar, middle + 1, last);
      return;
    }
    const pushed = this.builder.flush();
    if (pushed !== null) await this.send(pushed);
    const rows = last - first + 1;
    await this.send(this.builder.parquet(bytes, rows));
    this.progress.accepted += rows;
  }

  private async takeRows(part: ImportPart, index: number, chosen: Uint32Array, before: number): Promise<void> {
    const row: Scalar[] = new Array(this.schema.columns.length).fill(null);
    const first = chosen[0] as number;
    let next = 0;
    for await (const chunk of part.source.read(first, chosen[chosen.length - 1] as number)) {
      const nowMs = this.clock.nowMs();
      for (let i = 0; i < chunk.rows && next < chosen.length; i++) {
        if (chunk.rowNumber(i) < (chosen[next] as number)) continue;
        next += 1;
        const reasons = this.check(chunk, i, row, nowMs);
        if (reasons.length > 0) await this.reject(part.name, index, chunk, i, reasons);
        else {
          this.progress.accepted += 1;
          const batch = this.builder.push(recordIdOf(this.schema, row, chunk.recordId(i)), row);
          if (batch !== null) await this.send(batch);
        }
      }
      this.progress.rowsRead = before + next;
    }
  }

  private check(chunk: SourceChunk, i: number, row: Scalar[], nowMs: number): Reason[] {
    const reasons: Reason[] = [];
    const fault = chunk.fault(i);
    if (fault !== null) addReason(reasons, 'malformed', '', fault);
    else {
      if (this.schema.recordIdIndex < 0) checkId('recordId', chunk.recordId(i), reasons);
      checkRow(this.schema, (column) => chunk.value(i, column), row, nowMs, reasons);
    }
    return reasons;
  }

  /** `partition` is the number of the file within the import; the offset is the row. */
  private async reject(
    name: string,
    partition: number,
    chunk: SourceChunk,
    i: number,
    reasons: readonly Reason[],
  ): Promise<void> {
    this.progress.rejected += 1;
    const offset = chunk.rowNumber(i);
    this.refusals.add(name, offset, reasons, (field) => {
      const column = this.schema.indexOf.get(field);
      return column === undefined ? null : chunk.value(i, column);
    });
    const bad = {
      project: this.schema.project.name,
      source: name,
      partition,
      offset,
      scope: this.importId,
      payload: chunk.original(i),
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
    this.mustGoOn();
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
    this.mustGoOn();
  }

  private mustGoOn(): void {
    if (this.failed !== null) throw PlatformError.from(this.failed);
  }
}

function choose(range: RowRange, rows: number | null, seed: number): Uint32Array {
  if (range.kind === 'run') return chooseRows(range.first, range.count, rows ?? range.count, seed);
  return rows === null ? range.rows : chooseAmong(range.rows, rows, seed);
}
