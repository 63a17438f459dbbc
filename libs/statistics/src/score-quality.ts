// Mergeable quality of a binary model: one cell of a logit grid per labelled row, and exact sums beside it.
//
//   cell(p) = floor((logit(p) + 10) / 20 * 16384), logit clipped to [-10, 10]
//   AUC = sum_c pos_c (neg_below_c + neg_c / 2) / (P N);   |AUC - exact| <= 1/2 sum_c pos_c neg_c / (P N) = `aucErrorBound`
// Two rows in one cell differ by at most 0.00122 in log odds; scores spread by 0.7 in log odds give a bound near 0.00025 and
// an error far below it. Log loss, accuracy and means are exact sums (in the order of arrival, so equal up to rounding).
//
// Rows are kept as 32-bit codes (cell * 2 + outcome) until DENSE_FROM of them, then as two counters a cell: 4 bytes a row for
// the usual small bucket, 128 KiB at most. Merging is commutative. Empty: NaN figures.

import { rowLogLoss } from './auc.js';

export const SCORE_CELLS = 16_384;
const LOGIT_RANGE = 10;
/** 2 x 16,384 counters of 4 bytes weigh as much as 32,768 codes. */
const DENSE_FROM = 2 * SCORE_CELLS;

export interface QualityFigures {
  rows: number;
  auc: number;
  /** The AUC's distance from the exact one is at most this. */
  aucErrorBound: number;
  logLoss: number;
  accuracy: number;
  positiveShare: number;
  meanProbability: number;
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
export function scoreCell(probability: number): number {
  if (!(probability > 0)) return 0;
  if (probability >= 1) return SCORE_CELLS - 1;
  const logit = Math.log(probability / (1 - probability));
  const cell = Math.floor(((logit + LOGIT_RANGE) / (2 * LOGIT_RANGE)) * SCORE_CELLS);
  return cell < 0 ? 0 : cell >= SCORE_CELLS ? SCORE_CELLS - 1 : cell;
}

export class ScoreQuality {
  rows = 0;
  private positives = 0;
  private right = 0;
  private logLossSum = 0;
  private probabilitySum = 0;
  private codes: Uint32Array = new Uint32Array(16);
  private codesUsed = 0;
  private dense: Uint32Array | undefined;

  add(probability: number, outcome: number): void {
    const positive = outcome >= 0.5 ? 1 : 0;
    this.rows += 1;
    this.positives += positive;
    if (probability >= 0.5 === (positive === 1)) this.right += 1;
    this.logLossSum += rowLogLoss(probability, outcome);
    this.probabilitySum += probability;
    this.addCode(scoreCell(probability) * 2 + positive, 1);
  }

  merge(other: ScoreQuality): void {
    this.rows += other.rows;
    this.positives += other.positives;
    this.right += other.right;
    this.logLossSum += other.logLossSum;
    this.probabilitySum += other.probabilitySum;
    other.eachCode((code, count) => this.addCode(code, count));
  }

  figures(): QualityFigures {
    const { area, bound } = this.area();
    const share = (sum: number) => (this.rows === 0 ? Number.NaN : sum / this.rows);
    return {
      rows: this.rows,
      auc: area,
      aucErrorBound: bound,
      logLoss: share(this.logLossSum),
      accuracy: share(this.right),
      positiveShare: share(this.positives),
      meanProbability: share(this.probabilitySum),
    };
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

  private area(): { area: number; bound: number } {
    const negatives = this.rows - this.positives;
    if (this.positives === 0 || negatives === 0) return { area: Number.NaN, bound: Number.NaN };
    const tally = this.tally();
    let negativesBelow = 0;
    let sum = 0;
    let shared = 0;
    for (let cell = 0; cell < SCORE_CELLS; cell++) {
      const negative = tally[2 * cell] as number;
      const positive = tally[2 * cell + 1] as number;
      sum += positive * (negativesBelow + negative / 2);
      shared += positive * negative;
      negativesBelow += negative;
    }
    const pairs = this.positives * negatives;
    return { area: sum / pairs, bound: shared / (2 * pairs) };
  }
}
