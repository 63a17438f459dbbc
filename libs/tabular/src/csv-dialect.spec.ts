import { describe, expect, it } from '@jest/globals';
import { findDialect } from './csv-dialect.js';

const KNOWN = ['amount', 'customer'];

describe('findDialect', () => {
  it.each([
    ['commas', 'amount,customer\n1,a\n', ','],
    ['semicolons with decimal commas', 'amount;customer\n1,5;a\n2,5;b\n', ';'],
    ['tabs', 'amount\tcustomer\n1\ta b, c\n', '\t'],
    ['pipes', 'amount|customer\n1|a\n', '|'],
    ['quoted names', '"amount";"customer"\n1,2,3;"x"\n', ';'],
    ['names that hold another delimiter', '"a,b,c,d";amount;customer\n"1,2";1;a\n', ';'],
    ['unknown names: by rows that agree', 'x;y\n1,5;2\n3;4\n', ';'],
    ['a single column', 'amount\n1\n2\n', ','],
    ['Excel’s separator line', 'sep=|\namount,customer|b\n', '|'],
    ['a byte-order mark', '\uFEFFamount;customer\n1;a\n', ';'],
    ['a header alone', 'amount;customer', ';'],
  ])('%s', (_what, sample, delimiter) =>
    expect(findDialect(sample, KNOWN, true)).toEqual({ delimiter, lineEnd: '\n', quote: '"' }),
  );

  it('finds lines that end with CR alone', () => {
    expect(findDialect('amount;customer\r1;a\r', KNOWN, true)).toEqual({ delimiter: ';', lineEnd: '\r', quote: '"' });
    expect(findDialect('amount;customer\r\n1;a\r\n', KNOWN, true)).toEqual({
      delimiter: ';',
      lineEnd: '\n',
      quote: '"',
    });
  });

  it.each([
    ['all names', "'amount','customer'\n1,'a'\n", "'"],
    ['names with the delimiter and a quote', "'a, b';'it''s'\r\n1;2\r\n", "'"],
    ['behind a mark, an empty line and Excel’s', "\uFEFFsep=;\n\n'amount'\n1\n", "'"],
    ['one name without', "'amount',customer\n", '"'],
    ['an apostrophe', "'amount,customer\n'n Sync,a\n", '"'],
    ['values alone', "amount,customer\n'1','a'\n", '"'],
    ['double quotes around', '"\'amount\'","\'customer\'"\n', '"'],
  ])('quotes are single where %s say so', (_what, sample, quote) =>
    expect(findDialect(sample, KNOWN, true).quote).toBe(quote),
  );

  it('does not take a row that the sample cuts for a fault', () => {
    expect(findDialect('x;y\n1;2\n"3;', [], false).delimiter).toBe(';');
  });
});
