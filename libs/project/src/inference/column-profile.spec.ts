import { describe, expect, it } from '@jest/globals';
import { ColumnProfiler, type ValueSource } from './column-profile.js';

function profile(values: readonly unknown[], source: ValueSource = 'text', valuesMax = 100) {
  const profiler = new ColumnProfiler('x', source, valuesMax);
  for (const [i, value] of values.entries()) profiler.take(value, i + 1);
  return profiler.profile();
}

describe('the type of a column of texts', () => {
  it.each([
    ['integer', ['1', '-2', '+3']],
    ['integer', ['1', '0', '1']],
    ['number', ['1', '2.5']],
    ['number', ['1.0', '2.0', '1e3', ' 7 ']],
    ['boolean', ['true', 'FALSE', 'true']],
    ['timestamp', ['2024-01-01', '2024-01-01T05:00:00Z', '2024-01-02 05:00']],
    ['text', ['2023-02-30']],
    ['text', ['red', 'blue']],
    ['text', ['1', 'x']],
    // A double drops what tells them apart.
    ['text', ['9007199254740993', '9007199254740992']],
    ['text', ['00123', '00124']],
    ['text', ['true', 'true']],
    ['integer', ['NaN', '1']],
    ['text', []],
  ] as const)('is %s for %j', (type, values) => expect(profile(values).type).toBe(type));

  const numbers = Array.from({ length: 40 }, (_, i) => `${i * 1.5}`);
  it.each([
    ['among them', [...numbers.slice(0, 20), 'k.A.', ...numbers.slice(20), 'k.A.'], ['k.A.']],
    ['first of all', ['n/v', 'n/v', ...numbers], ['n/v']],
    ['with white space', [...numbers, ' offen ', ' offen '], ['offen']],
  ])('is number beside one word for no value, whatever it is called: %s', (_where, values, missing) => {
    expect(profile(values)).toMatchObject({ type: 'number', present: 40, distinct: 40, missing });
  });

  it.each([
    ['two words', [...numbers, 'k.A.', 'offen'], 42],
    ['a word of most rows', [...numbers, ...numbers.map(() => 'EG'), 'EG'], 81],
    ['few numbers, as of floors', ['1', '2', '3', 'EG', '2', 'EG'], 6],
    ['no number', ['EG', 'EG', 'EG'], 3],
  ])('is text beside %s', (_what, values, present) => {
    const found = profile(values);
    expect(found).toMatchObject({ type: 'text', present, missing: [] });
    expect(found.values.reduce((sum, { count }) => sum + count, 0)).toBe(present);
  });

  it('does not look at what is missing', () => {
    expect(profile(['1', null, '', '  ', '2'])).toMatchObject({ type: 'integer', present: 2, distinct: 2 });
  });
});

describe('the type of a column of typed values', () => {
  it.each([
    ['integer', [1, 2, null]],
    ['number', [1, 2.5, Number.NaN]],
    ['boolean', [true, false]],
    ['timestamp', ['2024-01-01', '2024-02-01']],
    // What JSON writes as text ingest takes as text.
    ['text', ['1', '2']],
    ['text', [1, 'x']],
  ] as const)('is %s for %j', (type, values) => expect(profile(values, 'typed').type).toBe(type));

  it('is none for lists and objects', () => {
    expect(profile([[1], { a: 1 }], 'typed')).toMatchObject({ isNested: true });
  });
});

describe('what else is known of a column', () => {
  it('is how often a value comes, the most frequent first', () => {
    const { values, distinct, isUnique, longest } = profile(['b', 'a', 'b', 'ccc']);
    expect(values).toEqual([
      { text: 'b', count: 2 },
      { text: 'a', count: 1 },
      { text: 'ccc', count: 1 },
    ]);
    expect([distinct, isUnique, longest]).toEqual([3, false, 3]);
  });

  it('is whether it only rises, and whether it counts the rows', () => {
    expect(profile(['1', '2', '3'])).toMatchObject({ neverFalls: true, countsRows: true, range: { min: 1, max: 3 } });
    expect(profile(['1', '2', '2', '4'])).toMatchObject({ neverFalls: true, countsRows: false });
    expect(profile(['1', '3', '2'])).toMatchObject({ neverFalls: false, countsRows: false });
    expect(profile(['2024-01-01', '2024-01-02'])).toMatchObject({ neverFalls: true });
    expect(profile(['2024-01-02', '2024-01-01'])).toMatchObject({ neverFalls: false });
    expect(profile(['a', 'b'])).toMatchObject({ neverFalls: false, range: null });
  });

  it('says where more values came than are kept, and still knows that none came twice', () => {
    const many = Array.from({ length: 50 }, (_, i) => `k${i}`);
    expect(profile(many, 'text', 10)).toMatchObject({ isCounted: false, isUnique: true, distinct: 50 });
    expect(profile([...many, 'k49'], 'text', 10)).toMatchObject({ isCounted: false, isUnique: false, distinct: 10 });
  });

  it('keeps white space around a text: ingest takes it as it is', () => {
    expect(profile([' >50K', ' <=50K']).values.map(({ text }) => text)).toEqual([' >50K', ' <=50K']);
  });
});
