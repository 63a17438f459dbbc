// A process that dies at any write, announcement or removal makes the same versions, once.

import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DatasetVersion } from '@millrace/contracts';
import { DELAY_MS, Killed, label, PARTITIONS, Process, record, STEP_MS, type World, world } from './live-process.js';

const ROWS = 160;
const PER_STEP = 8;

/** What is sent before step `step` of the story; rows and labels in the order of time, with a few that are odd. */
function send(target: World, step: number): void {
  for (let row = step * PER_STEP; row < (step + 1) * PER_STEP; row++) {
    const atMs = row * STEP_MS;
    target.send(record(target, `r${row}`, atMs), row % PARTITIONS);
    // Sent twice by its sender, the second time otherwise.
    if (row === 40) target.send(record(target, 'r40', atMs, { size: -1 }), row % PARTITIONS);
    // Its span has closed; and one that is in that version already.
    if (row === 100) target.send(record(target, 'late', 10_000), row % PARTITIONS);
    if (row === 101) target.send(record(target, 'r4', 8_000), row % PARTITIONS);
    const due = row - DELAY_MS / STEP_MS;
    if (due >= 0 && due % 3 > 0) target.send(label(`r${due}`, due * STEP_MS, due % 3 === 1 ? 1 : 0), due % PARTITIONS);
    if (due >= 0 && due % 10 === 1)
      target.send(label(`r${due}`, due * STEP_MS, 0, row * STEP_MS + 1), (due + 1) % PARTITIONS);
  }
}

const shape = ({
  id,
  rows,
  labelledRows,
  lateRows,
  repeatedRows,
  windowStartMs,
  ordinal,
  parent,
  offsets,
}: DatasetVersion) => ({
  ...{ id, rows, labelledRows, lateRows, repeatedRows, windowStartMs, ordinal, parent, offsets },
});

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
    send(target, step);
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
    for (const point of ['write', 'tell', 'announce', 'remove', 'sweep'])
      expect(undisturbed.points).toEqual(expect.arrayContaining([`before ${point}`, `after ${point}`]));
  });

  const POINTS = ['write', 'tell', 'announce', 'remove', 'sweep'].flatMap((call) =>
    ['before', 'after'].map((when) => `${when} ${call}`),
  );
  it.each(POINTS)(
    '%s makes the same versions, each announced once',
    async (point) => {
      const places = undisturbed.points.flatMap((name, index) => (name === point ? [index] : []));
      const chosen = [places[0], places[Math.floor(places.length / 2)], places.at(-1)] as number[];
      for (const place of new Set(chosen)) {
        const { target } = await story(place);
        expect([place, target.announced.map(shape)]).toEqual([place, undisturbed.target.announced.map(shape)]);
      }
    },
    60_000,
  );
});
