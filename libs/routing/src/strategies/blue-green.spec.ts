import { describe, expect, it } from '@jest/globals';
import { blueGreen } from './blue-green.js';

const target = (version: number, weight: number, name: string) => ({ version, weight, name });

describe('blue/green', () => {
  it('moves all traffic at once, whatever there was', () => {
    expect(blueGreen.whenReady([], 1).weights).toEqual([{ version: 1, weight: 100 }]);
    const split = [target(1, 60, 'blue'), target(2, 40, 'green')];
    expect(blueGreen.whenReady(split, 3).weights).toEqual([{ version: 3, weight: 100 }]);
  });

  it.each<[string, ReturnType<typeof target>[], number[], string[]]>([
    ['the first version is blue', [], [1], ['blue']],
    ['the next one is green', [target(1, 100, 'blue')], [2], ['green']],
    ['and then blue again', [target(2, 100, 'green')], [3], ['blue']],
    ['a version keeps its name', [target(1, 60, 'blue'), target(2, 40, 'green')], [1], ['blue']],
    ['a new one beside it gets the other name', [target(2, 100, 'green')], [1, 2], ['blue', 'green']],
    [
      'out of a split it gets the other name than the primary',
      [target(1, 40, 'blue'), target(2, 60, 'green')],
      [3],
      ['blue'],
    ],
    ['further ones are called by version', [target(1, 100, 'blue')], [1, 2, 3, 4], ['blue', 'green', 'v3', 'v4']],
    [
      'names of another strategy stay',
      [target(1, 90, 'stable'), target(2, 10, 'canary')],
      [1, 2, 3],
      ['stable', 'canary', 'blue'],
    ],
  ])('%s', (_, live, versions, names) => expect(blueGreen.names(live, versions)).toEqual(names));
});
