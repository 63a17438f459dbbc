// One bad value among thousands takes a column neither its times nor its numbers, and is told where it stands.

import { describe, expect, it } from '@jest/globals';
import { parseProject } from '../parse-project.js';
import { textValue } from '../text-value.js';
import { doubtOf } from './doubtful-values.js';
import { projectText } from './project-text.js';
import { propose, type Wishes } from './proposal.js';
import { TableProfiler, type TableWishes } from './table-profile.js';

const NOW_MS = Date.UTC(2026, 0, 1);
const ROWS = 3_002;

const two = (number: number) => String(number).padStart(2, '0');
const german = (row: number) => `${two(1 + (row % 28))}.${two(1 + (row % 12))}.2024`;
const american = (row: number) => `${two(1 + (row % 12))}/${two(1 + (row % 28))}/2024`;
const iso = (row: number) => `2024-${two(1 + (row % 12))}-${two(1 + (row % 28))}`;
const digits = (row: number) => `2024${two(1 + (row % 12))}${two(1 + (row % 28))}`;
const seconds = (row: number) => String(1_700_000_000 + row * 60);

/** A column of orders in which rows hold something else. */
function orders(
  of: (row: number) => string,
  odd: Readonly<Record<number, string>>,
  wishes: TableWishes = {},
  rows = ROWS,
) {
  const table = new TableProfiler('text', ['order_date', 'Betrag', 'bezahlt'], wishes);
  for (let row = 1; row <= rows; row++)
    table.takeRow([odd[row] ?? of(row), `${row / 4}`, row % 3 === 0 ? 'ja' : 'nein']);
  return table.profile();
}

const proposed = (table: ReturnType<typeof orders>, wishes: Wishes = {}) =>
  propose(table, 'bestellungen.csv', { label: 'bezahlt=ja', ...wishes }, NOW_MS);

// Symptom: "its dates may be DD.MM.YYYY or DD/MM/YYYY or …" of a column in which no value has any of these forms.
it('digits alone among ISO dates are told as what they are, not as a question between forms that nobody wrote', () => {
  const table = orders(iso, { 11: '0' });
  expect(table.columns[0]).toMatchObject({ type: 'text', nearTimes: { form: 'ISO 8601', misfits: { row: 11 } } });
  expect(table.columns[0]).not.toHaveProperty('couldBe');
  expect(() => proposed(table, { eventTime: 'order_date' })).toThrow(
    "1 value of 'order_date' (of 3,002) is no ISO 8601, in row 11: '0'; digits alone would be read as milliseconds",
  );
});

describe('one bad date in 3,002 rows takes the event time away', () => {
  it.each([
    ['DD.MM.YYYY', german, '41.02.2024', 'DD.MM.YYYY'],
    ['DD.MM.YYYY', german, 'kaputt', 'DD.MM.YYYY'],
    ['MM/DD/YYYY', american, '13/41/2024', 'MM/DD/YYYY'],
    [undefined, iso, '2024-02-41', 'ISO 8601 time'],
    [undefined, iso, 'kaputt', 'ISO 8601 time'],
    ['YYYYMMDD', digits, '20240241', 'YYYYMMDD'],
    ['YYYYMMDD', digits, 'kaputt', 'YYYYMMDD'],
    ['epoch-s', seconds, 'kaputt', 'epoch-s'],
  ] as const)('%s, %p, %s', (format, of, text, form) => {
    for (const at of [1, 1_502]) {
      const table = orders(of, { [at]: text });
      const [column] = table.columns;
      expect(column).toMatchObject({ type: 'timestamp', present: ROWS, misfits: { count: 1, row: at, text } });
      expect(column?.format).toBe(format);
      const place = at === 1 ? '1' : '1,502';
      const doubt = `1 value is no ${form}, in row ${place}: '${text}'; ingest refuses such rows, mend them in the file`;
      expect(doubtOf(column as NonNullable<typeof column>)).toBe(doubt);
      const proposal = proposed(table);
      expect(proposal.eventTime.column?.name).toBe('order_date');
      const file = projectText(proposal, 'bestellungen.csv');
      expect(file).toMatch(new RegExp(`- \\{ name: order_date, .*event time, ${doubt.replaceAll('.', '\\.')}`));
      const parsed = parseProject(file, 'project.yaml');
      if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.faults));
      // It stays a text, which no timestamp is: ingest refuses the row with it.
      const spec = parsed.project.data.columns.find(({ name }) => name === 'order_date');
      expect(typeof textValue(spec as NonNullable<typeof spec>, text)).toBe('string');
    }
  });

  it('until more than 1 in 100 is bad: then it says how many are, and the first', () => {
    const bad = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [100 + i * 7, `${two(32 + (i % 60))}.01.2024`]));
    expect(orders(german, bad(30)).columns[0]).toMatchObject({ type: 'timestamp', misfits: { count: 30, row: 100 } });
    const table = orders(german, bad(31));
    expect(table.columns[0]?.type).toBe('text');
    const told = "31 values of 'order_date' (of 3,002) are no DD.MM.YYYY, the first in row 100: '32.01.2024'";
    expect(proposed(table).eventTime).toMatchObject({ column: null, why: expect.stringContaining(told) });
    expect(() => proposed(table, { eventTime: 'order_date' })).toThrow(
      `--event-time: ${told}; at most 1 in 100 may be none`,
    );
  });

  it('a form that was named holds, where another would fit more of them', () => {
    const early = (row: number) => `${two(1 + (row % 12))}/${two(1 + (row % 9))}/2024`;
    expect(orders(early, { 7: '02/13/2024' }).columns[0]).toMatchObject({ format: 'MM/DD/YYYY' });
    expect(orders(early, { 7: '02/13/2024' }, { dateFormat: 'DD/MM/YYYY' }).columns[0]).toMatchObject({
      format: 'DD/MM/YYYY',
      misfits: { count: 1, row: 7, text: '02/13/2024' },
    });
  });

  it('where the form that was named does not fit, it says so of that form', () => {
    const table = orders((row) => `order ${row}`, {}, { dateFormat: 'DD.MM.YYYY' });
    expect(() => proposed(table, { eventTime: 'order_date' })).toThrow(
      "3,002 values of 'order_date' (of 3,002) are no DD.MM.YYYY, the first in row 1: 'order 1'",
    );
    expect(proposed(table).eventTime.why).toBe('no column looks like it');
  });

  it.each([
    ['a digit typed twice, which ingest would read as milliseconds', iso, { 5: '20240201' }, ROWS],
    ['too few rows for a typo', german, { 5: '41.02.2024' }, 99],
    ['two ways to read the others', (row: number) => `01/0${1 + (row % 9)}/2024`, { 5: 'kaputt' }, ROWS],
  ] as const)('not beside %s', (_what, of, odd, rows) => {
    expect(orders(of, odd, {}, rows).columns[0]?.type).toBe('text');
  });
});

describe('a typo in a column of numbers is swallowed for good', () => {
  const withWord = (...rows: readonly number[]) => {
    const table = new TableProfiler('text', ['Betrag', 'bezahlt']);
    for (let row = 1; row <= 200; row++)
      table.takeRow([rows.includes(row) ? 'kaputt' : `${row / 4}`, row % 3 === 0 ? 'ja' : 'nein'], row + 10);
    return table.profile();
  };

  it.each([
    [[77], "'kaputt' (row 87) is taken for no value"],
    [[77, 78, 90], "'kaputt' (3 rows, the first is row 87) is taken for no value"],
  ])('in rows %j', (rows, told) => {
    const table = withWord(...rows);
    expect(table.columns[0]).toMatchObject({ type: 'number', missing: ['kaputt'] });
    const text = projectText(proposed(table), 'bestellungen.csv');
    const line = text.split('\n').find((one) => one.includes('name: Betrag, type'));
    expect(line).toContain(`missing: ["kaputt"] } # `);
    expect(line).toContain(`${told}; where it is a typo, take it out of 'missing' and mend the file`);
  });

  // Symptom: with a second one the column was a text, left out for having too many values, and nothing was said.
  it.each([
    ['amounts', (row: number) => `${row / 4}`],
    ['digits', (row: number) => `${row % 7}`],
    ['epoch times', (row: number) => `${1_700_000_000_000 + row * 60_000}`],
  ])('a second one makes a text of %s, and is told', (_what, of) => {
    const table = new TableProfiler('text', ['Betrag', 'bezahlt']);
    for (let row = 1; row <= 300; row++)
      table.takeRow([{ 11: 'oops', 40: 'n.a!' }[row] ?? of(row), row % 3 === 0 ? 'ja' : 'nein']);
    const [column] = table.profile().columns;
    expect(column).toMatchObject({ type: 'text', nearNumbers: { count: 2, row: 11, text: 'oops' } });
    expect(doubtOf(column as NonNullable<typeof column>)).toBe(
      "2 values are no numbers, the first in row 11: 'oops', so that all are taken for texts; mend them in the file, and run `new` again",
    );
  });

  it('is not where more are none, nor in names made of digits', () => {
    for (const value of [(row: number) => (row % 50 === 0 ? 'x' : `${row}`), (row: number) => `00${row}`]) {
      const table = new TableProfiler('text', ['Betrag']);
      for (let row = 1; row <= 300; row++) table.takeRow([value(row)]);
      expect(table.profile().columns[0]).not.toHaveProperty('nearNumbers');
    }
  });

  it('it does not hide that the others are written with a decimal comma', () => {
    for (const [decimal, expected] of [
      ['.', { type: 'text', commas: 'all' }],
      [',', { type: 'number', ownWord: { count: 1, row: 77, text: 'kaputt' } }],
    ] as const) {
      const table = new TableProfiler('text', ['Betrag'], { decimal });
      for (let row = 1; row <= 200; row++) table.takeRow([row === 77 ? 'kaputt' : `${row},25`]);
      expect(table.profile().columns[0]).toMatchObject(expected);
    }
  });

  it('nothing is said of words that everybody takes for no value', () => {
    const table = new TableProfiler('text', ['Betrag']);
    for (let row = 1; row <= 200; row++) table.takeRow([row === 77 ? 'n/a' : `${row / 4}`]);
    const [column] = table.profile().columns;
    expect(column).toMatchObject({ missing: ['n/a'] });
    expect(doubtOf(column as NonNullable<typeof column>)).toBeUndefined();
  });
});
