// A bounded slice of `npm run bench:loop`: that what is measured is what the state machines do.

import { describe, expect, it } from '@jest/globals';
import { Candidates } from './candidates.js';
import { measure } from './measure.js';
import { oracle } from './oracle.js';
import { projectOf } from './policies.js';
import { simulate } from './simulate.js';
import { FIRST, HISTORY } from './stream.js';
import { STREAM_NAMES, streamNamed } from './streams.js';

const run = (name: string, seed: number, retrain: string) => {
  const stream = streamNamed(name, seed);
  const project = projectOf(stream, retrain);
  const candidates = new Candidates(stream, project);
  return { stream, candidates, outcome: simulate(candidates, project) };
};

describe('a stream under a policy', () => {
  it.each(STREAM_NAMES)(
    '%s: no policy is cheaper than the oracle',
    (name) => {
      const measured = measure(name, 1);
      for (const { oracle, of } of measured.at)
        for (const cost of Object.values(of)) expect(cost).toBeGreaterThanOrEqual(oracle - 1e-6);
      const { windows, delay } = streamNamed(name, 1);
      expect(measured.retrainings.never).toBe(0);
      // The last of a window whose version is taken back on probation waits for the next one.
      const { always = 0 } = measured.retrainings;
      expect(always).toBeGreaterThan(0.75 * (windows - HISTORY - delay));
      expect(always).toBeLessThanOrEqual(windows - HISTORY - delay);
      expect(measure(name, 1)).toEqual(measured);
    },
    60_000,
  );

  it('answers a sudden change on alarm: the loop has it retrained, the gates bless it, the router shifts to it', () => {
    const { outcome } = run('sudden', 2, '{}');
    const messages = outcome.state.history.map(({ message }) => message);
    expect(messages.some((message) => /^drift of (@quality|x2|@score): /.test(message))).toBe(true);
    expect(messages.some((message) => /^version [2-9] is live$/.test(message))).toBe(true);
    expect(new Set(outcome.served).size).toBeGreaterThan(1);
  });

  it('puts no training that goes wrong in service: the gates stand before it', () => {
    const { stream, candidates, outcome } = run('a bad candidate', 1, '{ policy: schedule, every: 23h }');
    const bad = [...stream.badTrainings].filter((last) => last >= HISTORY);
    expect(bad.length).toBeGreaterThan(5);
    for (const last of bad) {
      const { evaluation } = candidates.contest({ first: last - 2, last }, { of: FIRST, version: 1 });
      expect(evaluation.metrics.log_loss).toBeGreaterThan(0.6);
    }
    expect(outcome.served.filter(({ last }) => stream.badTrainings.has(last)).length).toBeLessThan(3);
  });

  it('learns from more rows where the world stays as it is and the price is low, and from no more than versionsMax', () => {
    const spans = (retrain: string) => {
      const { served } = run('flights (real)', 1, retrain).outcome;
      return served.map(({ first, last }) => last + 1 - first);
    };
    const prices = 'policy: cost, prices: { retraining: 12.5 }';
    expect(Math.max(...spans(`{ ${prices} }`))).toBeGreaterThan(3);
    expect(Math.max(...spans(`{ ${prices}, versionsMax: 3 }`))).toBe(3);
  });

  it('has labels when they come: nothing is learned from a window before its delay', () => {
    const { stream, candidates, outcome } = run('late labels', 1, '{ policy: schedule, every: 23h }');
    outcome.served.forEach(({ last }, i) => {
      expect(last).toBeLessThanOrEqual(Math.max(HISTORY - 1, HISTORY + i - 1 - stream.delay));
    });
    const { served } = oracle(candidates, { retraining: 0, exposed: 0 });
    served.forEach(({ last }, i) => {
      expect(last).toBeLessThanOrEqual(Math.max(HISTORY - 1, HISTORY + i - 1 - stream.delay));
    });
  });
});
