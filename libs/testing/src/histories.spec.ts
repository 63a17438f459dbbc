import { describe, expect, it } from '@jest/globals';
import { historiesToRun } from './histories.js';

describe('the number of histories', () => {
  it('is the slice of npm test, or what a longer run asks for', () => {
    expect(historiesToRun(2_000, {})).toBe(2_000);
    expect(historiesToRun(2_000, { TEST_HISTORIES: '' })).toBe(2_000);
    expect(historiesToRun(2_000, { TEST_HISTORIES: '50000' })).toBe(50_000);
  });

  it.each(['0', '1999', '2000.5', 'many', '1e9'])('is refused as %s', (text) => {
    expect(() => historiesToRun(2_000, { TEST_HISTORIES: text })).toThrow(
      `TEST_HISTORIES=${text}: write a whole number from 2000`,
    );
  });
});
