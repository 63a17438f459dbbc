import { describe, expect, it } from '@jest/globals';
import { loggedBytes } from './row-bytes.js';

const LONG = 'x'.repeat(4096);

describe('loggedBytes', () => {
  it('is below a kilobyte for a usual row, and follows long texts, rows and ids', () => {
    const usual = loggedBytes({
      id: 'r-1',
      entity: 'customer-17',
      raw: [[1, 2.5, null, 'car', true, 7, 8, 9, 'b', 3]],
    });
    expect(usual).toBeGreaterThan(300);
    expect(usual).toBeLessThan(1_000);
    expect(loggedBytes({ id: '', entity: '', raw: [[LONG, LONG]] })).toBeGreaterThan(4 * 4096);
    expect(loggedBytes({ id: LONG, entity: '', raw: [[1]] })).toBeGreaterThan(2 * 4096);
    expect(loggedBytes({ id: '', entity: '', raw: [[LONG], [LONG], [LONG]] })).toBeGreaterThan(6 * 4096);
  });
});
