import { expect, it } from '@jest/globals';
import { labelsSay } from './labels-say.js';

it('says that labels met no prediction, and why: "4550 accepted, 0 refused", and no figure of quality for ever', () => {
  expect(labelsSay({ labelsJoined: 1, unmatchedLabels: 4_550, ambiguousLabels: 0 })).toBe(
    '4,550 of 4,551 labels met no prediction: a label meets the prediction whose id it names, else the one whose ' +
      'request id is its record id (then row 0). Send labels with predictionId, or ask for predictions with the ids of ' +
      'their records.',
  );
});

it.each([
  [0, 0, false],
  [1_000, 0, false],
  [1_000, 9, false],
  [1_000, 11, true],
  [0, 1, true],
])('of %i joined and %i unmatched', (labelsJoined, unmatchedLabels, isTold) => {
  expect(labelsSay({ labelsJoined, unmatchedLabels, ambiguousLabels: 0 }) !== '').toBe(isTold);
});

it('says that labels name an id of several predictions, and joined none', () => {
  const said = labelsSay({ labelsJoined: 10, unmatchedLabels: 0, ambiguousLabels: 300 });
  expect(said).toBe(
    '300 labels name a prediction id that several predictions have, and joined none: give each request an id of its own.',
  );
  expect(labelsSay({ labelsJoined: 1_000, unmatchedLabels: 0, ambiguousLabels: 9 })).toBe('');
});
