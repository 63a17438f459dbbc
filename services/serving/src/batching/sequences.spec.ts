import { describe, expect, it } from '@jest/globals';
import { ManualClock, PlatformError } from '@millrace/domain';
import fc from 'fast-check';
import { type SequenceJob, SequenceTable } from './sequences.js';

interface Step extends SequenceJob {
  name: string;
  refused?: string;
}

function harness(limits: { sequencesMax?: number; maxIdleMs?: number } = {}) {
  const clock = new ManualClock(0);
  const queued: Step[] = [];
  const forgotten: string[] = [];
  let full = false;
  const table = new SequenceTable<Step>(
    'm',
    { sequencesMax: 3, maxIdleMs: 100, ...limits },
    {
      clock,
      ready: (step) => {
        if (full) throw new PlatformError('overloaded', 'full');
        queued.push(step);
      },
      forgotten: (id) => forgotten.push(id),
    },
  );
  let count = 0;
  const enter = (id: string, part: { start?: boolean; end?: boolean } = {}): Step => {
    const step: Step = {
      name: `${id}${count++}`,
      sequence: { id, start: false, end: false, ...part },
      refuse: (error) => {
        step.refused = error.reason;
        table.left(step, true);
      },
    };
    table.enter(step);
    return step;
  };
  return {
    clock,
    table,
    queued,
    forgotten,
    enter,
    setFull: (value: boolean) => {
      full = value;
    },
  };
}

const names = (steps: Step[]) => steps.map(({ name }) => name);

describe('SequenceTable', () => {
  it('queues a step when the one before it has left, sequences beside each other', () => {
    const { table, queued, enter } = harness();
    const a0 = enter('a', { start: true });
    enter('b', { start: true });
    enter('a', { end: true });
    expect(names(queued)).toEqual(['a0', 'b1']);
    expect(table.waiting).toBe(1);
    table.left(a0, false);
    expect(names(queued)).toEqual(['a0', 'b1', 'a2']);
    table.left(queued[2] as Step, false);
    expect(table.size).toBe(1);
    expect(() => enter('a')).toThrow(/sequence a to model 'm' must specify the START flag/);
  });

  it('refuses a new sequence beyond its bound, and drops those without a step for too long', () => {
    const { table, enter, clock, forgotten } = harness({ sequencesMax: 2 });
    table.left(enter('a', { start: true }), false);
    enter('b', { start: true });
    expect(() => enter('c', { start: true })).toThrow(/\[overloaded\] model 'm' has 2 sequences under way/);
    clock.advance(100);
    enter('c', { start: true });
    expect(forgotten).toEqual(['a']);
    expect(() => enter('a')).toThrow(/START/);
  });

  it('ends with a failed start: steps behind it are refused up to the next start', () => {
    const { table, enter, queued, forgotten } = harness();
    const start = enter('a', { start: true });
    const lost = [enter('a'), enter('a', { end: true })];
    enter('a', { start: true });
    table.left(start, true);
    expect(lost.map(({ refused }) => refused !== undefined)).toEqual([true, true]);
    expect(names(queued)).toEqual(['a0', 'a3']);
    expect(table.waiting).toBe(0);
    table.left(queued[1] as Step, true);
    expect([table.size, forgotten]).toEqual([0, ['a']]);
  });

  it('lets a cancelled step in the middle go, and goes on', () => {
    const { table, enter, queued } = harness();
    const start = enter('a', { start: true });
    table.left(enter('a'), true);
    enter('a');
    table.left(start, false);
    expect(names(queued)).toEqual(['a0', 'a2']);
  });

  it('changes nothing when the queue is full, and refuses a waiting step then', () => {
    const { table, enter, setFull } = harness();
    setFull(true);
    expect(() => enter('a', { start: true })).toThrow(/full/);
    expect(table.size).toBe(0);
    setFull(false);
    const start = enter('a', { start: true });
    const next = enter('a', { end: true });
    setFull(true);
    table.left(start, false);
    expect(next.refused).toBe('full');
    expect([table.size, table.waiting]).toEqual([0, 0]);
  });

  it('keeps each sequence in order, one step at a time, and is empty after (any interleaving)', () => {
    const action = fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd'),
      kind: fc.constantFrom('step', 'end', 'leave', 'cancel'),
      which: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
        const { table, enter, queued } = harness({ sequencesMax: 4 });
        const open = new Set<string>();
        const inside: Step[] = [];
        let seen = 0;
        const take = () => {
          for (; seen < queued.length; seen++) inside.push(queued[seen] as Step);
          expect(new Set(inside.map(({ sequence }) => sequence.id)).size).toBe(inside.length);
        };
        for (const { id, kind, which } of actions) {
          if (kind === 'step' || kind === 'end') {
            enter(id, { start: !open.has(id), end: kind === 'end' });
            if (kind === 'end') open.delete(id);
            else open.add(id);
          } else if (inside.length > 0) {
            const [step] = inside.splice(which % inside.length, 1) as [Step];
            table.left(step, kind === 'cancel' && !step.sequence.start);
          }
          take();
        }
        while (inside.length > 0) {
          table.left(inside.shift() as Step, false);
          take();
        }
        expect(table.waiting).toBe(0);
        for (const id of ['a', 'b', 'c', 'd']) {
          const order = queued.filter(({ sequence }) => sequence.id === id).map(({ name }) => Number(name.slice(1)));
          expect(order).toEqual([...order].sort((a, b) => a - b));
        }
        expect(table.size).toBe(open.size);
      }),
      { numRuns: 200 },
    );
  });
});
