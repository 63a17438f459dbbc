// Every detector in the registry keeps the contract; and the alarm rules do what they say. A new detector is tested here by
// being registered.

import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { buildReferenceProfile, featureCells, openFeatureWindow } from '@millrace/statistics';
import type { FeatureThresholds } from './detector.js';
import { formulaOf } from './judge.js';
import { DETECTORS } from './registry.js';

const thresholds: FeatureThresholds = {
  psi: 0.2,
  ksStatistic: 0.1,
  cramersV: 0.1,
  alpha: 0.001,
  missingShare: 0.02,
  unseenShare: 0.02,
};

const rng = seededRng(5);
const profile = buildReferenceProfile({
  features: [
    { name: 'number', kind: 'numeric', values: Array.from({ length: 20_000 }, () => rng.normal()) },
    { name: 'text', kind: 'categorical', values: Array.from({ length: 20_000 }, () => `c${rng.below(30)}`) },
  ],
  scores: [0.5],
  positiveShare: 0.5,
});
const [numberCells, textCells] = profile.features.map(featureCells);

function windows(rows: number, shift: boolean, seed: number) {
  const draw = seededRng(seed);
  const number = openFeatureWindow(numberCells!);
  const text = openFeatureWindow(textCells!);
  for (let i = 0; i < rows; i++) {
    number.add(draw.normal() + (shift ? 0.7 : 0));
    text.add(`c${shift ? Math.floor(draw.below(30) / 2) : draw.below(30)}`);
  }
  return [number, text];
}

describe.each(DETECTORS.map((detector) => [detector.name, detector] as const))('%s', (name, detector) => {
  it('explains itself and answers an empty window without an alarm', () => {
    expect(formulaOf(name)).not.toBe('');
    for (const window of windows(0, false, 1)) {
      const finding = detector.test(window, thresholds);
      expect(finding === null || !finding.alarm).toBe(true);
    }
  });

  it('rings in at most one of 100 unchanged windows of 600 rows', () => {
    let alarms = 0;
    for (let seed = 0; seed < 100; seed++) {
      for (const window of windows(600, false, seed)) if (detector.test(window, thresholds)?.alarm) alarms++;
    }
    expect(alarms).toBeLessThanOrEqual(1);
  });
});

it.each(['psi', 'ks', 'chi2'])('%s rings in every one of 50 shifted windows of 600 rows', (name) => {
  const detector = DETECTORS.find((d) => d.name === name)!;
  for (let seed = 0; seed < 50; seed++) {
    const findings = windows(600, true, seed).map((window) => detector.test(window, thresholds));
    expect(findings.some((finding) => finding?.alarm)).toBe(true);
  }
});

it('missing and unseen ring by the increase over the reference', () => {
  const [number, text] = windows(500, false, 3);
  for (let i = 0; i < 20; i++) {
    number!.add(null);
    text!.add('never seen');
  }
  const find = (name: string) => DETECTORS.find((detector) => detector.name === name)!;
  expect(find('missing').test(number!, thresholds)).toMatchObject({ alarm: true });
  expect(find('unseen').test(text!, thresholds)).toMatchObject({ alarm: true });
  expect(find('unseen').test(number!, thresholds)).toBeNull();
});

it('a significant but small effect does not ring, nor does a large one without significance', () => {
  const chi2 = DETECTORS.find((detector) => detector.name === 'chi2')!;
  const many = windows(200_000, false, 9)[1]!;
  for (let i = 0; i < 3_000; i++) many.add('c0');
  const finding = chi2.test(many, thresholds);
  expect(finding!.pValue).toBeLessThan(0.001);
  expect(finding!.alarm).toBe(false);
  const few = openFeatureWindow(textCells!);
  for (let i = 0; i < 3; i++) few.add('c0');
  expect(chi2.test(few, thresholds)?.alarm).toBe(false);
});
