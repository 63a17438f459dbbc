// CSV as RFC 4180 has it, read in pieces: quoted fields with commas, line breaks and doubled quotes, CRLF or LF, an
// optional byte-order mark (the caller decodes UTF-8). A row with a fault (text after a closing quote, a quote that
// never closes, too large) comes with the fault instead of being guessed at; the next line starts anew.
//
// Cost: one pass over the characters. Memory: one row, at most `rowCharactersMax`.

export interface CsvRow {
  /** 0 = the first data row. */
  row: number;
  fields: readonly (string | null)[];
  /** The row as it stood in the file. */
  text: string;
  fault: string | null;
}

type State = 'start' | 'plain' | 'quoted' | 'quote' | 'skip';

export class CsvReader {
  private state: State = 'start';
  private fields: (string | null)[] = [];
  private field = '';
  private wasQuoted = false;
  private text = '';
  private fault: string | null = null;
  private rows = 0;
  private names: string[] | null = null;

  constructor(
    private readonly onRow: (row: CsvRow) => void,
    private readonly rowCharactersMax = 65_536,
  ) {}

  /** Column names of the header line; null before it was read. */
  get header(): readonly string[] | null {
    return this.names;
  }

  push(piece: string): void {
    for (let i = 0; i < piece.length; i++) this.take(piece[i] as string);
  }

  end(): void {
    if (this.state === 'quoted') this.fault ??= 'a quoted field never closes';
    if (this.text !== '') this.endRow();
  }

  private take(c: string): void {
    if (c === '\n' && this.state !== 'quoted') {
      this.endRow();
      return;
    }
    if (this.text.length < this.rowCharactersMax) this.text += c;
    else this.fault ??= `longer than ${this.rowCharactersMax} characters`;
    if (this.fault !== null && this.text.length >= this.rowCharactersMax) this.state = 'skip';
    switch (this.state) {
      case 'start':
        if (c === ',') this.endField();
        else if (c === '"') {
          this.state = 'quoted';
          this.wasQuoted = true;
        } else {
          this.field = c;
          this.state = 'plain';
        }
        break;
      case 'plain':
        if (c === ',') this.endField();
        else this.field += c;
        break;
      case 'quoted':
        if (c === '"') this.state = 'quote';
        else this.field += c;
        break;
      case 'quote':
        if (c === '"') {
          this.field += '"';
          this.state = 'quoted';
        } else if (c === ',') this.endField();
        else if (c !== '\r') {
          this.fault ??= 'text after a closing quote';
          this.state = 'skip';
        }
        break;
      case 'skip':
        break;
    }
  }

  private endField(): void {
    // An empty field without quotes is missing; "" is an empty text.
    this.fields.push(this.field === '' && !this.wasQuoted ? null : this.field);
    this.field = '';
    this.wasQuoted = false;
    this.state = 'start';
  }

  private endRow(): void {
    const blank = this.text === '' || this.text === '\r';
    if (this.state === 'plain' && this.field.endsWith('\r')) this.field = this.field.slice(0, -1);
    this.endField();
    const { fields, text, fault } = this;
    this.fields = [];
    this.text = '';
    this.fault = null;
    if (blank) return;
    const bare = text.endsWith('\r') ? text.slice(0, -1) : text;
    if (this.names === null) {
      this.names = fields.map((name) => (name ?? '').replace(/^\uFEFF/, '').trim());
      return;
    }
    const width = this.names.length;
    const wrong =
      fault === null && fields.length !== width ? `${fields.length} fields, the header has ${width}` : fault;
    this.onRow({ row: this.rows++, fields, text: bare, fault: wrong });
  }
}
