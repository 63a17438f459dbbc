// What the bench knows of its real data.

import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { electricity } from './real-streams.js';

/** Row 17,424 is in it. */
const FIRST_OF_VICTORIA = 34;

describe('electricity', () => {
  const stream = electricity(seededRng(1));
  const { windows, rows, width, x, y } = stream;
  const column = (name: string) => stream.watched.find((one) => one.name === name)?.column as number;
  const values = (name: string, window: number) =>
    Array.from({ length: rows }, (_, i) => x[(window * rows + i) * width + column(name)] as number);
  const spread = (all: readonly number[]) => Math.max(...all) - Math.min(...all);

  it('is the whole of it, window by window in the order of time', () => {
    expect([windows, rows, y.length]).toEqual([90, 500, 45_000]);
    const positive = y.reduce((sum, label) => sum + label, 0) / y.length;
    // 0.4245 of the 45,312 rows.
    expect(Math.abs(positive - 0.4245)).toBeLessThan(0.02);
  });

  it('has no market in Victoria for its first year, and one from then on', () => {
    for (const name of ['vicprice', 'vicdemand', 'transfer']) {
      for (let window = 0; window < FIRST_OF_VICTORIA; window++) expect(spread(values(name, window))).toBe(0);
      for (let window = FIRST_OF_VICTORIA; window < windows; window++)
        expect(spread(values(name, window))).toBeGreaterThan(0);
    }
  });

  it('draws the rows of a window from its own by the seed', () => {
    const drawn = (seed: number) => electricity(seededRng(seed)).x;
    expect(drawn(1)).toEqual(x);
    expect(drawn(2)).not.toEqual(x);
    const last = new Set(values('nswdemand', windows - 1));
    expect(last.size).toBeGreaterThan(200);
    expect(last.size).toBeLessThan(rows);
  });
});
