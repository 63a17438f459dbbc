import { expect, it } from '@jest/globals';
import { ServiceStarts } from './service-starts.js';

it('tells restarts, not the first answer, nor the processes of one service that started together', () => {
  const told: [string, number][] = [];
  const starts = new ServiceStarts((service, atMs) => told.push([service, atMs]));
  starts.heard('serving', 1_000);
  starts.heard('ingest', 900);
  for (const atMs of [1_400, 1_000, 1_900, 1_400]) starts.heard('serving', atMs);
  expect(told).toEqual([]);
  starts.heard('ingest', 60_000);
  starts.heard('ingest', 60_000);
  starts.heard('serving', 70_000);
  starts.heard('serving', 1_900);
  expect(told).toEqual([
    ['ingest', 60_000],
    ['serving', 70_000],
  ]);
});
