// Every detector of the registry keeps the contract, on every kind of subject that it looks at. A new detector is tried
// here by being registered.

import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import type { Detector, Sample } from '../src/detector.js';
import { optionsOf } from '../src/options.js';
import { DETECTORS } from '../src/registry.js';
import { runTests } from '../src/run-tests.js';
import { SUBJECT_GROUPS, SUBJECTS, type SubjectKind } from '../src/subjects.js';
import { degenerate, open, windowOf } from './streams.js';

const WINDOWS = 200;
const ROWS = 1_000;
/** Of a detector by itself; wide enough that 200 windows can contradict it. */
const ALPHA = 0.05;

const defaults = (detector: Detector, change: Readonly<Record<string, number>> = {}) => ({
  ...Object.fromEntries(Object.entries(detector.options).map(([key, option]) => [key, option.default])),
  ...change,
});
const rings = (detector: Detector, sample: Sample, options: Readonly<Record<string, number>>, alpha = 0.001) => {
  const measured = detector.measure(sample, options);
  if (measured === null) return false;
  return detector.rule.alarms(measured.statistic, options[detector.threshold] as number, measured.pValue, alpha);
};

/** Drawn once a kind: detectors only read them. */
const unchanged = new Map<SubjectKind, readonly Sample[]>();
function unchangedWindows(kind: SubjectKind): readonly Sample[] {
  const drawn = unchanged.get(kind) ?? Array.from({ length: WINDOWS }, (_, i) => windowOf(kind, ROWS, 1_000 + i));
  unchanged.set(kind, drawn);
  return drawn;
}

const pairs = DETECTORS.flatMap((detector) =>
  detector.subjects.map((kind) => [detector.name, kind, detector] as [string, SubjectKind, Detector]),
);

describe.each(pairs)('%s on %s', (_, kind, detector) => {
  it('is silent on an empty window', () => {
    expect(rings(detector, windowOf(kind, 0, 1), defaults(detector))).toBe(false);
  });

  it('rings in no more unchanged windows than it says', () => {
    // With a p-value: alpha alone must hold, with no help of the effect size. Without: the default bound is never
    // reached.
    const significant = !Number.isNaN(detector.measure(windowOf(kind, ROWS, 1), defaults(detector))?.pValue);
    const options = defaults(detector, significant ? { [detector.threshold]: 0 } : {});
    const alarms = unchangedWindows(kind).filter((sample) => rings(detector, sample, options, ALPHA)).length;
    // Four standard deviations of the binomial count above its mean.
    const most = significant ? WINDOWS * ALPHA + 4 * Math.sqrt(WINDOWS * ALPHA * (1 - ALPHA)) : 0;
    expect(alarms).toBeLessThanOrEqual(most);
  });

  it('rings in each of 20 shifted windows, and in each of 20 of which a half is shifted', () => {
    for (let seed = 0; seed < 20; seed++) {
      expect(rings(detector, windowOf(kind, ROWS, seed, 0), defaults(detector))).toBe(true);
      expect(rings(detector, windowOf(kind, ROWS, seed, ROWS / 2), defaults(detector))).toBe(true);
    }
  });

  it('says the same however its rows were split and in which order they are merged', () => {
    const whole = detector.measure(windowOf(kind, 600, 7, 300), defaults(detector));
    const rng = seededRng(7);
    const parts = [0, 1, 2, 3].map((part) => {
      const own = open(kind);
      for (let i = 150 * part; i < 150 * (part + 1); i++) own.add(rng, i >= 300);
      return own;
    });
    const merged = open(kind);
    for (const part of [parts[2]!, parts[0]!, parts[3]!, parts[1]!]) merged.merge(part);
    const measured = detector.measure(merged.sample(), defaults(detector));
    // Sums of losses differ in their last bits.
    const rounded = (value: number) => Number(value.toPrecision(12));
    expect(rounded(measured!.statistic)).toBe(rounded(whole!.statistic));
    expect(rounded(measured!.pValue)).toBe(rounded(whole!.pValue));
  });
});

const features = pairs.flatMap(([name, kind, detector]) =>
  kind === 'numeric' || kind === 'categorical' ? [[name, kind, detector] as const] : [],
);

describe.each(features)('%s on a degenerate %s feature', (_, kind, detector) => {
  it.each([
    ['constant', kind === 'numeric' ? 4 : 'same'],
    ['without any value', null],
    ['of NaN', Number.NaN],
  ])('%s: an unchanged one never rings', (_what, value) => {
    expect(rings(detector, degenerate(kind, value, 800), defaults(detector))).toBe(false);
  });
});

describe('the registry', () => {
  it('has names that are unique for each subject, and one formula a name', () => {
    const keys = pairs.map(([name, kind]) => `${kind}/${name}`);
    expect(new Set(keys).size).toBe(keys.length);
    for (const { name, formula } of DETECTORS) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(formula).not.toBe('');
      expect(new Set(DETECTORS.filter((other) => other.name === name).map((other) => other.formula)).size).toBe(1);
    }
  });

  it('blames a version for its quality and its software only: a drift of inputs or scores has other causes', () => {
    const blaming = pairs.filter(([, , detector]) => detector.blamesVersion).map(([, kind]) => kind);
    expect(blaming.length).toBeGreaterThan(0);
    expect(blaming.filter((kind) => kind !== 'quality' && kind !== 'software')).toEqual([]);
  });

  it.each(SUBJECT_GROUPS)('has options of the group %s that are unique, in range and explained', (group) => {
    const own = DETECTORS.filter(({ subjects }) => subjects.some((kind) => SUBJECTS[kind].group === group));
    expect(Object.keys(optionsOf(group))).toHaveLength(own.flatMap(({ options }) => Object.keys(options)).length);
    for (const [key, option] of Object.entries(optionsOf(group))) {
      expect(key).toMatch(/^[a-z][A-Za-z0-9]*$/);
      expect(option.default).toBeGreaterThanOrEqual(option.minimum);
      expect(option.default).toBeLessThanOrEqual(option.maximum);
      for (const text of [option.description, option.reason, option.unit]) expect(text).not.toBe('');
    }
  });

  it('has thresholds that do what they say: above the statistic it is silent', () => {
    for (const [name, kind, detector] of pairs) {
      const sample = windowOf(kind, ROWS, 1, 0);
      const subject = { name, rows: ROWS, sample };
      const at = (value: number) =>
        runTests([{ ...subject, options: { ...allDefaults(kind), [detector.threshold]: value } }], 0.001).find(
          (result) => result.detector === name,
        );
      const { statistic } = at(0)!;
      expect(at(statistic)).toMatchObject({ threshold: statistic, alarm: true });
      expect(at(statistic * 1.001)).toMatchObject({ alarm: false });
    }
  });
});

function allDefaults(kind: SubjectKind): Record<string, number> {
  const options = Object.entries(optionsOf(SUBJECTS[kind].group));
  return Object.fromEntries(options.map(([key, option]) => [key, option.default]));
}
