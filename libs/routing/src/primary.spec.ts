import { describe, expect, it } from '@jest/globals';
import { inServiceVersion, primaryVersion } from './primary.js';

const shares = (...pairs: [number, number][]) => pairs.map(([version, weight]) => ({ version, weight }));

describe('primary version', () => {
  it.each<[string, [number, number][], number]>([
    ['nobody', [], 0],
    ['the sole target', [[3, 100]], 3],
    [
      'the larger share',
      [
        [1, 40],
        [2, 60],
      ],
      2,
    ],
    [
      'the lower version at 50/50',
      [
        [1, 50],
        [2, 50],
      ],
      1,
    ],
    [
      'the lower version at 50/50, whatever the order',
      [
        [2, 50],
        [1, 50],
      ],
      1,
    ],
    [
      'the lower of the two largest of three',
      [
        [4, 20],
        [3, 40],
        [2, 40],
      ],
      2,
    ],
  ])('is %s', (_, pairs, version) => expect(primaryVersion(shares(...pairs))).toBe(version));

  it('in service is who had the traffic before, while a rollout is in steps', () => {
    const steps = { plan: [{ weight: 60 }], at: 0, sinceMs: 1, fromRevision: 1, salt: 7, baseline: shares([1, 100]) };
    const targets = [
      { version: 1, weight: 40, name: 'blue' },
      { version: 2, weight: 60, name: 'green' },
    ];
    expect(inServiceVersion({ targets, rollout: { phase: 'progressing', version: 2, message: '', steps } })).toBe(1);
    expect(inServiceVersion({ targets, rollout: { phase: 'promoted', version: 2, message: '' } })).toBe(2);
  });

  it('leaves out who does not count', () => {
    expect(primaryVersion(shares([1, 90], [2, 5], [3, 5]), (version) => version !== 1)).toBe(2);
    expect(primaryVersion(shares([1, 100]), () => false)).toBe(0);
  });
});
