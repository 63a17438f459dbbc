// Protocol buffers' text form, as config.pbtxt is written in it, to a tree with places. Knows no schema: which fields
// exist and what they hold is config-text.codec.ts's part. Every fault is collected with its line and column, and
// reading goes on behind it, so that one look shows them all.
//
//   message = { field [","|";"] }
//   field   = name ( ":" value | [":"] message | [":"] "[" [ element { "," element } ] "]" )
//   message = "{" … "}" | "<" … ">"        value = ["-"] number | ["-"] name | string { string }        "# comment"

/** Line and column from 1; columns count UTF-16 units. */
export interface Place {
  line: number;
  column: number;
}

export interface Fault extends Place {
  what: string;
}

export interface TextScalar extends Place {
  kind: 'number' | 'name' | 'string';
  /** As written, with "-" in front of numbers and names; decoded for strings. */
  text: string;
}

export interface TextMessage extends Place {
  kind: 'message';
  fields: TextField[];
}

export type TextValue = TextScalar | TextMessage;

export interface TextField extends Place {
  name: string;
  /** More than one, or none, only where it was written as a list. */
  values: TextValue[];
  list: boolean;
}

export interface ParsedText {
  root: TextMessage;
  faults: Fault[];
}

/** Faults that are told; a file that is no text proto at all would have one per line. */
export const FAULTS_MAX = 50;
const DEPTH_MAX = 32;
/** Fields and list elements of one file; a configuration has some hundreds. */
const VALUES_MAX = 100_000;

interface Token extends Place {
  kind: 'name' | 'number' | 'string' | 'mark' | 'end';
  text: string;
}

const SPACE = /[ \t\r\n\f\v]+|#[^\n]*/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /0[xX][0-9A-Fa-f]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?/y;

class Tokens {
  private at = 0;
  private line = 1;
  private lineStart = 0;
  private next: Token | undefined;

  constructor(
    private readonly text: string,
    private readonly fault: (place: Place, what: string) => void,
  ) {}

  peek(): Token {
    this.next ??= this.read();
    return this.next;
  }

  take(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.next = undefined;
    return token;
  }

  /** Nothing more is read: what is left reads as the end. */
  stop(): void {
    this.at = this.text.length;
    this.next = undefined;
  }

  private place(): Place {
    return { line: this.line, column: this.at - this.lineStart + 1 };
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text)?.[0];
  }

  private advance(taken: string): void {
    for (let i = taken.indexOf('\n'); i >= 0; i = taken.indexOf('\n', i + 1)) {
      this.line++;
      this.lineStart = this.at + i + 1;
    }
    this.at += taken.length;
  }

  private read(): Token {
    for (let space = this.match(SPACE); space !== undefined; space = this.match(SPACE)) this.advance(space);
    const place = this.place();
    if (this.at >= this.text.length) return { kind: 'end', text: 'the end of the file', ...place };
    const name = this.match(NAME);
    if (name !== undefined) {
      this.advance(name);
      return { kind: 'name', text: name, ...place };
    }
    const number = this.match(NUMBER);
    if (number !== undefined) {
      this.advance(number);
      return { kind: 'number', text: number, ...place };
    }
    const mark = String.fromCodePoint(this.text.codePointAt(this.at) as number);
    if (mark === '"' || mark === "'") return this.quoted(place, mark);
    this.advance(mark);
    return { kind: 'mark', text: mark, ...place };
  }

  private quoted(place: Place, quote: string): Token {
    const { text } = this;
    let end = this.at + 1;
    while (end < text.length && text[end] !== quote && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1;
    end = Math.min(end, text.length);
    const inside = text.slice(this.at + 1, end);
    const closed = text[end] === quote;
    if (!closed) this.fault(place, 'a text that its line does not end');
    this.advance(text.slice(this.at, closed ? end + 1 : end));
    return { kind: 'string', text: this.unescaped(inside, place), ...place };
  }

  private unescaped(text: string, place: Place): string {
    return text.includes('\\') ? decodeEscapes(text, (what) => this.fault(place, what)) : text;
  }
}

const SIMPLE: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '?': '?',
};

const ESCAPES = /(?:\\(?:[0-7]{1,3}|x[0-9A-Fa-f]{1,2}))+|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|\\[\s\S]?/g;

/** \ooo and \xhh are bytes of UTF-8, so that a run of them is decoded together; \u and \U are code points. */
function decodeEscapes(text: string, fault: (what: string) => void): string {
  return text.replace(ESCAPES, (escaped) => {
    const kind = escaped[1] ?? '';
    if (escaped.length === 2 && kind in SIMPLE) return SIMPLE[kind] as string;
    if (/^[0-7x]/.test(kind) && escaped !== '\\x') {
      const bytes = Array.from(escaped.matchAll(/\\(?:x([0-9A-Fa-f]+)|([0-7]+))/g), ([, hex, octal]) =>
        hex === undefined ? Number.parseInt(octal as string, 8) : Number.parseInt(hex, 16),
      );
      if (bytes.some((byte) => byte > 255)) fault(`'${escaped}' is above a byte`);
      const decoded = decodeUtf8(bytes);
      if (decoded === undefined) fault(`'${escaped}' is no UTF-8`);
      return decoded ?? '';
    }
    if (escaped.length > 2) {
      const code = Number.parseInt(escaped.slice(2), 16);
      if (code <= 0x10ffff) return String.fromCodePoint(code);
    }
    fault(`unknown escape '${escaped}'`);
    return '';
  });
}

/** undefined where the bytes are no UTF-8. */
function decodeUtf8(bytes: readonly number[]): string | undefined {
  try {
    return decodeURIComponent(bytes.map((byte) => `%${(byte & 255).toString(16).padStart(2, '0')}`).join(''));
  } catch {
    return undefined;
  }
}

class Parser {
  readonly faults: Fault[] = [];
  private readonly tokens: Tokens;
  private values = 0;

  constructor(text: string) {
    this.tokens = new Tokens(text, (place, what) => this.fault(place, what));
  }

  private fault({ line, column }: Place, what: string): void {
    if (this.faults.length < FAULTS_MAX) this.faults.push({ line, column, what });
  }

  private count(place: Place): void {
    if (++this.values <= VALUES_MAX) return;
    this.fault(place, `more than ${VALUES_MAX} values`);
    this.tokens.stop();
  }

  root(): TextMessage {
    const message: TextMessage = { kind: 'message', fields: [], line: 1, column: 1 };
    while (this.tokens.peek().kind !== 'end') {
      this.fields(message, 0);
      const token = this.tokens.take();
      if (token.kind !== 'end') this.fault(token, `'${token.text}' closes nothing`);
    }
    return message;
  }

  /** Fields up to a closing mark, which is left to the caller. */
  private fields(into: TextMessage, depth: number): void {
    for (;;) {
      const token = this.tokens.peek();
      const mark = token.kind === 'mark' ? token.text : '';
      if (token.kind === 'end' || mark === '}' || mark === '>') return;
      if (mark === ',' || mark === ';') this.tokens.take();
      else if (token.kind === 'name') this.field(into, depth);
      else this.stray(token);
    }
  }

  private stray(token: Token): void {
    this.tokens.take();
    const named = token.kind === 'mark' && token.text === '[' ? 'an extension name' : `'${token.text.slice(0, 32)}'`;
    this.fault(token, `expected a field name, not ${named}`);
    this.resume(token.line);
  }

  /** After a fault: to the next line, or to a mark that opens or closes a message. */
  private resume(line: number): void {
    for (;;) {
      const token = this.tokens.peek();
      if (token.kind === 'end' || token.line !== line) return;
      if (token.kind === 'mark' && '{}<>'.includes(token.text)) return;
      this.tokens.take();
    }
  }

  private field(into: TextMessage, depth: number): void {
    const { text: name, line, column } = this.tokens.take();
    const field: TextField = { name, values: [], list: false, line, column };
    into.fields.push(field);
    this.count(field);
    let token = this.tokens.peek();
    const colon = token.kind === 'mark' && token.text === ':';
    if (colon) {
      this.tokens.take();
      token = this.tokens.peek();
    }
    const opens = token.kind === 'mark' ? token.text : '';
    if (opens === '[') this.list(field, depth);
    else if (opens === '{' || opens === '<') field.values.push(this.message(depth));
    else if (!colon) {
      this.fault(token, `expected ':' or '{' after '${name}'`);
      // A value without its colon is read all the same, so that what follows is not blamed.
      if (token.line === line && token.kind !== 'mark' && token.kind !== 'end') this.scalar(field);
    } else this.scalar(field);
  }

  private message(depth: number): TextMessage {
    const open = this.tokens.take();
    const close = open.text === '{' ? '}' : '>';
    const message: TextMessage = { kind: 'message', fields: [], line: open.line, column: open.column };
    if (depth === DEPTH_MAX) {
      this.fault(open, `more than ${DEPTH_MAX} messages within each other`);
      this.tokens.stop();
      return message;
    }
    this.fields(message, depth + 1);
    const token = this.tokens.peek();
    if (token.kind === 'end') this.fault(open, `'${open.text}' is never closed`);
    else {
      this.tokens.take();
      if (token.text !== close) this.fault(token, `expected '${close}' for '${open.text}' of line ${open.line}`);
    }
    return message;
  }

  private list(field: TextField, depth: number): void {
    const open = this.tokens.take();
    field.list = true;
    for (;;) {
      const token = this.tokens.peek();
      const mark = token.kind === 'mark' ? token.text : '';
      if (mark === ']') {
        this.tokens.take();
        return;
      }
      if (token.kind === 'end' || mark === '}' || mark === '>') {
        this.fault(open, "'[' is never closed");
        return;
      }
      if (mark === ',') this.tokens.take();
      else if (mark === '{' || mark === '<') field.values.push(this.message(depth));
      else if (!this.scalar(field)) this.tokens.take();
      this.count(token);
    }
  }

  /** One value into the field; false where there is none, with the fault told. */
  private scalar(field: TextField): boolean {
    let token = this.tokens.peek();
    const { line, column } = token;
    const negative = token.kind === 'mark' && token.text === '-';
    if (negative) {
      this.tokens.take();
      token = this.tokens.peek();
    }
    if (token.kind === 'mark' || token.kind === 'end' || (negative && token.kind === 'string')) {
      const found = token.kind === 'end' ? token.text : `'${token.text.slice(0, 32)}'`;
      this.fault(token, `expected a value for '${field.name}', not ${found}`);
      return false;
    }
    this.tokens.take();
    let { text } = token;
    if (token.kind === 'string') {
      // Texts beside each other are one.
      while (this.tokens.peek().kind === 'string') text += this.tokens.take().text;
    }
    field.values.push({ kind: token.kind, text: negative ? `-${text}` : text, line, column });
    return true;
  }
}

/** Never throws; a tree with faults holds what could be read. */
export function parseTextProto(text: string): ParsedText {
  const parser = new Parser(text.startsWith('\uFEFF') ? text.slice(1) : text);
  const root = parser.root();
  return { root, faults: parser.faults };
}
