// Predicts the rows of a table through a V2 server, in requests of many rows, in order. A request that the server
// refuses as invalid is halved until the bad rows stand alone; they are reported and the others predicted. A server
// that is away or overloaded is asked again with growing pauses.
//
// Bounds: `inFlight` requests of `rowsPerRequest` rows, and as many read ahead; nothing grows with the file.

import { type Clock, PlatformError, rowName, rowNumber, withoutRow } from '@millrace/domain';
import { type InferRequest, type InferResponse, ROW_ENTITIES, ROW_IDS, type TensorSpec } from '@millrace/inference';
import { byWindow, type RowBlock, rowsOf } from './row-block.js';
import { answerRows, type CellValue, type InputColumn, tensorOf } from './row-tensors.js';

/** One row of the result: the outputs, or why there are none. */
export interface PredictedRow {
  readonly values: readonly CellValue[];
  /** Under which the platform knows it; null where there is none. */
  readonly predictionId: string | null;
  readonly error: string | null;
}

export interface BatchSettings {
  model: string;
  /** '' = the server's choice. */
  version: string;
  inputs: readonly InputColumn[];
  outputs: readonly TensorSpec[];
  rowsPerRequest: number;
  inFlight: number;
  /** Of the project; rows with event times of one window go in one request. */
  windowMs?: number;
}

export interface BatchPorts {
  infer(request: InferRequest): Promise<InferResponse>;
  /** In the order of the table. */
  write(rows: readonly PredictedRow[]): void;
  progress(done: number, bad: number): void;
  pause(ms: number): Promise<void>;
  clock: Clock;
}

export interface BatchOutcome {
  rows: number;
  predicted: number;
  bad: number;
  requests: number;
  /** The first of them. */
  /** By their number, the first is 1. */
  badRows: { row: number; error: string }[];
}

/** Bad rows told in the summary; all of them stand in the output. */
const TOLD_MAX = 20;
/** Rows refused in a row from the first on: then the file or the model is wrong, not a row. */
const ALL_BAD_ROWS = 1_000;
/** How long a server may be away before the job gives up. */
const AWAY_MS_MAX = 60_000;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5_000;

export class BatchPrediction {
  private readonly outcome: BatchOutcome = { rows: 0, predicted: 0, bad: 0, requests: 0, badRows: [] };

  constructor(
    private readonly settings: BatchSettings,
    private readonly ports: BatchPorts,
  ) {}

  async run(blocks: AsyncIterable<RowBlock>): Promise<BatchOutcome> {
    const open: Promise<PredictedRow[]>[] = [];
    try {
      for await (const block of blocks) {
        for (let from = 0; from < block.rows; from += this.settings.rowsPerRequest) {
          if (open.length >= this.settings.inFlight) this.take(await (open.shift() as Promise<PredictedRow[]>));
          const piece = this.predict(block, from, Math.min(from + this.settings.rowsPerRequest, block.rows));
          // Its failure is met in turn.
          piece.catch(() => undefined);
          open.push(piece);
        }
      }
      for (const piece of open.splice(0)) this.take(await piece);
    } finally {
      await Promise.allSettled(open);
    }
    return this.outcome;
  }

  private take(rows: readonly PredictedRow[]): void {
    const { outcome, ports } = this;
    for (const { error } of rows) {
      outcome.rows++;
      if (error === null) outcome.predicted++;
      else {
        outcome.bad++;
        if (outcome.badRows.length < TOLD_MAX) outcome.badRows.push({ row: rowNumber(outcome.rows - 1), error });
      }
    }
    ports.write(rows);
    ports.progress(outcome.rows, outcome.bad);
    if (outcome.predicted === 0 && outcome.bad >= ALL_BAD_ROWS) {
      throw new PlatformError(
        'invalid_argument',
        `the first ${outcome.bad} rows were all refused: ${outcome.badRows[0]?.error}`,
      );
    }
  }

  /** Rows [from, to) of a block, in its order. */
  private async predict(block: RowBlock, from: number, to: number): Promise<PredictedRow[]> {
    const { times } = block;
    const { windowMs } = this.settings;
    if (times === undefined || windowMs === undefined) return this.readable(block, from, to, {});
    const answered = new Array<PredictedRow>(to - from);
    for (const { rows, timeMs } of byWindow(times, from, to, windowMs)) {
      const parameters: InferRequest['parameters'] =
        timeMs === undefined ? {} : { event_time_ms: BigInt(Math.trunc(timeMs)) };
      const found = await this.readable(rowsOf(block, rows), 0, rows.length, parameters);
      rows.forEach((row, at) => {
        answered[row - from] = found[at] as PredictedRow;
      });
    }
    return answered;
  }

  /** Bad rows are left out of the request. */
  private async readable(
    block: RowBlock,
    from: number,
    to: number,
    parameters: InferRequest['parameters'],
  ): Promise<PredictedRow[]> {
    let known = false;
    for (let row = from; row < to && !known; row++) known = block.bad.has(row);
    if (!known) return this.ask(block, from, to, parameters);
    const rows: PredictedRow[] = [];
    for (let row = from; row < to; ) {
      const error = block.bad.get(row);
      if (error !== undefined) {
        rows.push(this.refused(error));
        row++;
        continue;
      }
      let end = row + 1;
      while (end < to && !block.bad.has(end)) end++;
      rows.push(...(await this.ask(block, row, end, parameters)));
      row = end;
    }
    return rows;
  }

  private async ask(
    block: RowBlock,
    from: number,
    to: number,
    parameters: InferRequest['parameters'],
  ): Promise<PredictedRow[]> {
    const { model, version, inputs, outputs } = this.settings;
    try {
      const tensors = inputs.map((input, c) => tensorOf(input, block.columns[c] as readonly CellValue[], from, to));
      const response = await this.answered({
        modelName: model,
        modelVersion: version,
        id: '',
        parameters: { ...parameters, ...namesOf(block, from, to) },
        inputs: tensors,
        outputs: [],
      });
      const rowIds = block.ids?.slice(from, to);
      return answerRows(response, outputs, to - from).map((values, row) => ({
        values,
        predictionId: rowName({ id: response.id, entity: '', rowIds }, row).predictionId,
        error: null,
      }));
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (error.code !== 'invalid_argument') throw error;
      if (to - from === 1) return [this.refused(withoutRow(error.reason))];
      const middle = from + Math.ceil((to - from) / 2);
      const first = await this.ask(block, from, middle, parameters);
      return [...first, ...(await this.ask(block, middle, to, parameters))];
    }
  }

  private refused(error: string): PredictedRow {
    return { values: this.settings.outputs.map(() => null), predictionId: null, error };
  }

  private async answered(request: InferRequest): Promise<InferResponse> {
    const { clock, infer, pause } = this.ports;
    let waitMs = RETRY_MS_MIN;
    let awaySinceMs: number | undefined;
    for (;;) {
      try {
        this.outcome.requests++;
        return await infer(request);
      } catch (thrown) {
        const error = PlatformError.from(thrown);
        const passing =
          error.code === 'unavailable' || error.code === 'overloaded' || error.code === 'deadline_exceeded';
        awaySinceMs ??= clock.monotonicMs();
        if (!passing || clock.monotonicMs() - awaySinceMs > AWAY_MS_MAX) throw error;
        await pause(waitMs);
        waitMs = Math.min(waitMs * 2, RETRY_MS_MAX);
      }
    }
  }
}

/** Parameters that say of each of the rows whose it is. */
function namesOf({ ids, entities }: RowBlock, from: number, to: number): InferRequest['parameters'] {
  const listOf = (texts: readonly string[]) => JSON.stringify(texts.slice(from, to));
  return {
    ...(ids === undefined ? {} : { [ROW_IDS]: listOf(ids) }),
    ...(entities === undefined ? {} : { [ROW_ENTITIES]: listOf(entities) }),
  };
}
