// Mergeable quality of a binary model: one cell of a logit grid per labelled row, and exact sums beside it. What
// metrics make of the counts is in their own files (`merged` in metrics/).
//
//   cell(p) = floor((logit(p) + 10) / 20 * 16384), logit clipped to [-10, 10]
// Two rows in one cell differ by at most 0.00122 in log odds; scores spread by 0.7 in log odds give an AUC error bound
// near
// 0.00025 and an error far below it. Sums are exact (in the order of arrival, so equal up to rounding).
//
// Rows are kept as 32-bit codes (cell * 2 + outcome) until DENSE_FROM of them, then as two counters a cell: 4 bytes a
// row for the usual small bucket, 128 KiB at most. Merging is commutative.

import { isRight, logLossOfRow } from './row-terms.js';

const SCORE_CELLS = 16_384;
const LOGIT_RANGE = 10;
/** 2 x 16,384 counters of 4 bytes weigh as much as 32,768 codes. */
const DENSE_FROM = 2 * SCORE_CELLS;

/** Rows whose scores lie in [lower, upper). */
export interface ScoreCell {
  lower: number;
  upper: number;
  positives: number;
  negatives: number;
}

export interface ScoreQualityState {
  rows: number;
  positives: number;
  right: number;
  logLossSum: number;
  probabilitySum: number;
  /** Ascending pairs of code and count. */
  codes: number[];
}

/** The cell of a probability; NaN counts as 0. */
function scoreCell(probability: number): number {
  if (!(probability > 0)) return 0;
  if (probability >= 1) return SCORE_CELLS - 1;
  const logit = Math.log(probability / (1 - probability));
  const cell = Math.floor(((logit + LOGIT_RANGE) / (2 * LOGIT_RANGE)) * SCORE_CELLS);
  return cell < 0 ? 0 : cell >= SCORE_CELLS ? SCORE_CELLS - 1 : cell;
}

/** The score at which a cell begins; 0 and 1 at the ends of the grid. */
function cellStart(cell: number): number {
  if (cell <= 0) return 0;
  if (cell >= SCORE_CELLS) return 1;
  return 1 / (1 + Math.exp(LOGIT_RANGE - (2 * LOGIT_RANGE * cell) / SCORE_CELLS));
}

export class ScoreQuality {
  rows = 0;
  positives = 0;
  /** Rows whose class is their label. */
  right = 0;
  logLossSum = 0;
  probabilitySum = 0;
  private codes: Uint32Array = new Uint32Array(16);
  private codesUsed = 0;
  private dense: Uint32Array | undefined;

  add(probability: number, outcome: number): void {
    const positive = outcome >= 0.5;
    const row = { score: probability, positive };
    this.rows += 1;
    this.positives += Number(positive);
    this.right += Number(isRight(row));
    this.logLossSum += logLossOfRow(row);
    this.probabilitySum += probability;
    this.addCode(scoreCell(probability) * 2 + Number(positive), 1);
  }

  merge(other: ScoreQuality): void {
    this.rows += other.rows;
    this.positives += other.positives;
    this.right += other.right;
    this.logLossSum += other.logLossSum;
    this.probabilitySum += other.probabilitySum;
    other.eachCode((code, count) => this.addCode(code, count));
  }

  /** A sum over the rows as their mean; NaN without rows. */
  mean(sum: number): number {
    return this.rows === 0 ? Number.NaN : sum / this.rows;
  }

  /** Visits the cells that hold rows, in ascending order of scores. The visited object is reused. */
  eachCell(visit: (cell: Readonly<ScoreCell>) => void): void {
    const tally = this.tally();
    const held: ScoreCell = { lower: 0, upper: 0, positives: 0, negatives: 0 };
    for (let cell = 0; cell < SCORE_CELLS; cell++) {
      held.negatives = tally[2 * cell] as number;
      held.positives = tally[2 * cell + 1] as number;
      if (held.negatives + held.positives === 0) continue;
      held.lower = cellStart(cell);
      held.upper = cellStart(cell + 1);
      visit(held);
    }
  }

  /** Bytes held, for a caller's memory bound. */
  get bytes(): number {
    return this.dense === undefined ? this.codes.byteLength : this.dense.byteLength;
  }

  state(): ScoreQualityState {
    const tally = this.tally();
    const codes: number[] = [];
    for (let code = 0; code < tally.length; code++) {
      const count = tally[code] as number;
      if (count > 0) codes.push(code, count);
    }
    const { rows, positives, right, logLossSum, probabilitySum } = this;
    return { rows, positives, right, logLossSum, probabilitySum, codes };
  }

  static fromState(state: ScoreQualityState): ScoreQuality {
    const quality = new ScoreQuality();
    quality.rows = state.rows;
    quality.positives = state.positives;
    quality.right = state.right;
    quality.logLossSum = state.logLossSum;
    quality.probabilitySum = state.probabilitySum;
    for (let i = 0; i + 1 < state.codes.length; i += 2) {
      quality.addCode(state.codes[i] as number, state.codes[i + 1] as number);
    }
    return quality;
  }

  private addCode(code: number, count: number): void {
    if (this.dense === undefined && this.codesUsed + count > DENSE_FROM) this.dense = this.tally();
    if (this.dense !== undefined) {
      this.dense[code] = (this.dense[code] as number) + count;
      return;
    }
    if (this.codesUsed + count > this.codes.length) {
      const grown = new Uint32Array(Math.max(this.codes.length * 2, this.codesUsed + count));
      grown.set(this.codes.subarray(0, this.codesUsed));
      this.codes = grown;
    }
    this.codes.fill(code, this.codesUsed, this.codesUsed + count);
    this.codesUsed += count;
  }

  private eachCode(visit: (code: number, count: number) => void): void {
    if (this.dense === undefined) {
      for (let i = 0; i < this.codesUsed; i++) visit(this.codes[i] as number, 1);
      return;
    }
    for (let code = 0; code < this.dense.length; code++) {
      const count = this.dense[code] as number;
      if (count > 0) visit(code, count);
    }
  }

  private tally(): Uint32Array {
    if (this.dense !== undefined) return this.dense;
    const tally = new Uint32Array(2 * SCORE_CELLS);
    for (let i = 0; i < this.codesUsed; i++) {
      const code = this.codes[i] as number;
      tally[code] = (tally[code] as number) + 1;
    }
    return tally;
  }
}
