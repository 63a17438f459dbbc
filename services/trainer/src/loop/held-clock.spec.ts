import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@millrace/domain';
import { HELD_MS, HeldClock, SET_MS_MIN } from './held-clock.js';

const HOUR_MS = 3_600_000;
const START_MS = 1_700_000_000_000;

class TwoClocks extends ManualClock {
  setMs = START_MS;

  override nowMs(): number {
    return this.monotonicMs() + this.setMs;
  }
}

function make() {
  const wall = new TwoClocks();
  const clock = new HeldClock(wall);
  /** What a state would be told. */
  const told = () => {
    const all = [];
    for (let input = clock.next(); input !== null; input = clock.next()) {
      all.push(input);
      clock.took(input);
    }
    return all;
  };
  return { wall, clock, told };
}

describe('HeldClock', () => {
  it('goes on by the time that passes where the wall is ahead for less than it is held', () => {
    const { wall, clock, told } = make();
    wall.setMs += 5 * HOUR_MS;
    expect([told(), clock.heldMs, clock.nowMs()]).toEqual([[], 5 * HOUR_MS, START_MS]);
    wall.advance(HELD_MS - 1);
    expect([told(), clock.nowMs()]).toEqual([[], START_MS + HELD_MS - 1]);
    wall.setMs -= 5 * HOUR_MS;
    expect([told(), clock.heldMs]).toEqual([[], 0]);
    // Another one begins its own time.
    wall.setMs += 5 * HOUR_MS;
    wall.advance(1);
    expect(told()).toEqual([]);
  });

  it('believes what has stayed ahead throughout, however often the wall was set ahead meanwhile', () => {
    const { wall, clock, told } = make();
    for (let i = 0; i < 4; i++) {
      wall.setMs += HOUR_MS;
      told();
      wall.advance(HELD_MS / 4);
    }
    expect(told()).toEqual([{ kind: 'set_ahead', byMs: HOUR_MS, fromMs: START_MS }]);
    expect([clock.nowMs(), clock.heldMs]).toEqual([START_MS + HELD_MS + HOUR_MS, 3 * HOUR_MS]);
    wall.advance(HELD_MS);
    expect(told()).toMatchObject([{ kind: 'set_ahead', byMs: 3 * HOUR_MS }]);
    expect([clock.nowMs(), clock.heldMs]).toEqual([wall.nowMs(), 0]);
  });

  it('believes at once what is set back, and takes back first what it had believed', () => {
    const { wall, clock, told } = make();
    wall.setMs += 5 * HOUR_MS;
    told();
    wall.advance(HELD_MS);
    told();
    wall.setMs -= 2 * HOUR_MS;
    expect(told()).toEqual([{ kind: 'set_back', byMs: 2 * HOUR_MS, fromMs: START_MS + 5 * HOUR_MS }]);
    wall.setMs -= 4 * HOUR_MS;
    expect(told()).toEqual([
      { kind: 'set_back', byMs: 3 * HOUR_MS, fromMs: START_MS + 3 * HOUR_MS },
      { kind: 'set_back', byMs: HOUR_MS, fromMs: undefined },
    ]);
    expect(clock.nowMs()).toBe(wall.nowMs());
  });

  it('says the same until it was taken, and goes by that until then', () => {
    const { wall, clock } = make();
    wall.setMs -= HOUR_MS;
    const input = clock.next();
    expect([clock.next(), clock.nowMs()]).toEqual([input, START_MS]);
    expect(input && clock.nowAfterMs(input)).toBe(START_MS - HOUR_MS);
  });

  it('does not see two clocks that are read one after the other', () => {
    const { wall, clock, told } = make();
    for (const byMs of [1, -1]) {
      wall.setMs = START_MS + byMs * (SET_MS_MIN - 1);
      wall.advance(HELD_MS);
      expect([told(), clock.heldMs]).toEqual([[], 0]);
    }
  });
});
