import { describe, expect, it } from '@jest/globals';
import { SWITCHES_MAX, SwitchLog } from './switch-log.js';

const entry = (revision: number) => ({
  atMs: 1,
  fromVersion: 1,
  toVersion: 2,
  reason: 'r',
  correlationId: 'c',
  revision,
  effectiveMs: 12,
});

describe('switch log', () => {
  it('counts failures from acceptance until a second after, and no later', () => {
    let failures = 10;
    const log = new SwitchLog(() => failures);
    failures = 12;
    const made = log.add('p', entry(1), 10, 5000);
    expect(made.failed).toBe(2);
    failures = 13;
    log.tick(5999);
    failures = 14;
    log.tick(6000);
    failures = 20;
    log.tick(7000);
    expect(log.list('p')[0]?.failed).toBe(4);
  });

  it('keeps a bounded number', () => {
    const log = new SwitchLog(() => 0);
    for (let i = 0; i < SWITCHES_MAX + 5; i++) log.add('p', entry(i), 0, i);
    expect(log.list('p')).toHaveLength(SWITCHES_MAX);
    expect(log.list('p')[0]?.revision).toBe(5);
  });
});
