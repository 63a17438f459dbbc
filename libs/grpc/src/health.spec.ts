import { describe, expect, it } from '@jest/globals';
import { HealthState, type HealthWatcher, WATCHERS_MAX } from './health.js';

const SERVING = 1;
const NOT_SERVING = 2;
const UNKNOWN = 3;

function watcher() {
  const seen: (number | 'end')[] = [];
  const one: HealthWatcher = { write: (status) => void seen.push(status), end: () => void seen.push('end') };
  return { seen, one };
}

describe('the health of a server', () => {
  it('is one state for the server and each of its services, and unknown for others', () => {
    const health = new HealthState(['a.A']);
    expect([health.check(''), health.check('a.A'), health.check('b.B')]).toEqual([SERVING, SERVING, undefined]);
    health.setServing(false);
    expect(health.list()['a.A']).toEqual({ status: NOT_SERVING });
  });

  it('is pushed to watchers when it changes, not to those of a service that is not here', () => {
    const health = new HealthState([]);
    const [known, unknown, gone] = [watcher(), watcher(), watcher()];
    health.watch('', known.one);
    health.watch('b.B', unknown.one);
    health.watch('', gone.one);
    health.forget(gone.one);
    for (const serving of [true, false, false, true]) health.setServing(serving);
    expect([known.seen, unknown.seen, gone.seen]).toEqual([[SERVING, NOT_SERVING, SERVING], [UNKNOWN], [SERVING]]);
  });

  it('ends its watchers when the server closes, and who comes later at once', () => {
    const health = new HealthState([]);
    const [early, late] = [watcher(), watcher()];
    health.watch('', early.one);
    health.close();
    health.watch('', late.one);
    expect([early.seen, late.seen]).toEqual([
      [SERVING, NOT_SERVING, 'end'],
      [NOT_SERVING, 'end'],
    ]);
  });

  it('refuses watchers beyond its bound', () => {
    const health = new HealthState([]);
    for (let i = 0; i < WATCHERS_MAX; i++) expect(health.watch('', watcher().one)).toBe(true);
    expect(health.watch('', watcher().one)).toBe(false);
  });
});
