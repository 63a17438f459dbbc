// Symptom: pauses of 10 to 40 ms in the router under load, half of the young generation copied at each collection. A
// table of what is under way that had become old (it outlived young collections while nothing came) kept every request
// that had ended alive until the next full collection, if it was a Map.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { RisingMap } from '@millrace/domain';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (how?: { type: 'minor' }) => void;
const young = () => {
  for (let i = 0; i < 3; i++) collect({ type: 'minor' });
};

const UNDER_WAY = 64;
const CALLS = 20_000;
const WORDS = 400;

/** Bytes that are still alive after young collections when calls have come and gone. */
function leftBehind(table: { set(id: number, call: number[]): unknown; delete(id: number): boolean }): number {
  collect();
  for (let id = 1; id <= 4; id++) table.set(id, []);
  young();
  for (let id = 1; id <= 4; id++) table.delete(id);
  const before = process.memoryUsage().heapUsed;
  for (let id = 5; id < CALLS; id++) {
    table.set(id, new Array<number>(WORDS).fill(id));
    table.delete(id - UNDER_WAY);
    if (id % 1_000 === 0) collect({ type: 'minor' });
  }
  young();
  return process.memoryUsage().heapUsed - before;
}

describe('calls that have ended', () => {
  const all = CALLS * WORDS * 8;

  it('are gone with the next young collections, however old the table of what is under way', () => {
    expect(leftBehind(new RisingMap<number[]>())).toBeLessThan(0.05 * all);
  });

  it('would stay in a Map: what the table is for', () => {
    expect(leftBehind(new Map<number, number[]>())).toBeGreaterThan(0.2 * all);
  });
});
