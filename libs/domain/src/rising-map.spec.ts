import { describe, expect, it } from '@jest/globals';
import { RisingMap } from './rising-map.js';
import { seededRng } from './rng.js';

describe('a map of rising numbers', () => {
  it.each(Array.from({ length: 20 }, (_, seed) => seed + 1))('says what a Map says (seed %d)', (seed) => {
    const rng = seededRng(seed);
    const [map, rising] = [new Map<number, number>(), new RisingMap<number>()];
    const step = 1 + (seed % 3);
    const most = 10 ** (1 + (seed % 4));
    let number = 0;
    let differs = '';
    for (let turn = 0; turn < 20_000; turn++) {
      const known = rng.next() < 0.7 ? number : Math.floor(rng.next() * number);
      if (map.size < most && rng.next() < 0.55) {
        number += step;
        map.set(number, turn);
        rising.set(number, turn);
      } else if (rng.next() < 0.1) {
        map.set(known, -turn);
        rising.set(known, -turn);
      } else if (rising.delete(known) !== map.delete(known)) differs ||= `delete ${known} in turn ${turn}`;
      const asked = Math.floor(rng.next() * (number + 1));
      const same = rising.get(asked) === map.get(asked) && rising.has(asked) === map.has(asked);
      if (!same || rising.size !== map.size) differs ||= `get ${asked} in turn ${turn}`;
    }
    expect(differs).toBe('');
    const sorted = [...map].sort(([a], [b]) => a - b).map(([, value]) => value);
    expect(rising.values()).toEqual(sorted);
    const seen: number[] = [];
    rising.forEach((value) => void seen.push(value));
    expect(seen.sort((a, b) => a - b)).toEqual([...sorted].sort((a, b) => a - b));
    rising.clear();
    expect([rising.size, rising.values()]).toEqual([0, []]);
  });

  it('keeps what runs for ever beside what comes and goes', () => {
    const rising = new RisingMap<string>();
    rising.set(1, 'for ever');
    for (let number = 2; number < 100_000; number++) {
      rising.set(number, 'short');
      expect(rising.delete(number)).toBe(true);
    }
    expect([rising.get(1), rising.size, rising.delete(1), rising.size]).toEqual(['for ever', 1, true, 0]);
  });

  it('lets whoever looks at all of them delete them', () => {
    const rising = new RisingMap<number>();
    for (let number = 1; number <= 5_000; number++) rising.set(number, number);
    rising.forEach((number) => void rising.delete(number));
    expect([rising.size, rising.values()]).toEqual([0, []]);
  });

  it('knows undefined from nothing', () => {
    const rising = new RisingMap<undefined>();
    rising.set(7, undefined);
    expect([rising.has(7), rising.has(8), rising.get(7), rising.size]).toEqual([true, false, undefined, 1]);
  });
});
