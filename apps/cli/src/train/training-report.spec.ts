import { describe, expect, it } from '@jest/globals';
import { type ListedVersion, versionsText } from './training-report.js';

const learnt = (version: number, labelRule: string) =>
  ({
    ...{ version, labelRule, origin: 'trained', blessed: true, verdict: '', reasons: ['every gate is met'] },
    ...{ trainRows: 100, heldOutRows: 10, evaluation: undefined, slices: [], warnings: [] },
  }) as unknown as ListedVersion;

describe('the versions of a project', () => {
  it('say which label rule each has learnt, where that is not one and the same', () => {
    const two = versionsText([learnt(1, 'paid >= 1'), learnt(2, 'paid >= 2'), learnt(3, '')], undefined);
    expect(two).toContain('version 1 has learnt paid >= 1\nversion 2 has learnt paid >= 2\n');
    expect(two).toContain('version 3 has learnt an unknown rule');
    expect(versionsText([learnt(1, 'paid >= 1'), learnt(2, 'paid >= 1')], undefined)).not.toContain('has learnt');
  });
});
