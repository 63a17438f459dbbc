import { describe, expect, it } from '@jest/globals';
import { aModelVersion } from '@millrace/testing';
import { KnownVersions } from './known-versions.js';

const SCORES = { rows: 2_000, below: 0.1, above: 0.3 };

function known(): KnownVersions {
  const versions = new KnownVersions((project) => (project === 'anew' ? 5_000 : 0));
  const announce = (version: number, championVersion: number, championScores?: typeof SCORES) =>
    versions.announced(aModelVersion({ project: 'p', version, championVersion, championScores }));
  announce(1, 0);
  announce(2, 1, SCORES);
  announce(3, 1);
  versions.announced(aModelVersion({ project: 'anew', version: 2, championVersion: 1, championScores: SCORES }));
  return versions;
}

describe('what a version’s announcement says of its scores against another version’s', () => {
  it('is how far they lay apart, where it was compared with that one', () => {
    expect(known().expectedScores('p', 2, 1)).toEqual({ kind: 'evaluated', distance: SCORES });
  });

  it.each([
    ['the first one', 1, 5, 'version 1 was compared with no other when it was judged'],
    ['another champion', 2, 3, 'version 2 was compared with version 1 when it was judged, not with version 3'],
    ['an earlier release', 3, 1, 'the evaluation of version 3 does not say how far its scores lie from version 1’s'],
  ])('of %s it is unknown, and why', (_what, version, against, why) => {
    const found = known().expectedScores('p', version, against);
    expect(found).toMatchObject({ kind: 'unknown' });
    expect((found as { why: string }).why.replace("'", '’')).toContain(why);
  });

  it('of a deleted one it is unknown; of one nobody announced, or of a deleted project, nothing is there yet', () => {
    const versions = known();
    versions.gone('p', 2);
    expect(versions.expectedScores('p', 2, 1)).toEqual({ kind: 'unknown', why: 'version 2 was deleted' });
    expect(versions.expectedScores('p', 9, 1)).toBeUndefined();
    expect(versions.expectedScores('anew', 2, 1)).toBeUndefined();
  });
});
