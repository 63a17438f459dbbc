// What `millrace new` sees of how a file writes: words for "no value", forms of dates, decimal commas.

import { describe, expect, it } from '@jest/globals';
import { TableProfiler, type TableWishes } from './table-profile.js';

function profile(columns: Readonly<Record<string, readonly (string | null)[]>>, wishes: TableWishes = {}) {
  const names = Object.keys(columns);
  const table = new TableProfiler('text', names, wishes);
  const rows = Math.max(...names.map((name) => columns[name]?.length ?? 0));
  for (let row = 0; row < rows; row++) table.takeRow(names.map((name) => columns[name]?.[row]));
  return Object.fromEntries(table.profile().columns.map((column) => [column.name, column]));
}

describe('words for "no value"', () => {
  it.each([
    [['1', 'NA', '2'], 'integer', ['NA']],
    [['1.5', ' - ', 'NaN'], 'number', ['-', 'NaN']],
    [['yes', '?', 'no'], 'boolean', ['?']],
    [['2026-01-01', 'null', '2026-01-02'], 'timestamp', ['null']],
    [['1', 'x', 'NA'], 'text', []],
    [['a', '?', 'b'], 'text', ['?']],
    // Namibia.
    [['DE', 'NA', 'FR'], 'text', []],
    // A third answer.
    [['yes', 'no', 'None'], 'text', []],
  ])('%j is %s with %j missing', (values, type, missing) =>
    expect(profile({ x: values }).x).toMatchObject({ type, missing }),
  );

  it('in one column show what they mean in the others', () => {
    const { age, land } = profile({ age: ['1', 'NA', '3'], land: ['DE', 'NA', 'FR'] });
    expect(age).toMatchObject({ present: 2, missing: ['NA'] });
    expect(land).toMatchObject({ present: 2, missing: ['NA'], distinct: 2 });
  });

  it('are values like others where nothing shows it', () => {
    expect(profile({ land: ['DE', 'NA', 'NA'] }).land).toMatchObject({
      present: 3,
      distinct: 2,
      isUnique: false,
      values: [
        { text: 'NA', count: 2 },
        { text: 'DE', count: 1 },
      ],
    });
  });
});

describe('dates', () => {
  it.each([
    ['when', ['31.12.2026', '1.2.2026 10:00'], 'DD.MM.YYYY'],
    ['when', ['12/31/2026', '01/02/2026'], 'MM/DD/YYYY'],
    ['when', ['31/12/2026', '01/02/2026'], 'DD/MM/YYYY'],
    ['Flight Date', ['1/8/90 0:00', '1/31/90 0:00'], 'MM/DD/YY'],
    ['created_at', ['1700000000', '1700003600'], 'epoch-s'],
    ['ts', ['1700000000000', '1700003600000'], 'epoch-ms'],
    ['date', ['20260131', '20261231'], 'YYYYMMDD'],
    ['date', ['19580329', '20011229'], 'YYYYMMDD'],
  ])('in %s: %j are %s', (name, values, format) =>
    expect(profile({ [name]: values })[name]).toMatchObject({ type: 'timestamp', format }),
  );

  it.each([
    ['version', ['1.2.10', '1.2.11']],
    ['amount', ['1700000000', '1700003600']],
    ['date', ['20269931', '20261231']],
  ])('are none in %s: %j', (name, values) => expect(profile({ [name]: values })[name]?.type).not.toBe('timestamp'));

  it('that could be read in two ways are texts until another column or somebody says which', () => {
    const open = ['01/02/2026', '03/04/2026'];
    expect(profile({ a: open }).a).toMatchObject({ type: 'text', couldBe: ['DD/MM/YYYY', 'MM/DD/YYYY'] });
    const { a } = profile({ a: open, b: ['31/01/2026', '01/01/2026'] });
    expect(a).toMatchObject({ type: 'timestamp', format: 'DD/MM/YYYY', neverFalls: true });
    const range = { min: Date.UTC(2026, 0, 2), max: Date.UTC(2026, 2, 4) };
    expect(profile({ a: open }, { dateFormat: 'MM/DD/YYYY' }).a).toMatchObject({ format: 'MM/DD/YYYY', range });
  });
});

describe('numbers with a comma', () => {
  it.each([
    [['1,5', '2', '3,25'], { type: 'text', commas: 'all' }],
    [['1,5', '2.5'], { type: 'text', commas: 'some' }],
    [['1.5', '2'], { type: 'number' }],
    [['1,5', 'x'], { type: 'text' }],
  ])('%j', (values, expected) => expect(profile({ x: values }).x).toMatchObject(expected));

  it('are numbers where that is said', () => {
    const said = { decimal: ',' } as const;
    expect(profile({ x: ['1,5', '2', '-3,25'] }, said).x).toMatchObject({
      type: 'number',
      range: { min: -3.25, max: 2 },
    });
    expect(profile({ x: ['1.5', '2'] }, said).x?.type).toBe('text');
  });
});
