import { expect, it } from '@jest/globals';
import { ServiceStarts, type Watched } from './service-starts.js';

it('tells restarts of each process, not the first answer, nor the processes of one service that started together', () => {
  const told: [string, number][] = [];
  const starts = new ServiceStarts((service, atMs) => told.push([service, atMs]));
  const heard = (service: Watched, atMs: number, process: string = service) => starts.heard(service, atMs, process);
  heard('serving', 1_000);
  heard('ingest', 900);
  for (const atMs of [1_400, 1_000, 1_900, 1_400]) heard('serving', atMs);
  heard('ingest', 30_000, 'ingest-1');
  expect(told).toEqual([]);
  heard('ingest', 60_000);
  heard('ingest', 60_000);
  heard('ingest', 30_000, 'ingest-1');
  heard('serving', 70_000);
  heard('serving', 1_900);
  expect(told).toEqual([
    ['ingest', 60_000],
    ['serving', 70_000],
  ]);
});
