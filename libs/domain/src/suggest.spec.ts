import { describe, expect, it } from '@jest/globals';
import { hint, suggest } from './suggest.js';

describe('a word that is meant', () => {
  it.each([
    ['trian', 'train'],
    ['arest', 'arrest'],
    ['wnd', 'wind'],
    ['sed', 'seed'],
    ['wether', 'weather'],
    ['vlaue', 'value'],
    ['evaluate-form', 'evaluate-from'],
    ['val', 'value'],
  ])('%s is %s', (word, meant) => expect(suggest(word, ['age', 'id', '0', meant])).toBe(meant));

  it.each([
    ['date', ['age', 'rate of it']],
    ['7', ['0', '1']],
    ['y', ['id', 'x']],
  ])('%s is none of %j: another word is no typing error', (word, known) => {
    expect(suggest(word, known)).toBeNull();
    expect(hint(word, known)).toBe(`Known here: ${known.join(', ')}.`);
  });
});
