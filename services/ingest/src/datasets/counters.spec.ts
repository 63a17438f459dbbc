import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Counters, type CountersDocument } from './counters.js';

describe('Counters', () => {
  it('counts each message once over any crashes', () => {
    // Each number: messages handled before the next event; stored or crashed after it.
    const run = fc.array(fc.record({ messages: fc.nat(20), store: fc.boolean() }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(run, (steps) => {
        let stored: CountersDocument | null = null;
        let counters = new Counters(stored);
        counters.startAt('t', 0, 0);
        let next = 0;
        const handle = (until: number) => {
          for (; next < until; next++) if (counters.fresh('t', 0, next)) counters.add('p', 'records');
        };
        let end = 0;
        for (const step of steps) {
          end += step.messages;
          handle(end);
          if (step.store) {
            const snapshot = counters.snapshot();
            if (snapshot !== null) {
              stored = JSON.parse(JSON.stringify(snapshot)) as CountersDocument;
              counters.stored(stored);
            }
          } else {
            // Killed: reading goes on from the committed offset, which never passes what was stored.
            counters = new Counters(stored);
            counters.startAt('t', 0, 0);
            next = counters.savedThrough('t', 0);
          }
        }
        handle(end);
        expect(counters.of('p').records).toBe(end);
      }),
    );
  });

  it('starts at the first offset it sees when nothing was stored', () => {
    const counters = new Counters(null);
    counters.startAt('t', 1, 500);
    expect(counters.savedThrough('t', 1)).toBe(500);
    expect(counters.savedThrough('t', 0)).toBe(0);
  });

  it('begins at nothing for another project of the same name, also after a restart', () => {
    const counters = new Counters(null);
    counters.add('p', 'records', 3);
    counters.begins('p', 0);
    expect(counters.of('p').records).toBe(3);
    counters.begins('p', 7);
    counters.add('p', 'records');
    const again = new Counters(counters.snapshot());
    again.begins('p', 7);
    expect(again.of('p').records).toBe(1);
    again.begins('p', 8);
    expect(again.of('p').records).toBe(0);
    again.forget('p');
    expect(again.snapshot()).toMatchObject({ projects: {}, createdAtMs: {} });
  });
});
