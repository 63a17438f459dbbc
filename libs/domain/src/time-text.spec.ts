import { describe, expect, it } from '@jest/globals';
import { timeOf, timeText } from './time-text.js';

describe('times', () => {
  it.each([
    ['2024-01-01', Date.UTC(2024, 0, 1)],
    ['2024-01-01T05:00', Date.UTC(2024, 0, 1, 5)],
    ['2024-01-01 05:00:01', Date.UTC(2024, 0, 1, 5, 0, 1)],
    ['2024-01-01T05:00:00Z', Date.UTC(2024, 0, 1, 5)],
    ['2024-01-01T05:00:00+02:00', Date.UTC(2024, 0, 1, 3)],
    [17, 17],
    ['noon', Number.NaN],
    ['2024-13-01', Number.NaN],
    ['2023-02-29', Number.NaN],
    ['2024-02-29', Date.UTC(2024, 1, 29)],
    ['2024-04-31T05:00Z', Number.NaN],
    [1.5, Number.NaN],
    [null, Number.NaN],
  ])('%s is read as %s', (raw, ms) => expect(timeOf(raw)).toBe(ms));

  it.each([
    [Date.UTC(2026, 10, 28, 21, 45, 2, 999), '2026-11-28T21:45:02Z'],
    [0, '1970-01-01T00:00:00Z'],
    [-62_135_596_800_000, '0001-01-01T00:00:00Z'],
    [Number.NaN, '-'],
    [Number.MAX_SAFE_INTEGER, '-'],
  ])('%s is shown as %s', (ms, text) => expect(timeText(ms)).toBe(text));
});
