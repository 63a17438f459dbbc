import { expect, it } from '@jest/globals';
import { Duty } from './duty.js';

it('refuses work until it is its turn, and says so in a way that a client goes to another one', () => {
  const duty = new Duty();
  const refusal = (work: () => void) => {
    try {
      work();
    } catch (thrown) {
      return thrown;
    }
    return undefined;
  };
  const refusals = () => [refusal(() => duty.require()), refusal(() => duty.requireChosen())];
  for (const one of refusals()) expect(one).toMatchObject({ code: 'unavailable', facts: { standby: true } });
  expect([duty.isKnown, duty.isActive]).toEqual([false, false]);
  duty.standBy();
  expect([duty.isKnown, duty.isActive]).toEqual([true, false]);
  for (const one of refusals()) expect(String(one)).toContain('stands by for the one that is at work');
  duty.chosen();
  // A probe does not take it out while it takes over.
  expect([duty.isKnown, duty.isChosen, duty.isActive]).toEqual([true, true, false]);
  expect(refusals()).toEqual([expect.anything(), undefined]);
  duty.begin();
  expect([duty.isKnown, duty.isChosen, duty.isActive]).toEqual([true, true, true]);
  expect(refusals()).toEqual([undefined, undefined]);
  // Told once; from then on it does nothing.
  expect([duty.replaced(), duty.replaced()]).toEqual([true, false]);
  expect(refusals()).toEqual([expect.anything(), expect.anything()]);
});

it('is not ready before it has taken up what the one before it left, where it never stood by', () => {
  const duty = new Duty();
  duty.chosen();
  expect(duty.isKnown).toBe(false);
  duty.begin();
  expect(duty.isKnown).toBe(true);
});
