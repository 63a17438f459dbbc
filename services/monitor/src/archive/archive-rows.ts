// Rows of the archive in columns: what waits to be written of a project's messages of one kind. A decoded message is a
// dozen objects, which the collector would copy and mark for as long as they wait; here a row is a place in each of
// some arrays, with texts as they will be written. Its columns are said by whoever makes it, and read by name.

export interface ArchiveColumn {
  readonly name: string;
  readonly kind: 'number' | 'text';
}

/** How a column is made of a message. */
export interface ColumnOf<M> extends ArchiveColumn {
  of(message: M): number | string;
}

export type Value = number | string;

/** Of a number in a column, or of a text that the row before has, too. */
const SLOT_BYTES = 8;
/** Of a text beside its characters, of two bytes at most. */
const TEXT_BYTES = 24;

export class ArchiveRows {
  /** By column. */
  private constructor(
    readonly columns: readonly ArchiveColumn[],
    private readonly values: readonly Value[][],
    readonly offsets: number[],
    readonly writtenAtMs: number[],
  ) {}

  static of(columns: readonly ArchiveColumn[]): ArchiveRows {
    return new ArchiveRows(
      columns,
      columns.map(() => []),
      [],
      [],
    );
  }

  get length(): number {
    return this.offsets.length;
  }

  /** Gives what the row takes in memory, about. `columns`: those of these rows. */
  add<M>(columns: readonly ColumnOf<M>[], message: M, offset: number, writtenAtMs: number): number {
    let bytes = 2 * SLOT_BYTES;
    const before = this.offsets.length - 1;
    for (let i = 0; i < columns.length; i++) {
      const values = this.values[i] as Value[];
      const value = (columns[i] as ColumnOf<M>).of(message);
      bytes += SLOT_BYTES;
      if (typeof value === 'number') values.push(value);
      else {
        const last = values[before];
        const isAgain = last === value;
        if (!isAgain) bytes += TEXT_BYTES + 2 * value.length;
        values.push(isAgain ? last : value);
      }
    }
    this.offsets.push(offset);
    this.writtenAtMs.push(writtenAtMs);
    return bytes;
  }

  column(name: string): readonly Value[] {
    const index = this.columns.findIndex((column) => column.name === name);
    return this.values[index] ?? [];
  }

  /** Rows [from, to). */
  part(from: number, to = this.length): ArchiveRows {
    return new ArchiveRows(
      this.columns,
      this.values.map((values) => values.slice(from, to)),
      this.offsets.slice(from, to),
      this.writtenAtMs.slice(from, to),
    );
  }

  /** Those at the offset and after it. */
  since(offset: number): ArchiveRows {
    const from = this.offsets.findIndex((at) => at >= offset);
    if (from === 0) return this;
    return this.part(from < 0 ? this.length : from);
  }

  /** Behind these, of the same columns. */
  join(others: ArchiveRows): void {
    for (const [i, values] of this.values.entries()) for (const value of others.values[i] ?? []) values.push(value);
    for (const offset of others.offsets) this.offsets.push(offset);
    for (const atMs of others.writtenAtMs) this.writtenAtMs.push(atMs);
  }
}
