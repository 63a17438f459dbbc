import { describe, expect, it } from '@jest/globals';
import { type AlarmChange, CALM, stepAlarm } from './alarm.js';
import { AlarmBoard } from './alarm-board.js';

function run(pattern: string, needed: number): string {
  const letters: Record<AlarmChange, string> = { none: '.', warned: 'w', drifted: 'D', calmed: 'c' };
  let state = CALM;
  return [...pattern]
    .map((letter, i) => {
      const step = stepAlarm(state, letter === 'x', i, needed);
      state = step.state;
      return letters[step.change];
    })
    .join('');
}

describe('stepAlarm', () => {
  it.each([
    // windows, needed, changes
    ['--xxx--x-', 1, '..D..c.Dc'],
    ['--xxx--x-', 2, '..wD.c.wc'],
    ['x-x-x-', 2, 'wcwcwc'],
    ['xxxxx', 3, 'w.D..'],
  ])('%s with %i in a row gives %s', (pattern, needed, changes) => {
    expect(run(pattern, needed)).toBe(changes);
  });
});

describe('AlarmBoard', () => {
  const verdict = (subject: string, alarming: boolean) => ({
    subject,
    alarming,
    detector: 'psi',
    value: 0.4,
    threshold: 0.2,
    pValue: Number.NaN,
    formula: '',
  });
  const window = (i: number) => ({ startMs: i * 10, endMs: i * 10 + 10 });

  it('makes one episode of a drift, with its windows counted and its end', () => {
    const board = new AlarmBoard(1);
    const changes = [false, true, true, false].map((alarming, i) =>
      board.feed(1, verdict('hour', alarming), window(i)),
    );
    expect(changes).toEqual(['none', 'drifted', 'none', 'calmed']);
    expect(board.list()).toMatchObject([
      { subject: 'hour', phase: 'drift', windows: 2, windowStartMs: 10, endedMs: 40 },
    ]);
  });

  it('keeps versions and subjects apart, and retires versions that serve no more', () => {
    const board = new AlarmBoard(1);
    board.feed(1, verdict('hour', true), window(0));
    board.feed(1, verdict('distance', true), window(0));
    expect(board.feed(2, verdict('hour', true), window(0))).toBe('drifted');
    board.retire(new Set([2]), 10);
    expect(board.active).toBe(1);
    expect(board.list().filter((episode) => episode.endReason === 'retired')).toHaveLength(2);
  });

  it('goes on with the episode of a version that a rollback brings back, without a second event', () => {
    const board = new AlarmBoard(1);
    expect(board.feed(1, verdict('hour', true), window(0))).toBe('drifted');
    board.retire(new Set([2]), 20);
    expect(board.active).toBe(0);
    expect(board.feed(1, verdict('hour', true), window(2))).toBe('none');
    expect(board.list()).toMatchObject([{ subject: 'hour', windows: 2, endedMs: null, windowStartMs: 0 }]);
  });

  it('survives saving in the middle of an episode', () => {
    const board = new AlarmBoard(2);
    board.feed(1, verdict('hour', true), window(0));
    const restored = new AlarmBoard(2);
    restored.restore(JSON.parse(JSON.stringify(board.state())));
    expect(restored.feed(1, verdict('hour', true), window(1))).toBe('drifted');
    expect(restored.list()).toMatchObject([{ phase: 'drift', windows: 2 }]);
  });
});
