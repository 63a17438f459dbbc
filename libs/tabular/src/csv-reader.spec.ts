import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CsvReader, type CsvReaderOptions, type CsvRow, ROW_CHARACTERS_MAX } from './csv-reader.js';

function read(text: string, piece = text.length, options?: CsvReaderOptions): CsvRow[] {
  const rows: CsvRow[] = [];
  const reader = new CsvReader((row) => rows.push(row), options);
  for (let at = 0; at < text.length; at += Math.max(1, piece)) reader.push(text.slice(at, at + Math.max(1, piece)));
  reader.end();
  return rows;
}
const fields = (text: string, options?: CsvReaderOptions) => read(text, text.length, options).map((row) => row.fields);

describe('CsvReader', () => {
  it.each([
    ['plain', 'a,b\n1,2\n', [['1', '2']]],
    ['no newline at the end', 'a,b\n1,2', [['1', '2']]],
    ['CRLF', 'a,b\r\n1,2\r\n', [['1', '2']]],
    ['quoted comma, newline and quote', 'a,b\n"x,y","l1\nl2 ""q"""\n', [['x,y', 'l1\nl2 "q"']]],
    ['empty is missing, quoted empty is not', 'a,b\n,""\n', [[null, '']]],
    [
      'blank lines',
      'a,b\n\n1,2\n\r\n3,4\n',
      [
        ['1', '2'],
        ['3', '4'],
      ],
    ],
    ['quote inside a plain field', 'a,b\n1"2,3\n', [['1"2', '3']]],
    ['last field empty', 'a,b\n1,\n', [['1', null]]],
    ['quoted last field with CRLF', 'a,b\r\n1,"2"\r\n', [['1', '2']]],
    ['a delimiter behind each line', 'a,b,\n1,2,\n', [['1', '2', null]]],
    ['a delimiter behind each line but the header', 'a,b\n1,2,\n', [['1', '2', null]]],
    ['a delimiter behind the header alone', 'a,b,\n1,2\n', [['1', '2']]],
  ])('%s', (_name, text, expected) => expect(fields(text)).toEqual(expected));

  it.each([
    ['semicolons', 'a;b\n1,5;"x;y"\n', { delimiter: ';' }, [['1,5', 'x;y']]],
    ['tabs', 'a\tb\n1\t\n', { delimiter: '\t' }, [['1', null]]],
    [
      'CR alone',
      'a,b\r1,2\r"x\ry",4\r',
      { lineEnd: '\r' as const },
      [
        ['1', '2'],
        ['x\ry', '4'],
      ],
    ],
    ['Excel’s separator line', 'sep=;\r\na;b\r\n1;2\r\n', { delimiter: ';' }, [['1', '2']]],
    ['lines of blanks', 'a,b\n  \n1,2\n\t\n', {}, [['1', '2']]],
    ['unicode', 'naïve,😀\nß,日本\n', {}, [['ß', '日本']]],
  ])('%s', (_name, text, options, expected) => expect(fields(text, options)).toEqual(expected));

  it('takes rows and headers of a million characters, and refuses a longer row alone', () => {
    const most = 'x'.repeat(ROW_CHARACTERS_MAX - 2);
    expect(fields(`a,${most}\n1,${most}\n`)).toEqual([['1', most]]);
    expect(read(`a,b\n1,${most}x\n3,4\n`).map(({ fault }) => fault)).toEqual(['longer than 1048576 characters', null]);
  });

  it('takes 500 columns', () => {
    const names = Array.from({ length: 500 }, (_, i) => `column_${i}`);
    expect(fields(`${names.join(',')}\n${names.map((_, i) => i).join(',')}\n`)[0]).toHaveLength(500);
  });

  it('knows the line of each row, behind empty lines and quoted line breaks', () => {
    const rows = read('a,b\n\n1,"x\ny"\n2\n3,4\n');
    expect(rows.map(({ line, fault }) => [line, fault])).toEqual([
      [3, null],
      [5, '1 fields, the header has 2'],
      [6, null],
    ]);
  });

  it('says what is wrong with a header', () => {
    const reader = new CsvReader(() => undefined);
    reader.push('"a"b,c\n1,2\n');
    expect(reader.headerFault).toContain('closing quote');
  });

  it('knows the header where it comes again, as in files that were put together', () => {
    const rows = read('\uFEFFa,b\n1,2\n\uFEFFa,b\n3,4\n"a", b\na,c\n');
    expect(rows.map(({ line, fault }) => [line, fault])).toEqual([
      [2, null],
      [3, 'it is the header again'],
      [4, null],
      [5, 'it is the header again'],
      [6, null],
    ]);
    expect(read('city\ncity\n')[0]?.fault).toBeNull();
  });

  it('takes a byte-order mark off the header', () => {
    const reader = new CsvReader(() => undefined);
    reader.push('\uFEFFa,b\n');
    expect(reader.header).toEqual(['a', 'b']);
  });

  it.each([
    ['too few fields', 'a,b\n1\n3,4\n', '1 fields'],
    ['too many fields', 'a,b\n1,2,3\n3,4\n', '3 fields'],
    ['text after a closing quote', 'a,b\n"x"y,2\n3,4\n', 'closing quote'],
  ])('%s is a fault of that row only', (_name, text, words) => {
    const rows = read(text);
    expect(rows[0]?.fault).toContain(words);
    expect(rows[0]?.row).toBe(0);
    expect(rows[1]).toMatchObject({ row: 1, fields: ['3', '4'], fault: null });
  });

  it('reads single quotes as it reads double ones, which then are characters', () => {
    const rows: unknown[] = [];
    const reader = new CsvReader(({ fields }) => rows.push(fields), { quote: "'" });
    reader.push("'a','b, c'\n'it''s','x,\ny'\n\"z\",'");
    reader.push("'\n");
    expect([reader.header, rows]).toEqual([
      ['a', 'b, c'],
      [
        ["it's", 'x,\ny'],
        ['"z"', ''],
      ],
    ]);
  });

  it('does not swallow the file behind a quote that never closes', () => {
    for (const rows of [
      read(`a,b\n"open,2\n${'3,4\n'.repeat(100)}`, 7, { rowCharactersMax: 50 }),
      // The file ends before the row is too long.
      read(`a,b\n"open,2\n${'3,4\n'.repeat(100)}`, 7),
    ]) {
      expect(rows[0]).toMatchObject({ line: 2, text: '"open,2', fault: 'a quoted field never closes' });
      expect(rows.slice(1).map(({ fields, fault }) => [...fields, fault])).toEqual(
        new Array(100).fill(['3', '4', null]),
      );
      expect(rows.at(-1)?.line).toBe(102);
    }
    expect(read('a,b\n"open')[0]?.fault).toContain('never closes');
    // One line, too long: there is no other to go on with before its end.
    const long = read(`a,b\n"${'x'.repeat(60)}\n3,4\n`, 7, { rowCharactersMax: 50 });
    expect(long.map(({ fault }) => fault)).toEqual(['longer than 50 characters', null]);
  });

  it('gives the same rows and faults whatever the pieces', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r'), maxLength: 200 });
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 40 }), (table, piece) => {
        const options = { rowCharactersMax: 12 };
        expect(read(`x,y\n${table}`, piece, options)).toEqual(read(`x,y\n${table}`, undefined, options));
      }),
    );
  });

  it('reads what was written, whatever the pieces', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', 'é', '😀'), maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 20 }), fc.integer({ min: 1, max: 9 }), (table, piece) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const text = `x,y\n${table.map((row) => row.map(quoted).join(',')).join('\n')}\n`;
        expect(read(text, piece).map((row) => row.fields)).toEqual(table);
      }),
    );
  });
});
