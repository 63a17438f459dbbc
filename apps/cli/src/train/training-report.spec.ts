import { describe, expect, it } from '@jest/globals';
import { type ListedVersion, verdictText, versionsText } from './training-report.js';

const learnt = (version: number, labelRule: string) =>
  ({
    ...{ version, labelRule, origin: 'trained', blessed: true, verdict: '', reasons: ['every gate is met'] },
    ...{ trainRows: 100, heldOutRows: 10, evaluation: undefined, slices: [], warnings: [] },
  }) as unknown as ListedVersion;

describe('the verdict on a version', () => {
  it('says where rows went that neither taught nor judged: "8000 rows", and then "trained on 3200"', () => {
    const version = { ...learnt(1, ''), verdict: 'version 1 is blessed', trainSeconds: 2 };
    expect(verdictText(version, { heldOut: 5, withoutLabel: 4_000, repeats: 20 })).toBe(
      [
        'version 1 is blessed',
        '  trained on 100 rows, 5 of them held out to tell when to stop, in 2.0 s',
        '  4020 rows left out: 4000 without a label, 20 repeats of a record, whose newest row counts',
      ].join('\n'),
    );
    expect(verdictText(version, { heldOut: 0, withoutLabel: 0, repeats: 0 })).not.toContain('left out');
    expect(verdictText(version)).not.toContain('left out');
  });
});

describe('the versions of a project', () => {
  it('say which label rule each has learnt, where that is not one and the same', () => {
    const two = versionsText([learnt(1, 'paid >= 1'), learnt(2, 'paid >= 2'), learnt(3, '')], undefined);
    expect(two).toContain('version 1 has learnt paid >= 1\nversion 2 has learnt paid >= 2\n');
    expect(two).toContain('version 3 has learnt an unknown rule');
    expect(versionsText([learnt(1, 'paid >= 1'), learnt(2, 'paid >= 1')], undefined)).not.toContain('has learnt');
  });
});
