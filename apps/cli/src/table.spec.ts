import { describe, expect, it } from '@jest/globals';
import { fitted, table, widthOf } from './table.js';

describe('a table', () => {
  it('has numbers and their heads to the right, also where one is missing', () => {
    const rows = [
      ['loans', 3, '0.7123', 'calm'],
      ['churn', 12_000, '-', 'stopped'],
    ];
    expect(table(['project', 'rows', 'auc', 'loop'], rows)).toBe(
      ['project   rows     auc  loop', 'loans        3  0.7123  calm', 'churn    12000       -  stopped'].join('\n'),
    );
  });

  it('counts the columns of a terminal, not characters', () => {
    expect([widthOf('Möbel'), widthOf('Mo\u0308bel'), widthOf('家具')]).toEqual([5, 5, 4]);
    expect(
      table(
        ['of', 'n'],
        [
          ['家具', 1],
          ['car', 2],
        ],
      ),
    ).toBe('of    n\n家具  1\ncar   2');
  });

  const wide = [
    ['0123456789ab', 'a column with a long name that says much', 7, 'a reason of so many words that no line holds it'],
  ];
  const heads = ['id', 'column', 'row', 'reason'];

  it('goes on below in its last column and cuts others where the terminal is narrow, but no id and no number', () => {
    const lines = table(heads, wide, 60).split('\n');
    expect(lines.every((line) => widthOf(line) <= 60)).toBe(true);
    expect(lines[1]).toMatch(/^0123456789ab {2}a column with.*… {4}7 {2}a reason/);
    expect(
      lines
        .slice(1)
        .map((line) => line.slice(-24).trim())
        .join(' '),
    ).toContain('no line holds it');
  });

  it('cuts nothing where nobody looks', () =>
    expect(table(heads, wide)).toContain('that says much    7  a reason of so many words that no line'));

  it('is a table whatever a cell holds', () => expect(table(['a', 'b'], [['x\ny', 'z\tq']])).toBe('a    b\nx y  z q'));
});

describe('lines of a terminal', () => {
  it('go on below, further in, and at spaces only', () => {
    expect(fitted('short\n  one two three four five six', 20)).toBe('short\n  one two three\n    four five six');
    expect(fitted(`  ${'x'.repeat(30)}`, 20)).toBe(`  ${'x'.repeat(30)}`);
    expect(fitted('one two three four five six', undefined)).toBe('one two three four five six');
  });
});
