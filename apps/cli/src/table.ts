// Tables with aligned columns, numbers to the right, and lines that fit a terminal. A table that is wider than the
// terminal gives way where it costs least: its last text column goes on below itself, then the widest other texts are
// cut. Where there is no terminal nothing is cut.

export type Cell = string | number;

/** Ids keep their shown length, and a word of a sentence finds room. */
const COLUMN_MIN = 12;
const LAST_COLUMN_MIN = 24;
const GAP = 2;
/** Above, it is a wide screen and no reason to spread. */
const LINE_MIN = 20;

const NUMBER = /^(?:[<>] )?[-+]?\d[\d.,]*(?: ?%)?$/;
/** What stands for a number that is not there. */
const NO_NUMBER = new Set(['', '-', '?', 'none', 'NaN']);
const WIDE =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1FAFF}]/u;
const UNSEEN = /\p{Mark}/u;

/** Columns of a terminal that a text takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += UNSEEN.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** @param width of the terminal; absent = none is looking */
export function table(headers: readonly string[], rows: readonly (readonly Cell[])[], width?: number): string {
  const numeric = headers.map((_, c) => isNumeric(rows.map((row) => row[c] ?? '')));
  const cells = [headers, ...rows.map((row) => headers.map((_, c) => oneLine(String(row[c] ?? ''))))];
  const widths = headers.map((_, c) => Math.max(...cells.map((row) => widthOf(row[c] as string))));
  const fitted = width === undefined ? widths : narrowed(widths, numeric, width);
  return cells.flatMap((row) => linesOf(row, fitted, numeric)).join('\n');
}

const oneLine = (text: string): string => text.replace(/[\r\n\t]+/g, ' ');

function isNumeric(cells: readonly Cell[]): boolean {
  const isNumber = (cell: Cell) => typeof cell === 'number' || NUMBER.test(cell);
  return cells.some(isNumber) && cells.every((cell) => isNumber(cell) || NO_NUMBER.has(String(cell)));
}

function narrowed(widths: readonly number[], numeric: readonly boolean[], width: number): number[] {
  const fitted = [...widths];
  const last = fitted.length - 1;
  const excess = () => fitted.reduce((sum, one) => sum + one + GAP, -GAP) - width;
  const narrow = (c: number, min: number) => {
    const now = fitted[c] as number;
    fitted[c] = Math.max(Math.min(now, min), now - Math.max(0, excess()));
  };
  if (numeric[last] === false) narrow(last, LAST_COLUMN_MIN);
  while (excess() > 0) {
    const texts = fitted.flatMap((one, c) => (c < last && numeric[c] === false && one > COLUMN_MIN ? [c] : []));
    if (texts.length === 0) break;
    const widest = texts.reduce((best, c) => ((fitted[c] as number) > (fitted[best] as number) ? c : best));
    fitted[widest] = (fitted[widest] as number) - 1;
  }
  return fitted;
}

function linesOf(row: readonly string[], widths: readonly number[], numeric: readonly boolean[]): string[] {
  const last = row.length - 1;
  const [end = '', ...more] = wordWrap(row[last] ?? '', widths[last] ?? 0);
  const shown = row.map((cell, c) => {
    const width = widths[c] as number;
    const text = c === last ? end : cut(cell, width);
    const space = ' '.repeat(Math.max(0, width - widthOf(text)));
    return numeric[c] ? space + text : text + space;
  });
  const before = ' '.repeat(widths.slice(0, last).reduce((sum, one) => sum + one + GAP, 0));
  return [shown.join(' '.repeat(GAP)).trimEnd(), ...more.map((text) => before + text)];
}

export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let shown = '';
  for (const character of text) {
    if (widthOf(shown + character) >= width) break;
    shown += character;
  }
  return `${shown}…`;
}

/** At spaces; a longer word stays whole, so that it can be copied. */
function wordWrap(text: string, width: number): string[] {
  if (widthOf(text) <= width) return [text];
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const open = lines.at(-1);
    if (open === undefined || widthOf(open) + 1 + widthOf(word) > width) lines.push(word);
    else lines[lines.length - 1] = `${open} ${word}`;
  }
  return lines;
}

/** A text of lines for a terminal of that width: what is longer goes on below, a little further in. */
export function fitted(text: string, width: number | undefined): string {
  if (width === undefined || width < LINE_MIN) return text;
  return text
    .split('\n')
    .flatMap((line) => {
      if (widthOf(line) <= width) return [line];
      const [indent = ''] = /^ */.exec(line) ?? [];
      const further = `${indent}  `;
      return wordWrap(line.slice(indent.length), width - further.length).map(
        (part, i) => (i === 0 ? indent : further) + part,
      );
    })
    .join('\n');
}
