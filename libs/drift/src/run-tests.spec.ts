// The alarms of a whole window: at most alpha false ones, whatever the number of features, and true drift among them is
// found.

import { describe, expect, it } from '@jest/globals';
import { windowOf } from '../test/streams.js';
import { optionsOf } from './options.js';
import { type Examined, runTests } from './run-tests.js';
import { SUBJECTS } from './subjects.js';

const FEATURES = 200;

/** `share`: the defaults (1) or none of the effect sizes (0), so that alpha alone decides. */
const inputOptions = (share: number) =>
  Object.fromEntries(Object.entries(optionsOf('input')).map(([key, option]) => [key, share * option.default]));

/** 200 features of one version, half of them categorical; those of `drifted` shifted. */
function project(
  rows: number,
  seed: number,
  options: Examined['options'],
  drifted: readonly number[] = [],
): Examined[] {
  return Array.from({ length: FEATURES }, (_, i) => ({
    name: `f${i}`,
    rows,
    sample: windowOf(
      i % 2 === 0 ? 'numeric' : 'categorical',
      rows,
      seed * FEATURES + i,
      drifted.includes(i) ? 0 : Number.POSITIVE_INFINITY,
    ),
    options,
  }));
}

describe('200 unchanged features', () => {
  it('ring in at most alpha of the windows by significance alone; corrected feature by feature, every window rings', () => {
    const alpha = 0.05;
    const windows = 40;
    const options = inputOptions(0);
    const rings = (subjects: Examined[]) => runTests(subjects, alpha).some((test) => test.alarm);
    let corrected = 0;
    for (let seed = 1; seed <= windows; seed++) {
      const subjects = project(80, seed, options);
      if (rings(subjects)) corrected += 1;
      if (seed <= 3) expect(subjects.filter((subject) => rings([subject])).length).toBeGreaterThan(0);
    }
    // Three standard deviations of the binomial count above its mean.
    expect(corrected).toBeLessThanOrEqual(windows * alpha + 3 * Math.sqrt(windows * alpha * (1 - alpha)));
  });

  it('never ring with the options as they are by default, nor hide a feature that drifts', () => {
    for (let seed = 1; seed <= 2; seed++) {
      expect(runTests(project(500, seed, inputOptions(1)), 0.001).filter((test) => test.alarm)).toEqual([]);
      const ringing = runTests(project(500, seed, inputOptions(1), [10, 17]), 0.001).filter((test) => test.alarm);
      expect(new Set(ringing.map((test) => test.feature))).toEqual(new Set(['f10', 'f17']));
    }
  });
});

it('gives the corrected p-value, and none to tests that have none', () => {
  const options = inputOptions(1);
  const [one] = project(500, 1, options);
  const software: Examined = {
    name: SUBJECTS.software.name,
    rows: 500,
    sample: { subject: 'software', errorShare: 0.5, p99Ms: 3 },
    options: { errorShare: 0.01, p99Ms: 100 },
  };
  const apart = runTests([one as Examined], 0.001);
  const together = runTests([one as Examined, one as Examined, software], 0.001);
  const least = (tests: typeof apart) => Math.min(...tests.map((test) => test.pValue).filter((p) => !Number.isNaN(p)));
  expect(least(together)).toBeCloseTo(Math.min(1, 2 * least(apart)), 12);
  expect(together.slice(-2)).toEqual([
    expect.objectContaining({ detector: 'error_share', pValue: Number.NaN, alarm: true }),
    expect.objectContaining({ detector: 'p99_ms', pValue: Number.NaN, alarm: false }),
  ]);
});
