// Lines of a text that comes in pieces. A line of more than `charactersMax` comes cut, with a fault; empty lines are
// passed over. Memory: one piece and one line. The pieces do not change the lines.

import { ROW_CHARACTERS_MAX } from './csv-reader.js';

export interface TextLine {
  /** 0 = the first that is not empty. */
  row: number;
  text: string;
  fault: string | null;
}

export class LineReader {
  private rest = '';
  private skipping = false;
  private rows = 0;

  constructor(
    private readonly onLine: (line: TextLine) => void,
    private readonly charactersMax = ROW_CHARACTERS_MAX,
  ) {}

  push(piece: string): void {
    const data = this.rest + piece;
    let at = 0;
    for (let end = data.indexOf('\n'); end >= 0; end = data.indexOf('\n', at)) {
      this.take(data.slice(at, end));
      at = end + 1;
    }
    this.rest = data.slice(at);
    if (this.rest.length <= this.charactersMax) return;
    this.take(this.rest);
    this.rest = '';
    this.skipping = true;
  }

  end(): void {
    this.take(this.rest);
    this.rest = '';
  }

  private take(line: string): void {
    const isRest = this.skipping;
    this.skipping = false;
    if (isRest || line.trim() === '') return;
    const { charactersMax } = this;
    const fault = line.length > charactersMax ? `longer than ${charactersMax} characters` : null;
    this.onLine({ row: this.rows++, text: line.slice(0, charactersMax), fault });
  }
}
