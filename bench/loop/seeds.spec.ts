import { describe, expect, it } from '@jest/globals';
import { type SeedsAsked, seedsToRun } from './seeds.js';

const asked = (over: Partial<SeedsAsked>): SeedsAsked => ({
  ...{ seeds: undefined, isReport: false, again: undefined, reports: [] },
  ...over,
});

describe('the seeds of a run', () => {
  it('are the first hundred for choices, the second for a report', () => {
    const bounds = (of: number[]) => [of[0], of.at(-1), of.length];
    expect(bounds(seedsToRun(asked({})))).toEqual([1, 100, 100]);
    expect(bounds(seedsToRun(asked({ isReport: true })))).toEqual([101, 200, 100]);
    expect(seedsToRun(asked({ seeds: '7' }))).toEqual([7]);
  });

  it('that a report is for are refused without one, and what is no range', () => {
    for (const seeds of ['101', '50-120', '0-3', '9-4', 'x', ''])
      expect(() => seedsToRun(asked({ seeds }))).toThrow('101 to 200 are for --report');
    expect(() => seedsToRun(asked({ isReport: true, seeds: '100-120' }))).toThrow('write one of 101 to 200');
  });

  it('are reported once', () => {
    const again = asked({ isReport: true, reports: ['a-loop-report.json'] });
    expect(() => seedsToRun(again)).toThrow('were reported in a-loop-report.json');
    expect(seedsToRun({ ...again, again: 'a fault of the simulator' })).toHaveLength(100);
  });
});
