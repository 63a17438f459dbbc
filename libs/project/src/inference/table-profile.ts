// A whole table in one pass: a profile of each column, and its first rows for questions that need two columns at once.

import type { TimeFormat } from '../time-format.js';
import { type ColumnProfile, ColumnProfiler, type ValueSource } from './column-profile.js';

/** More columns than a project may have; the rest is counted. */
const COLUMNS_MAX = 1_000;
/** Different values of all columns together, about 200 MB at most; each column has its share of them. */
const VALUES_MAX = 2_000_000;
/** Values of one column: more categories than a vocabulary has by default. */
const COLUMN_VALUES_MAX = 20_000;
/** Values kept of the first rows. */
const SAMPLE_CELLS_MAX = 1_000_000;
const SAMPLE_ROWS_MAX = 20_000;
/** Columns whose names are not known beforehand are counted as if there were so many. */
const COLUMNS_EXPECTED = 100;

/** How the file is written, as far as somebody has said it. */
export interface TableWishes {
  readonly decimal?: '.' | ',' | undefined;
  /** Which form dates have that could be read in two ways. */
  readonly dateFormat?: TimeFormat | undefined;
}

export interface TableProfile {
  readonly source: ValueSource;
  readonly decimal: '.' | ',';
  readonly rows: number;
  readonly columns: readonly ColumnProfile[];
  readonly columnsLeftOut: number;
  /** The first rows, by number of the column; undefined is missing. */
  readonly sample: readonly (readonly unknown[])[];
}

export class TableProfiler {
  private readonly columns = new Map<string, { at: number; profiler: ColumnProfiler }>();
  private readonly leftOut = new Set<string>();
  private readonly sample: unknown[][] = [];
  private cells = 0;
  private rows = 0;

  /**
   * @param names columns that are known beforehand, in their order, '' for one to pass over; others are added as they
   * come
   */
  constructor(
    private readonly source: ValueSource,
    private readonly names: readonly string[] = [],
    private readonly wishes: TableWishes = {},
  ) {
    for (const name of names) this.columnOf(name);
  }

  /** @param row its number in the file, where rows before it were not taken; 1 = the first */
  takeRecord(record: Readonly<Record<string, unknown>>, row = this.rows + 1): void {
    const sample = this.begin();
    for (const [name, value] of Object.entries(record)) this.takeValue(sample, name, value, row);
  }

  /** A row of the columns named beforehand. */
  takeRow(values: readonly unknown[], row = this.rows + 1): void {
    const sample = this.begin();
    for (let i = 0; i < this.names.length; i++) this.takeValue(sample, this.names[i] as string, values[i], row);
  }

  profile(): TableProfile {
    const profilers = [...this.columns.values()].map(({ profiler }) => profiler);
    for (const profiler of profilers) profiler.end();
    const { decimal = '.', dateFormat } = this.wishes;
    const shown = dateFormat === undefined ? profilers.flatMap(({ shownFormat }) => shownFormat ?? []) : [dateFormat];
    const terms = {
      missing: new Set(profilers.flatMap((one) => one.shownMissing)),
      formats: new Set(shown),
      saidFormat: dateFormat,
    };
    return {
      source: this.source,
      decimal,
      rows: this.rows,
      columns: profilers.map((profiler) => profiler.profile(terms)),
      columnsLeftOut: this.leftOut.size,
      sample: this.sample,
    };
  }

  private begin(): unknown[] | null {
    this.rows += 1;
    if (this.sample.length >= SAMPLE_ROWS_MAX || this.cells >= SAMPLE_CELLS_MAX) return null;
    const row: unknown[] = [];
    this.sample.push(row);
    return row;
  }

  private takeValue(sample: unknown[] | null, name: string, value: unknown, row: number): void {
    const column = this.columnOf(name);
    if (column === undefined) return;
    column.profiler.take(value, row);
    if (sample === null) return;
    sample[column.at] = value;
    this.cells += 1;
  }

  private columnOf(name: string): { at: number; profiler: ColumnProfiler } | undefined {
    if (name === '') return undefined;
    const known = this.columns.get(name);
    if (known !== undefined) return known;
    if (this.columns.size >= COLUMNS_MAX) {
      if (this.leftOut.size < COLUMNS_MAX) this.leftOut.add(name);
      return undefined;
    }
    const share = Math.floor(VALUES_MAX / Math.max(this.names.length, COLUMNS_EXPECTED));
    const profiler = new ColumnProfiler(name, this.source, Math.min(COLUMN_VALUES_MAX, share), this.wishes.decimal);
    const column = { at: this.columns.size, profiler };
    this.columns.set(name, column);
    return column;
  }
}
