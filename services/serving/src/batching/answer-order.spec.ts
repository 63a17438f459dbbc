import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AnswerOrder } from './answer-order.js';

describe('AnswerOrder', () => {
  it('delivers in the order of the slots, whatever the order of the answers, and leaves out what was dropped', () => {
    const plan = fc.array(fc.record({ dropped: fc.boolean(), at: fc.nat() }), { maxLength: 50 });
    fc.assert(
      fc.property(plan, (slots) => {
        const order = new AnswerOrder(100);
        const delivered: number[] = [];
        const taken = slots.map((slot, id) => ({ ...slot, id, slot: order.take() }));
        for (const { dropped, id, slot } of taken.sort((a, b) => a.at - b.at)) {
          if (dropped) slot.drop();
          else slot.done(() => delivered.push(id));
        }
        expect(delivered).toEqual(slots.flatMap(({ dropped }, id) => (dropped ? [] : [id])));
        expect(order.unanswered).toBe(0);
      }),
    );
  });

  it('holds back a bounded number of answers', () => {
    const order = new AnswerOrder(2);
    const first = order.take();
    const second = order.take();
    second.done(() => {});
    expect(() => order.take()).toThrow(/\[overloaded\] 2 requests wait for an earlier one/);
    first.done(() => {});
    first.drop();
    expect(order.unanswered).toBe(0);
    order.take();
  });
});
