// Mergeable statistics of one feature in one window, counted in the cells of a reference: exact, commutative, invariant
// to how the rows were split. Memory: numeric at most 2 x 1,001 + 1 + 20 counters, categorical at most 1,001, whatever
// arrives. Cost per value: two binary searches (numeric) or one map look-up (categorical). NaN, infinite and null count
// as missing; a category that the reference has never seen counts as unseen (and in the cell of `other`). What the
// counts say is for others to judge: they read them through NumericCounts and CategoricalCounts.

import type { CategoricalReference, FeatureReference, NumericReference } from '@millrace/domain';
import { Moments, type MomentsState } from './moments.js';
import { QuantileLadder } from './quantile-ladder.js';
import { categoryOf } from './reference.js';

export interface FeatureWindowState {
  missing: number;
  unseen: number;
  counts: number[];
  /** Numeric only: sparse pairs of ladder cell and count. */
  ladder?: number[];
  moments?: MomentsState;
}

export interface HistogramCell {
  /** "< 10", "10 .. 20", "ATL", "(other)". */
  cell: string;
  reference: number;
  window: number;
}

/** The counts of one window beside those of its reference, cell by cell; read while nothing is added. */
export interface NumericCounts {
  readonly kind: 'numeric';
  readonly name: string;
  readonly rows: number;
  readonly missing: number;
  readonly reference: NumericReference;
  /** Reference rows with a value. */
  readonly referenceRows: number;
  /** Per bin of `reference.edges`, as `reference.counts`. */
  readonly counts: ArrayLike<number>;
  readonly ladder: QuantileLadder;
  /** Per cell of the ladder. */
  readonly ladderCounts: ArrayLike<number>;
  readonly moments: Readonly<Pick<Moments, 'count' | 'mean' | 'variance' | 'std' | 'min' | 'max'>>;
}

export interface CategoricalCounts {
  readonly kind: 'categorical';
  readonly name: string;
  readonly rows: number;
  readonly missing: number;
  /** Rows whose value the reference does not name. */
  readonly unseen: number;
  readonly reference: CategoricalReference;
  /** Reference rows with a value. */
  readonly referenceRows: number;
  /** Per value of `reference.values`, and the unseen ones last. */
  readonly counts: ArrayLike<number>;
  /** As `counts`: the reference's `other` last. */
  readonly referenceCounts: ArrayLike<number>;
}

export type FeatureCounts = NumericCounts | CategoricalCounts;

/** What numeric and categorical windows can both do. */
export interface FeatureWindow {
  readonly name: string;
  readonly kind: 'numeric' | 'categorical';
  readonly rows: number;
  readonly missing: number;
  readonly unseen: number;
  add(value: number | string | boolean | null): void;
  merge(other: FeatureWindow): void;
  histogram(): HistogramCell[];
  state(): FeatureWindowState;
  /** Adds a saved state of the same reference. */
  restore(state: FeatureWindowState): void;
}

/** The reference's cells, prepared once and shared by all windows of a version. */
export interface NumericCells {
  kind: 'numeric';
  name: string;
  reference: NumericReference;
  edges: Float64Array;
  ladder: QuantileLadder;
}

export interface CategoricalCells {
  kind: 'categorical';
  name: string;
  reference: CategoricalReference;
  index: ReadonlyMap<string, number>;
  /** Reference counts with `other` as the last cell. */
  counts: Float64Array;
  /** Reference rows with a value. */
  rows: number;
}

export type FeatureCells = NumericCells | CategoricalCells;

export function featureCells(feature: FeatureReference): FeatureCells {
  if (feature.kind === 'numeric') {
    const rows = feature.counts.reduce((sum, count) => sum + count, 0);
    return {
      kind: 'numeric',
      name: feature.name,
      reference: feature,
      edges: Float64Array.from(feature.edges),
      ladder: new QuantileLadder(feature.quantiles, rows),
    };
  }
  const counts = Float64Array.from([...feature.counts, feature.other]);
  return {
    kind: 'categorical',
    name: feature.name,
    reference: feature,
    index: new Map(feature.values.map((value, i) => [value, i])),
    counts,
    rows: counts.reduce((sum, count) => sum + count, 0),
  };
}

export function openFeatureWindow(cells: FeatureCells): NumericWindow | CategoricalWindow {
  return cells.kind === 'numeric' ? new NumericWindow(cells) : new CategoricalWindow(cells);
}

export class NumericWindow implements FeatureWindow, NumericCounts {
  readonly kind = 'numeric';
  rows = 0;
  missing = 0;
  readonly unseen = 0;
  readonly moments: Moments;
  readonly counts: Uint32Array;
  readonly ladderCounts: Uint32Array;

  constructor(private readonly cells: NumericCells) {
    this.moments = new Moments();
    this.counts = new Uint32Array(cells.edges.length + 1);
    this.ladderCounts = new Uint32Array(cells.ladder.cells);
  }

  get name(): string {
    return this.cells.name;
  }

  get reference(): NumericReference {
    return this.cells.reference;
  }

  get referenceRows(): number {
    return this.cells.ladder.rows;
  }

  get ladder(): QuantileLadder {
    return this.cells.ladder;
  }

  add(value: number | string | boolean | null): void {
    this.rows += 1;
    const x = typeof value === 'number' ? value : value === null ? Number.NaN : Number(value);
    if (!Number.isFinite(x)) {
      this.missing += 1;
      return;
    }
    this.moments.add(x);
    const edges = this.cells.edges;
    let low = 0;
    let high = edges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((edges[middle] as number) <= x) low = middle + 1;
      else high = middle;
    }
    this.counts[low] = (this.counts[low] as number) + 1;
    const cell = this.cells.ladder.cellOf(x);
    this.ladderCounts[cell] = (this.ladderCounts[cell] as number) + 1;
  }

  merge(other: FeatureWindow): void {
    if (!(other instanceof NumericWindow)) throw new Error(`cannot merge ${other.kind} into numeric ${this.name}`);
    this.rows += other.rows;
    this.missing += other.missing;
    this.moments.merge(other.moments);
    for (let i = 0; i < this.counts.length; i++)
      this.counts[i] = (this.counts[i] as number) + (other.counts[i] as number);
    for (let i = 0; i < this.ladderCounts.length; i++) {
      this.ladderCounts[i] = (this.ladderCounts[i] as number) + (other.ladderCounts[i] as number);
    }
  }

  histogram(): HistogramCell[] {
    const { edges, counts } = this.cells.reference;
    return counts.map((reference, i) => ({
      cell:
        i === 0
          ? `< ${edges[0] ?? 'any'}`
          : i === edges.length
            ? `>= ${edges[i - 1]}`
            : `${edges[i - 1]} .. ${edges[i]}`,
      reference,
      window: this.counts[i] as number,
    }));
  }

  state(): FeatureWindowState {
    const ladder: number[] = [];
    for (let i = 0; i < this.ladderCounts.length; i++) {
      if (this.ladderCounts[i] !== 0) ladder.push(i, this.ladderCounts[i] as number);
    }
    return { missing: this.missing, unseen: 0, counts: [...this.counts], ladder, moments: this.moments.state() };
  }

  restore(state: FeatureWindowState): void {
    this.missing += state.missing;
    this.rows += state.missing;
    for (let i = 0; i < this.counts.length; i++) {
      this.counts[i] = (this.counts[i] as number) + (state.counts[i] ?? 0);
      this.rows += state.counts[i] ?? 0;
    }
    const ladder = state.ladder ?? [];
    for (let i = 0; i + 1 < ladder.length; i += 2) {
      const cell = ladder[i] as number;
      this.ladderCounts[cell] = (this.ladderCounts[cell] as number) + (ladder[i + 1] as number);
    }
    if (state.moments !== undefined) this.moments.merge(Moments.fromState(state.moments));
  }
}

/** Histogram cells that an alarm carries: the largest ones first, the rest summed. */
const HISTOGRAM_CELLS_MAX = 40;

export class CategoricalWindow implements FeatureWindow, CategoricalCounts {
  readonly kind = 'categorical';
  rows = 0;
  missing = 0;
  unseen = 0;
  readonly counts: Uint32Array;

  constructor(private readonly cells: CategoricalCells) {
    this.counts = new Uint32Array(cells.counts.length);
  }

  get name(): string {
    return this.cells.name;
  }

  get reference(): CategoricalReference {
    return this.cells.reference;
  }

  get referenceRows(): number {
    return this.cells.rows;
  }

  get referenceCounts(): Float64Array {
    return this.cells.counts;
  }

  add(value: number | string | boolean | null): void {
    this.rows += 1;
    if (value === null || (typeof value === 'number' && !Number.isFinite(value))) {
      this.missing += 1;
      return;
    }
    let cell = this.cells.index.get(categoryOf(value));
    if (cell === undefined) {
      // A value that the reference did not name: its own `other` mass says whether such values are known.
      this.unseen += 1;
      cell = this.counts.length - 1;
    }
    this.counts[cell] = (this.counts[cell] as number) + 1;
  }

  merge(other: FeatureWindow): void {
    if (!(other instanceof CategoricalWindow))
      throw new Error(`cannot merge ${other.kind} into categorical ${this.name}`);
    this.rows += other.rows;
    this.missing += other.missing;
    this.unseen += other.unseen;
    for (let i = 0; i < this.counts.length; i++)
      this.counts[i] = (this.counts[i] as number) + (other.counts[i] as number);
  }

  histogram(): HistogramCell[] {
    const { values } = this.cells.reference;
    const all = Array.from(this.counts, (window, i) => ({
      cell: values[i] ?? '(other)',
      reference: this.cells.counts[i] as number,
      window,
    }));
    if (all.length <= HISTOGRAM_CELLS_MAX) return all;
    const rest = all.slice(HISTOGRAM_CELLS_MAX - 1);
    const sum = (key: 'reference' | 'window') => rest.reduce((total, cell) => total + cell[key], 0);
    return [
      ...all.slice(0, HISTOGRAM_CELLS_MAX - 1),
      { cell: '(rest)', reference: sum('reference'), window: sum('window') },
    ];
  }

  state(): FeatureWindowState {
    return { missing: this.missing, unseen: this.unseen, counts: [...this.counts] };
  }

  restore(state: FeatureWindowState): void {
    this.missing += state.missing;
    this.unseen += state.unseen;
    this.rows += state.missing;
    for (let i = 0; i < this.counts.length; i++) {
      this.counts[i] = (this.counts[i] as number) + (state.counts[i] ?? 0);
      this.rows += state.counts[i] ?? 0;
    }
  }
}
