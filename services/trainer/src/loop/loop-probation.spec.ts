import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { blockDifferences, metricNamed } from '@millrace/evaluation';
import { Moments } from '@millrace/statistics';
import type { KnownDataset } from './known-datasets.js';
import {
  begunProbation,
  compared,
  comparing,
  judged,
  nextToCompare,
  type Probation,
  passed,
  postponed,
  probationText,
} from './loop-probation.js';

const SPEC = { share: 1, forMs: 10_000 };
const FACTS = { version: 2, against: 1, correlationId: 'c', byHand: false, taughtThroughMs: 500 };
const begun = (over: Partial<typeof FACTS> = {}): Probation => {
  const probation = begunProbation({ ...FACTS, ...over }, SPEC, 1_000);
  if (probation === null) throw new Error('no probation');
  return probation;
};

const dataset = (n: number, over: Partial<KnownDataset> = {}): KnownDataset => ({
  ...{ id: `d${n}`, ordinal: n, windowStartMs: n * 100, windowEndMs: n * 100 + 100, labelledRows: 900 },
  ...over,
});

/** 900 rows in 30 blocks, by `effect` better on the mean; what a row differs by has a deviation of 0.4. */
function rows(seed: number, effect: number) {
  const rng = seededRng(seed);
  const moments = new Moments();
  for (let block = 0; block < 30; block++) moments.add(effect + (0.4 / Math.sqrt(30)) * rng.normal());
  const { count, mean, m2 } = moments.state();
  return { rows: 900, version: 0.6 - mean, against: 0.6, blocks: { count, mean, m2 } };
}

/** Looked at after each of so many dataset versions. */
function lookedAt(versions: number, seed: number, effect: number, nowMs = 2_000) {
  let probation = begun();
  for (let n = 5; n < 5 + versions; n++) {
    probation = compared(comparing(probation, dataset(n)), rows(seed * 1_000 + n, effect));
    const judgement = judged(probation, 'log_loss', nowMs);
    if (judgement.kind !== 'open') return { probation, judgement, versions: n - 4 };
  }
  return { probation, judgement: judged(probation, 'log_loss', nowMs), versions };
}

describe('a probation', () => {
  it('is none where nobody was before, or none is wanted', () => {
    expect(begunProbation({ ...FACTS, against: 0 }, SPEC, 1)).toBeNull();
    expect(begunProbation(FACTS, { ...SPEC, forMs: 0 }, 1)).toBeNull();
  });

  it('looks at dataset versions from after all that the version learned from, oldest first, each once', () => {
    const known = [dataset(3), dataset(4), dataset(5, { labelledRows: 0 }), dataset(6), dataset(7)];
    let probation = begun();
    expect(nextToCompare(probation, known, 1)?.id).toBe('d6');
    probation = comparing(probation, dataset(6));
    expect(nextToCompare(probation, known, 1)).toBeUndefined();
    probation = compared(probation, rows(1, 0));
    expect(nextToCompare(probation, known, 1)?.id).toBe('d7');
    probation = passed(comparing(probation, dataset(7)), '');
    expect(nextToCompare(probation, known, 1)).toBeUndefined();
    expect(probation.seen).toMatchObject({ comparisons: 1, rows: 900 });
    expect(nextToCompare(begun({ taughtThroughMs: 700 }), known, 1)?.id).toBe('d7');
  });

  it('tries again after a while what could not be read', () => {
    const probation = postponed(comparing(begun(), dataset(6)), 65_000, 'the store is away');
    expect(nextToCompare(probation, [dataset(6)], 5_001)).toBeUndefined();
    expect(nextToCompare(probation, [dataset(6)], 65_000)?.id).toBe('d6');
  });

  it('takes a version back in at most 1 % of all cases where both are as good, looked at each time', () => {
    const seeds = 1_000;
    let worse = 0;
    for (let seed = 1; seed <= seeds; seed++) if (lookedAt(20, seed, 0).judgement.kind === 'worse') worse += 1;
    // Half of the misses of a two-sided interval are on this side; 1 % and three standard deviations.
    expect(worse / seeds).toBeLessThanOrEqual(0.02);
  });

  it('takes a version back that is worse by 0.04, and keeps one that is better by it, within ten dataset versions', () => {
    let missed = 0;
    for (let seed = 1; seed <= 200; seed++) {
      if (lookedAt(10, seed, -0.04).judgement.kind !== 'worse') missed += 1;
      if (lookedAt(10, seed, 0.04).judgement.kind !== 'stays') missed += 1;
    }
    expect(missed / 400).toBeLessThanOrEqual(0.05);
  });

  it('takes a version back on the first dataset version of 500 rows, where it is plainly worse', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const { judgement, versions } = lookedAt(10, seed, -0.2);
      expect(judgement.kind).toBe('worse');
      expect(versions).toBe(1);
    }
  });

  it('takes back at most 1 % of those that are as good by real log losses, skewed as they are', () => {
    let worse = 0;
    const seeds = 400;
    for (let seed = 1; seed <= seeds; seed++) {
      const rng = seededRng(seed);
      let probation = begun();
      for (let n = 5; n < 15; n++) {
        const labels: number[] = [];
        const first: number[] = [];
        const second: number[] = [];
        for (let i = 0; i < 500; i++) {
          const truth = 0.02 + 0.2 * rng.next();
          labels.push(rng.next() < truth ? 1 : 0);
          // Both are off by as much, each its own way.
          first.push(Math.min(0.99, truth * Math.exp(0.4 * rng.normal())));
          second.push(Math.min(0.99, truth * Math.exp(0.4 * rng.normal())));
        }
        const { blocks } = blockDifferences(metricNamed('log_loss'), { labels, first, second });
        probation = compared(comparing(probation, dataset(n)), { rows: 500, version: 0.6, against: 0.6, blocks });
        const { kind } = judged(probation, 'log_loss', 2_000);
        if (kind === 'worse') worse += 1;
        if (kind !== 'open') break;
      }
    }
    // 0.5 % on this side, and three standard deviations.
    expect(worse / seeds).toBeLessThanOrEqual(0.016);
  });

  it('says what it has seen, whichever way it goes', () => {
    const { judgement, probation } = lookedAt(10, 1, -0.08);
    expect(judgement).toMatchObject({
      kind: 'worse',
      message: expect.stringMatching(
        /^version 1 is better now: Log loss 0\.\d{4} of version 2, 0\.6000 of version 1 on the same \d+ rows \(better by −0\.\d{4}, 99 % of −0\.\d{4} to −0\.\d{4}\)$/,
      ),
    });
    expect(probation.seen.rows % 900).toBe(0);
    expect(lookedAt(10, 1, 0.08).judgement).toMatchObject({
      message: expect.stringContaining('version 2 stays: Log loss'),
    });
  });

  it('ends with its time, and says how large a difference would have been seen, or that there were too few rows', () => {
    const none = begun();
    expect(judged(none, 'log_loss', 10_999)).toEqual({ kind: 'open' });
    expect(judged(none, 'log_loss', 11_000)).toEqual({
      kind: 'stays',
      message:
        'version 2 stays at the end of its probation: it was not compared with version 1, for no labelled row has come since',
    });
    const equal = compared(lookedAt(6, 3, 0).probation, rows(20, 0));
    expect(judged(equal, 'log_loss', 2_000)).toEqual({ kind: 'open' });
    expect(judged(equal, 'log_loss', 11_000)).toMatchObject({
      kind: 'stays',
      message: expect.stringMatching(/no difference is seen: .*; one of about 0\.\d{4} would be$/),
    });
    const few = compared(none, { ...rows(1, -5), blocks: { count: 3, mean: -5, m2: 0.1 } });
    expect(judged(few, 'log_loss', 2_000)).toEqual({ kind: 'open' });
    expect(probationText(few, 'log_loss')).toContain('which do not tell yet');
  });

  it('is the same after it was kept as JSON, also where a metric was not defined', () => {
    const odd = compared(begun(), {
      rows: 0,
      version: Number.NaN,
      against: Number.NaN,
      blocks: { count: 0, mean: 0, m2: 0 },
    });
    for (const probation of [begun(), odd, lookedAt(3, 2, 0).probation])
      expect(JSON.parse(JSON.stringify(probation))).toEqual(probation);
    expect(compared(odd, rows(1, 0)).seen.version).toBeCloseTo(0.6, 1);
  });
});
