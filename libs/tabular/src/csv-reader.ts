// CSV as RFC 4180 has it and people write it, read in pieces: any delimiter, quoted fields with delimiters, line breaks
// and doubled quotes, CRLF, LF or CR, an optional byte-order mark, Excel's line "sep=;". A row with a fault (text after
// a closing quote, a quote that never closes, too large) comes with the fault instead of being guessed at; the next
// line starts anew: of a quote that never closes that is the line behind its row's first, not where it was given up. A
// delimiter behind the last field, in all lines or in all but the header, says nothing.
//
// Cost: one pass over the characters; the begun row of a piece is looked at again with the next one. Memory: one piece
// and one row, at most `rowCharactersMax`. The pieces do not change the rows.

export interface CsvRow {
  /** 0 = the first data row. */
  row: number;
  /** Of the file, where the row begins; 1 = the first. */
  line: number;
  /** null = an empty field without quotes. */
  fields: readonly (string | null)[];
  /** The row as it stood in the file. */
  text: string;
  fault: string | null;
}

/** RFC 4180 has the double one. */
export type CsvQuote = '"' | "'";

export interface CsvReaderOptions {
  delimiter?: string;
  quote?: CsvQuote;
  lineEnd?: '\n' | '\r';
  rowCharactersMax?: number;
}

/** Of a row or line of a text file: sixteen times the longest text that a column can take, and little memory. */
export const ROW_CHARACTERS_MAX = 1_048_576;
const CR = 13;
const UNCLOSED = 'a quoted field never closes';
const SEPARATOR_LINE = /^sep=.\r?$/i;

export class CsvReader {
  private readonly delimiter: string;
  private readonly lineEnd: string;
  private readonly quote: CsvQuote;
  private readonly charactersMax: number;
  private rest = '';
  private skipping = false;
  private rows = 0;
  private line = 1;
  private names: string[] | null = null;

  constructor(
    private readonly onRow: (row: CsvRow) => void,
    { delimiter = ',', lineEnd = '\n', quote = '"', rowCharactersMax = ROW_CHARACTERS_MAX }: CsvReaderOptions = {},
  ) {
    this.delimiter = delimiter;
    this.quote = quote;
    this.lineEnd = lineEnd;
    this.charactersMax = rowCharactersMax;
  }

  /** What is wrong with the header line; its names mean little then. */
  headerFault: string | null = null;

  /** Column names of the header line; null before it was read. */
  get header(): readonly string[] | null {
    return this.names;
  }

  push(piece: string): void {
    this.read(this.rest + piece, false);
  }

  end(): void {
    this.read(this.rest, true);
  }

  private read(data: string, isLast: boolean): void {
    let at = 0;
    while (at < data.length) {
      const next = this.skipping ? this.lineAfter(data, at) : this.takeRow(data, at, isLast);
      if (next < 0) break;
      at = next;
    }
    this.rest = data.slice(at);
  }

  /** Where the next line begins; the end of the data where it is not there yet. */
  private lineAfter(data: string, at: number): number {
    const end = data.indexOf(this.lineEnd, at);
    this.skipping = end < 0;
    return end < 0 ? data.length : end + 1;
  }

  /** Reads the row that begins at `start`; where the next begins, or -1 when its end is not there yet. */
  private takeRow(data: string, start: number, isLast: boolean): number {
    const limit = Math.min(data.length, start + this.charactersMax + 1);
    // Nothing behind the limit is looked at: then the pieces cannot matter.
    const isCut = limit === start + this.charactersMax + 1;
    const fields: (string | null)[] = [];
    const row = (end: number, fault: string | null) => this.endRow(fields, data.slice(start, end), fault);
    const unfinished = (fault: string | null): number => {
      const line = fault === UNCLOSED && (isCut || isLast) ? data.indexOf(this.lineEnd, start) : -1;
      if (line >= 0 && line < limit) {
        row(line, fault);
        return line + 1;
      }
      if (isCut) {
        row(limit - 1, `longer than ${this.charactersMax} characters`);
        return this.lineAfter(data, limit - 1);
      }
      if (!isLast) return -1;
      row(data.length, fault);
      return data.length;
    };
    for (let at = start; ; ) {
      const field = data[at] === this.quote && at < limit ? this.quoted(data, at, limit) : this.plain(data, at, limit);
      if (field === null) return unfinished(UNCLOSED);
      at = field.end;
      if (at >= limit) {
        // A quote at the very end may be the first of a pair.
        if (isCut || !isLast) return unfinished(null);
        fields.push(field.text);
        row(data.length, null);
        return data.length;
      }
      if (data[at] === this.delimiter) {
        fields.push(field.text);
        at += 1;
      } else if (data[at] === this.lineEnd) {
        fields.push(field.text);
        row(at, null);
        return at + 1;
      } else {
        const end = data.indexOf(this.lineEnd, at);
        if (end < 0 || end >= limit) return unfinished('text after a closing quote');
        row(end, 'text after a closing quote');
        return end + 1;
      }
    }
  }

  private plain(data: string, start: number, limit: number): { text: string | null; end: number } {
    const delimiter = this.delimiter.charCodeAt(0);
    const lineEnd = this.lineEnd.charCodeAt(0);
    let end = start;
    for (; end < limit; end++) {
      const code = data.charCodeAt(end);
      if (code === delimiter || code === lineEnd) break;
    }
    const isLineEnd = end >= data.length || data.charCodeAt(end) === lineEnd;
    const stop = isLineEnd && end > start && data.charCodeAt(end - 1) === CR ? end - 1 : end;
    // An empty field without quotes is missing; "" is an empty text.
    return { text: stop === start ? null : data.slice(start, stop), end };
  }

  /** The field whose opening quote stands at `start`, and what follows it; null when it does not close. */
  private quoted(data: string, start: number, limit: number): { text: string; end: number } | null {
    let text = '';
    for (let from = start + 1; ; ) {
      const quote = data.indexOf(this.quote, from);
      if (quote < 0 || quote >= limit) return null;
      text += data.slice(from, quote);
      if (data[quote + 1] !== this.quote) {
        let end = quote + 1;
        while (end < limit && data.charCodeAt(end) === CR && this.lineEnd !== '\r') end += 1;
        return { text, end };
      }
      text += this.quote;
      from = quote + 2;
    }
  }

  private endRow(fields: readonly (string | null)[], text: string, fault: string | null): void {
    const bare = text.endsWith('\r') ? text.slice(0, -1) : text;
    const line = this.line;
    this.line += 1 + this.breaksIn(text);
    if (fault === null && fields.length <= 1 && bare.trim() === '') return;
    if (this.names === null) {
      if (SEPARATOR_LINE.test(bare)) return;
      this.headerFault = fault;
      this.names = fields.map(columnName);
      return;
    }
    const width = this.names.length;
    const isWide = fields.length === width || this.differsByNothing(fields);
    const own = isWide ? this.headerAgain(fields) : `${fields.length} fields, the header has ${width}`;
    const wrong = fault ?? own;
    this.onRow({ row: this.rows++, line, fields, text: bare, fault: wrong });
  }

  /** Where files were put together, the first line of each stands among the rows. One column may hold its own name. */
  private headerAgain(fields: readonly (string | null)[]): string | null {
    const names = this.names as string[];
    const isAgain = names.length > 1 && names.every((name, i) => columnName(fields[i] ?? null) === name);
    return isAgain ? 'it is the header again' : null;
  }

  /** One delimiter more or less at the end of the line than in the header, with nothing behind it. */
  private differsByNothing(fields: readonly (string | null)[]): boolean {
    const names = this.names as string[];
    if (fields.length === names.length + 1) return fields.at(-1) === null;
    return fields.length === names.length - 1 && names.at(-1) === '' && fields.length > 0;
  }

  private breaksIn(text: string): number {
    let breaks = 0;
    for (let at = text.indexOf(this.lineEnd); at >= 0; at = text.indexOf(this.lineEnd, at + 1)) breaks += 1;
    return breaks;
  }
}

const columnName = (field: string | null): string => (field ?? '').replace(/^\uFEFF/, '').trim();
