import { describe, expect, it } from '@jest/globals';
import { codeBlocks, shellCommands, shellWords } from './code-blocks.js';

describe('code blocks', () => {
  it('come with their language, line, heading and the reason why they are not run', () => {
    const text = '# One\n```sh\na\n\nb\n```\n## Two\n<!-- not run: GPU -->\n\n```\nx\n```\n';
    expect(codeBlocks('a.md', text)).toEqual([
      { document: 'a.md', line: 2, language: 'sh', text: 'a\n\nb', notRun: undefined, heading: 'One' },
      { document: 'a.md', line: 10, language: '', text: 'x', notRun: 'GPU', heading: 'Two' },
    ]);
  });

  it('have to close', () => expect(() => codeBlocks('a.md', '```sh\n')).toThrow('a.md:1'));
});

describe('a shell block', () => {
  it.each([
    ['a b   # c', ['a b']],
    ["a '# b' c#d", ["a '# b' c#d"]],
    ['# all', []],
    ['a \\\n  b && c', ['a b', 'c']],
  ])('%j is %j', (text, commands) => expect(shellCommands(text)).toEqual(commands));

  it.each([
    [`p --row '{"a": "b c"}' x`, ['p', '--row', '{"a": "b c"}', 'x']],
    [`"a \\"b\\" $c" d\\ e`, ['a "b" $c', 'd e']],
    [`'it'\\''s'`, ["it's"]],
  ])('%j has the words %j', (text, words) => expect(shellWords(text)).toEqual(words));
});
