import { describe, expect, it } from '@jest/globals';
import { UnreadyVersions } from './unready-versions.js';

describe('marks of versions that a serving does not have', () => {
  it('are believed for a second, also where nobody asks about them again', () => {
    const marks = new UnreadyVersions();
    marks.mark('one', 'm', 7, 1_000);
    expect([marks.isEmpty(1_999), marks.isMarked('one', 'm', 7, 1_999)]).toEqual([false, true]);
    expect([marks.isMarked('two', 'm', 7, 1_999), marks.isMarked('one', 'm', 8, 1_999)]).toEqual([false, false]);
    expect(marks.isEmpty(2_000)).toBe(true);
    expect(marks.isMarked('one', 'm', 7, 2_000)).toBe(false);
  });
});
