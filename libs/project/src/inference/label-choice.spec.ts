import { describe, expect, it } from '@jest/globals';
import { ColumnProfiler } from './column-profile.js';
import { chooseLabel, parseLabelWish } from './label-choice.js';

function chosen(values: readonly string[], wish = 'x') {
  const profiler = new ColumnProfiler('x', 'text', 100);
  for (const [i, value] of values.entries()) profiler.take(value, i + 1);
  return chooseLabel(parseLabelWish(wish, ['x']), profiler.profile());
}

const times = (text: string, count: number): string[] => Array.from({ length: count }, () => text);

describe('a label of numbers with decimal commas', () => {
  it.each(['x>3,5', 'x>3.5'])('%s compares the numbers', (wish) => {
    const profiler = new ColumnProfiler('x', 'text', 100, ',');
    for (const [i, value] of ['1,5', '4,5', '3'].entries()) profiler.take(value, i + 1);
    const rule = chooseLabel(parseLabelWish(wish, ['x']), profiler.profile(), ',');
    expect(rule).toMatchObject({ operation: 'gt', value: 3.5 });
  });
});

describe('what is said of a label', () => {
  it.each([
    ['late', ['late'], { column: 'late', operation: 'identity', value: null }],
    ['status=late', ['status'], { column: 'status', operation: 'eq', value: 'late' }],
    ['status!=on time', ['status'], { column: 'status', operation: 'ne', value: 'on time' }],
    ['delay>=15', ['delay'], { column: 'delay', operation: 'ge', value: '15' }],
    ['income=>50K', ['income'], { column: 'income', operation: 'eq', value: '>50K' }],
    ['a=b=c', ['a', 'a=b'], { column: 'a=b', operation: 'eq', value: 'c' }],
    ['Cost $>0', ['Cost $', 'Cost'], { column: 'Cost $', operation: 'gt', value: '0' }],
  ])('%j of %j', (text, names, wish) => expect(parseLabelWish(text, names)).toEqual(wish));

  it('names the nearest column where there is none of the name', () => {
    expect(() => parseLabelWish('statsu=late', ['status', 'delay'])).toThrow(/no column 'statsu'.*'status'/);
  });
});

describe('the value that is yes', () => {
  it.each([
    ['the rarer of letters that are no pair', [...times('F', 60), ...times('M', 40)], { value: 'M', isSure: false }],
    ['the yes of a pair', [...times('f', 40), ...times('t', 60)], { operation: 'identity', isSure: true }],
    ['boolean', ['true', 'false'], { operation: 'identity', isSure: true }],
    ['0 and 1', ['0', '1', '1'], { operation: 'identity', isSure: true }],
    ['the word', ['Positive', 'Negative'], { operation: 'eq', value: 'Positive', isSure: true }],
    ['what is not negated', ['no recurrence', 'recurrence'], { operation: 'eq', value: 'recurrence', isSure: true }],
    ['the rarer', [...times('a', 3), 'b'], { operation: 'eq', value: 'b', isSure: false }],
    ['the rarer, blanks and all', [...times(' <=50K', 3), ' >50K'], { operation: 'eq', value: ' >50K', isSure: false }],
    ['the rarer of two numbers', ['2', '4', '2'], { operation: 'eq', value: 4, isSure: false }],
  ])('is %s', (_what, values, choice) => expect(chosen(values)).toMatchObject(choice));

  it('is what was said, with the blanks of the file', () => {
    expect(chosen([' <=50K', ' >50K'], 'x=>50K')).toMatchObject({ operation: 'eq', value: ' >50K', isSure: true });
    expect(chosen(['1', '20'], 'x>15')).toMatchObject({ operation: 'gt', value: 15 });
  });

  it.each([
    ['x', ['a', 'a'], 'one value'],
    [
      'x',
      ['a', 'b', 'b', 'c'],
      "has 3 values; the trainer answers yes or no: say which it is, --label 'x=VALUE'.*'b' \\(2 rows\\)",
    ],
    ['x', ['1', '2', '3'], "--label 'x>VALUE'"],
    ['x=ab', ['abc', 'abd'], "never fulfils that. Did you mean 'abc'"],
    ['x>5', ['1', '2'], 'never fulfils that. It lies between 1 and 2'],
    ['x>0', ['1', '2'], 'always fulfils that'],
    ['x>a', ['a', 'b'], 'has no order'],
    ['x=a', ['1', '2'], "holds numbers, 'a' is none"],
    ['x=maybe', ['true', 'false'], "holds yes or no, not 'maybe'"],
  ])('%j of %j is refused', (wish, values, message) => expect(() => chosen(values, wish)).toThrow(new RegExp(message)));
});
