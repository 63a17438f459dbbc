import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OrderedAnswers, type Slot } from './ordered-answers.js';

const text = (value: string) => Buffer.from(value);

describe('answers of a stream', () => {
  it('keep the order of their requests, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 }), (order) => {
        const seen: string[] = [];
        const answers = new OrderedAnswers((message) => seen.push(String(message)));
        const slots = order.map(() => answers.begin());
        for (const n of order) answers.answer(slots[n] as Slot, text(`${n}`), true);
        expect(seen).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
        expect(answers.open).toBe(0);
      }),
    );
  });

  it('of a decoupled model leave as they come, and an empty last one says nothing', () => {
    const seen: string[] = [];
    const answers = new OrderedAnswers((message) => seen.push(String(message)));
    const [slow, many] = [answers.begin(), answers.begin()];
    answers.answer(many, text('m1'), false);
    answers.answer(many, text('m2'), false);
    answers.answer(many, text(''), true);
    answers.answer(many, text('late'), true);
    expect([seen, answers.open]).toEqual([['m1', 'm2'], 1]);
    answers.answer(slow, text('s'), true);
    expect([seen, answers.open]).toEqual([['m1', 'm2', 's'], 0]);
  });
});
