import { expect, it } from '@jest/globals';
import { RestingWork } from './resting-work.js';

function harness() {
  const timers = new Set<() => void>();
  const turns: (() => void)[] = [];
  const done: number[] = [];
  const resting = new RestingWork({
    after: (_delayMs, work) => {
      timers.add(work);
      return () => timers.delete(work);
    },
    later: (work) => turns.push(work),
  });
  const add = (count: number, bytes = 100) => {
    for (let i = 0; i < count; i++) resting.add(() => done.push(done.length), bytes);
  };
  const nextTurn = () => {
    for (const work of turns.splice(0)) work();
  };
  return { resting, timers, turns, done, add, nextTurn };
}

it('waits for one timer, whatever comes meanwhile', () => {
  const { timers, turns, done, add } = harness();
  add(15);
  expect([timers.size, turns.length, done.length]).toEqual([1, 0, 0]);
  for (const work of timers) work();
  expect([timers.size, done.length]).toEqual([0, 15]);
  add(1);
  expect([timers.size, done.length]).toEqual([1, 15]);
});

it('goes in the next turn when enough wait, each piece once', () => {
  const { timers, turns, done, add, nextTurn } = harness();
  add(40);
  expect([turns.length, done.length]).toEqual([1, 0]);
  nextTurn();
  expect([timers.size, done.length]).toEqual([0, 40]);
  add(16);
  nextTurn();
  expect([timers.size, done.length]).toEqual([0, 56]);
});

it('goes in the next turn when much waits', () => {
  const { turns, done, add, nextTurn } = harness();
  add(3, 300_000);
  expect(turns).toHaveLength(0);
  add(2, 300_000);
  expect([turns.length, done.length]).toEqual([1, 0]);
  nextTurn();
  expect(done).toHaveLength(5);
});

it('is done at once where somebody asks, as at the end', () => {
  const { resting, timers, done, add } = harness();
  add(3);
  resting.run();
  resting.run();
  expect([timers.size, done.length]).toEqual([0, 3]);
});
