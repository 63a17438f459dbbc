// A process that dies at any write, announcement or removal makes the same versions, once.

import { beforeAll, describe, expect, it } from '@jest/globals';
import { Killed, Process, type World, world } from './live-process.js';
import { PER_STEP, sendStep, shapeOf } from './live-story.js';

const ROWS = 160;

/** Tells the story to processes of which one dies at the given point; a new one goes on. */
async function story(deathAt: number | null): Promise<{ points: string[]; target: World }> {
  const target = await world();
  const points: string[] = [];
  let step = 0;
  let process = await Process.start(target, pass);
  function pass(point: string): void {
    points.push(point);
    if (points.length - 1 === deathAt) throw new Killed(point);
  }
  const through = async (work: () => Promise<void>) => {
    try {
      await work();
      if (points.length - 1 !== deathAt) return;
    } catch (error) {
      if (!(error instanceof Killed || (error as Error).cause instanceof Killed)) throw error;
    }
    process.end();
    process = await Process.start(target, pass);
    await through(() => process.catchUp());
  };
  for (; step < ROWS / PER_STEP; step++) {
    sendStep(target, step);
    await through(() => process.catchUp());
  }
  // Asked for again where it was not answered.
  for (let asked = 0; asked < 2; asked++)
    await through(async () => {
      await process.closeAll();
    });
  await through(() => process.catchUp());
  expect(process.live.state('p')).toMatchObject({ openRows: 0 });
  process.end();
  return { points, target };
}

describe('a process that dies', () => {
  let undisturbed: Awaited<ReturnType<typeof story>>;

  beforeAll(async () => {
    undisturbed = await story(null);
  });

  it('is judged by a story with late, repeated and corrected rows', () => {
    const versions = undisturbed.target.announced;
    expect(versions).toHaveLength(6);
    expect(versions.reduce((sum, { rows }) => sum + rows, 0)).toBe(ROWS + 1);
    expect(versions.reduce((sum, { lateRows }) => sum + lateRows, 0)).toBe(1);
    expect(versions.reduce((sum, { repeatedRows }) => sum + repeatedRows, 0)).toBe(2);
    for (const point of ['write', 'tell', 'announce', 'remove', 'list'])
      expect(undisturbed.points).toEqual(expect.arrayContaining([`before ${point}`, `after ${point}`]));
  });

  const POINTS = ['write', 'tell', 'announce', 'remove', 'list'].flatMap((call) =>
    ['before', 'after'].map((when) => `${when} ${call}`),
  );
  it.each(POINTS)(
    '%s makes the same versions, each announced once',
    async (point) => {
      const places = undisturbed.points.flatMap((name, index) => (name === point ? [index] : []));
      const chosen = [places[0], places[Math.floor(places.length / 2)], places.at(-1)] as number[];
      for (const place of new Set(chosen)) {
        const { target } = await story(place);
        expect([place, target.announced.map(shapeOf)]).toEqual([place, undisturbed.target.announced.map(shapeOf)]);
      }
    },
    60_000,
  );
});
