import { describe, expect, it } from '@jest/globals';
import { placeOfSequence } from './sequence-place.js';

describe('the place of a sequence', () => {
  const sequences = Array.from({ length: 300 }, (_, i) => String(i));
  const places = (targets: string[]) => sequences.map((id) => placeOfSequence(targets, 'm', id));

  it('is the same whatever the order of servings, and spreads over them', () => {
    const found = places(['h:1', 'h:2', 'h:3']);
    expect(places(['h:3', 'h:1', 'h:2'])).toEqual(found);
    for (const target of ['h:1', 'h:2', 'h:3'])
      expect(found.filter((one) => one === target).length).toBeGreaterThan(50);
  });

  it('moves only for sequences of a serving that dies', () => {
    const before = places(['h:1', 'h:2', 'h:3']);
    const after = places(['h:1', 'h:3']);
    before.forEach((place, i) => {
      if (place !== 'h:2') expect(after[i]).toBe(place);
    });
  });
});
