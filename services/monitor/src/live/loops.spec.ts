import { describe, expect, it } from '@jest/globals';
import { type AskLoop, Loops } from './loops.js';

const TOLD: Awaited<ReturnType<AskLoop>> = {
  phase: 'cooling',
  liveVersion: 2,
  previousVersion: 1,
  waitingVersion: 0,
  episode: null,
  openDrifts: [],
  coolUntilMs: 9_000,
  waits: { for: 'the pause after a retraining to end', untilMs: 9_000, clock: 'processing' },
  history: [
    { atMs: 1, phase: 'training', message: 'retraining', correlationId: '' },
    { atMs: 2, phase: 'cooling', message: 'version 2 is live', correlationId: '' },
  ],
};
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('Loops', () => {
  it('tells what the trainer said with its newest decision, and asks no more often than every two seconds', async () => {
    let asked = 0;
    const loops = new Loops(async () => {
      asked += 1;
      return TOLD;
    });
    expect(loops.of('p', 1_000)).toBeNull();
    await turn();
    expect(loops.of('p', 1_500)).toEqual({
      phase: 'cooling',
      says: 'a retraining is over: it pauses',
      waits: TOLD.waits,
      notes: [],
      last: { atMs: 2, message: 'version 2 is live' },
      decisions: [
        { atMs: 2, message: 'version 2 is live' },
        { atMs: 1, message: 'retraining' },
      ],
      openDrifts: [],
      asked: null,
    });
    expect(asked).toBe(1);
    loops.of('p', 3_000);
    expect(asked).toBe(2);
  });

  it('no longer knows what a silent trainer said long ago', async () => {
    let up = true;
    const loops = new Loops(async () => {
      if (!up) throw new Error('away');
      return TOLD;
    });
    loops.of('p', 0);
    await turn();
    up = false;
    expect(loops.of('p', 9_000)?.phase).toBe('cooling');
    await turn();
    expect(loops.of('p', 12_000)).toBeNull();
  });

  it('has eight questions on their way at most', () => {
    let asked = 0;
    const loops = new Loops(() => {
      asked += 1;
      return new Promise(() => undefined);
    });
    for (let i = 0; i < 20; i++) loops.of(`p${i}`, 0);
    expect(asked).toBe(8);
  });
});
