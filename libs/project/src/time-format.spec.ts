import { describe, expect, it } from '@jest/globals';
import { TIME_FORMATS, type TimeFormat, timeOfFormat } from './time-format.js';

const at = (format: TimeFormat, raw: unknown): string | null => {
  const ms = timeOfFormat(format, raw);
  return Number.isNaN(ms) ? null : new Date(ms).toISOString().replace('T00:00:00.000Z', '').replace('.000Z', 'Z');
};

describe('a time of a declared form', () => {
  it.each<[TimeFormat, unknown, string]>([
    ['DD.MM.YYYY', '31.12.2026', '2026-12-31'],
    ['DD.MM.YYYY', ' 1.2.2026 9:05 ', '2026-02-01T09:05:00Z'],
    ['DD/MM/YYYY', '01/02/2026', '2026-02-01'],
    ['MM/DD/YYYY', '01/02/2026', '2026-01-02'],
    ['MM/DD/YYYY', '12/31/2026 12:30 AM', '2026-12-31T00:30:00Z'],
    ['MM/DD/YYYY', '12/31/2026 1:30:15.5 pm', '2026-12-31T13:30:15.500Z'],
    ['MM/DD/YY', '1/8/90 0:00', '1990-01-08'],
    ['DD.MM.YY', '08.01.68', '2068-01-08'],
    ['YYYY/MM/DD', '2026/01/31 10:00', '2026-01-31T10:00:00Z'],
    ['YYYYMMDD', '20260131', '2026-01-31'],
    ['YYYYMMDD', 20_260_131, '2026-01-31'],
    ['epoch-s', '1700000000', '2023-11-14T22:13:20Z'],
    ['epoch-s', 1_700_000_000.5, '2023-11-14T22:13:20.500Z'],
    ['epoch-ms', 1_700_000_000_000, '2023-11-14T22:13:20Z'],
    // What needs no form is read in every one.
    ['DD.MM.YYYY', '2026-01-31T10:00:00Z', '2026-01-31T10:00:00Z'],
    ['epoch-s', '2026-01-31', '2026-01-31'],
  ])('%s: %j is %s', (format, raw, expected) => expect(at(format, raw)).toBe(expected));

  it.each<[TimeFormat, unknown]>([
    ['DD.MM.YYYY', '12/31/2026'],
    ['DD.MM.YYYY', '31.02.2026'],
    ['DD/MM/YYYY', '12/31/2026'],
    ['MM/DD/YYYY', '31/12/2026'],
    ['DD.MM.YYYY', '31.12.26'],
    ['DD.MM.YY', '31.12.2026'],
    ['DD.MM.YYYY', 1_700_000_000],
    ['DD.MM.YYYY', '31.12.2026 25:00'],
    ['MM/DD/YYYY', '12/31/2026 13:00 PM'],
    ['YYYYMMDD', '20261301'],
    ['epoch-s', 'soon'],
    ['epoch-s', true],
  ])('%s: %j is none', (format, raw) => expect(at(format, raw)).toBeNull());

  it('is a day of year 99 where it says so', () => {
    expect(at('DD.MM.YYYY', '01.03.0099')).toBe('0099-03-01');
  });

  it('never reads a text of another form', () => {
    for (const format of TIME_FORMATS) expect(timeOfFormat(format, '1-2')).toBeNaN();
  });
});
