import { describe, expect, it } from '@jest/globals';
import type { ReplaySpec } from '@millrace/project';
import { replayRanges } from './replay-rows.duckdb.js';

const live = { fromMs: 0, toMs: 100, rows: 10, ratePerSecond: 1, reserveShare: 0.5 };
const replay = (over: object) => ({ live: { ...live, ...over } }) as unknown as ReplaySpec;

describe('replayRanges', () => {
  it('takes the further rows from the end of the range where the project says so', () => {
    expect(replayRanges(replay({ reserveFromMs: 80 }), 10, 5)).toEqual([
      { fromMs: 0, toMs: 80, rows: 10 },
      { fromMs: 80, toMs: 100, rows: 5 },
    ]);
    expect(replayRanges(replay({ reserveFromMs: 80 }), 10, 0)).toEqual([{ fromMs: 0, toMs: 80, rows: 10 }]);
  });

  it('spreads all rows over the whole range otherwise', () => {
    expect(replayRanges(replay({}), 10, 5)).toEqual([{ fromMs: 0, toMs: 100, rows: 15 }]);
  });
});
