import { describe, expect, it } from '@jest/globals';
import { LoopLag } from './loop-lag.js';

function after(...gapsMs: number[]): number {
  const lag = new LoopLag(20);
  let nowMs = 1_000;
  lag.ticked(nowMs);
  for (const gapMs of gapsMs) {
    nowMs += gapMs;
    lag.ticked(nowMs);
  }
  return lag.lagMs;
}

describe('the lag of the event loop', () => {
  it.each<[string, number[], number]>([
    ['nothing before it has ticked', [], 0],
    ['nothing where ticks come in time, or early', [20, 20, 19, 20, 20, 20], 0],
    ['nothing for one long pause', [20, 20, 900, 20, 20, 20], 0],
    ['the least of a queue that stands', [120, 90, 150, 70, 200], 50],
    ['nothing before it has stood for so many ticks', [120, 120, 120, 120], 0],
    ['nothing once a tick was in time', [120, 120, 120, 120, 120, 20], 0],
  ])('is %s', (_what, gaps, expected) => {
    expect(after(...gaps)).toBe(expected);
  });
});
