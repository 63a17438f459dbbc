import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { answerInto, type Difference, evaluatedScores } from '@millrace/testing';
import { scores } from './criteria/scores.js';
import { VersionEvidence } from './evidence.js';
import type { ExpectedScores } from './expected-scores.js';
import { RolloutJudge } from './judge.js';
import { type AnalysisPlan, DEFAULT_ANALYSIS } from './plan.js';

/** What a version that has learnt another concept adds to the logit of its scores. */
const LEARNT = 1;
const ROWS = 4_000;

function judged(seed: number, expected: ExpectedScores | undefined, plan: Partial<AnalysisPlan> = {}) {
  const rng = seededRng(seed);
  const arms = { stable: new VersionEvidence(1), candidate: new VersionEvidence(2) };
  const judge = new RolloutJudge(
    { ...DEFAULT_ANALYSIS, ...plan },
    { stable: 1, candidate: 2, sinceMs: 0 },
    ...(expected === undefined ? [] : [expected]),
  );
  return (requests: number, difference: Difference) => {
    let verdict = '';
    for (let i = 0; i < requests && verdict !== 'fail' && verdict !== 'pass'; i++) {
      if (rng.next() < 0.2) answerInto(arms.candidate, rng, difference);
      else answerInto(arms.stable, rng, {});
      verdict = judge.look(arms, 1_000);
    }
    const { criteria, reason } = judge.analysis();
    const failed = criteria.flatMap(({ criterion, verdict: of }) => (of === 'fail' ? criterion : []));
    return { verdict, failed, reason, answers: arms.candidate.answered, scores: criteria.find(isScores) };
  };
}

const isScores = ({ criterion }: { criterion: string }) => criterion === 'scores';

describe('a version whose evaluation has said how far its scores lie from those of the one in service', () => {
  it('passes where they lie as far apart as it said, and is taken back where nobody said so', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const told = judged(seed, evaluatedScores(LEARNT, 50 + seed))(20_000, { shift: LEARNT });
      expect(told.verdict).toBe('pass');
      const untold = judged(seed, undefined)(20_000, { shift: LEARNT });
      expect(untold).toMatchObject({ verdict: 'fail', failed: expect.arrayContaining(['scores']) });
    }
  });

  it.each([
    ['constant', { constant: 1 }, 'constant'],
    ['NaN', { nan: 0.5 }, 'unusable'],
    ['shifted to the other side by a fault', { shift: -LEARNT }, 'scores'],
    ['shifted further than was said', { shift: LEARNT + 2 }, 'scores'],
  ])('is taken back where it is %s', (_what, difference, criterion) => {
    for (let seed = 1; seed <= 5; seed++) {
      const { verdict, failed, answers } = judged(seed, evaluatedScores(0.5, 70 + seed))(6_000, difference);
      expect(verdict).toBe('fail');
      expect(failed).toContain(criterion);
      expect(answers).toBeLessThan(600);
    }
  });

  it('of 60 versions that differ as their evaluations said, looked at after each of 1,500 requests, at most 2 fail', () => {
    const plan = { minRequests: 1_000_000 };
    const wrong = Array.from({ length: 60 }, (_, i) => i + 300).filter(
      (seed) => judged(seed, evaluatedScores(LEARNT, seed + 1_000), plan)(1_500, { shift: LEARNT }).verdict === 'fail',
    );
    expect(wrong.length).toBeLessThanOrEqual(2);
  }, 60_000);

  it('of an evaluation of few rows more is allowed, for it may be off by more', () => {
    const allowed = (rows: number) => {
      const { distance } = evaluatedScores(LEARNT, 9, rows);
      const at = { rows, below: 0.05, above: 0.4 };
      expect(distance.rows).toBe(rows);
      return scores({ effect: 0.2 }, { kind: 'evaluated', distance: at }, 0.001).allowed;
    };
    const [few, many] = [allowed(400), allowed(40_000)];
    expect(few?.above).toBeGreaterThan((many?.above ?? 1) + 0.1);
    expect(many?.seen).toEqual({ below: 0.05, above: 0.4 });
  });

  it('cuts at which nothing is left to be seen are left out, and the others keep their names among routers', () => {
    const expected: ExpectedScores = { kind: 'evaluated', distance: { rows: 100_000, below: 0, above: 0.6 } };
    const places = scores({ effect: 0.2 }, expected, 0.001).cuts.map(({ place }) => place);
    // Above the lower quartile and the median nothing more can lie; below each, and above the upper one, it can.
    expect(places).toEqual([0, 2, 4, 5]);
  });

  it('of so few rows that nothing would be left to be seen it is judged as if nobody had said anything, and says why', () => {
    const few = scores({ effect: 0.2 }, { kind: 'evaluated', distance: { rows: 20, below: 0, above: 0.3 } }, 0.001);
    expect(few.cuts).toHaveLength(6);
    expect(few.cuts.every(({ margin }) => margin === 0)).toBe(true);
    expect(few.note).toContain('on 20 rows its evaluation cannot say how far');
    expect(few.allowed).toBeUndefined();
  });
});

describe('what is said of scores', () => {
  it('by an evaluation: what is allowed, of how many rows, and what an abort means', () => {
    const { reason, scores: told } = judged(1, evaluatedScores(LEARNT, 2))(6_000, { shift: -2 });
    expect(told).toMatchObject({ allowed: { rows: ROWS } });
    expect(told?.effect).toMatch(
      /^20 points more scores beyond a quartile of the version in service than its evaluation allows \([\d.]+ points below, [\d.]+ points above\)$/,
    );
    expect(reason).toMatch(
      /scores: version 2 0\.\d+ is the median score of \d+, version 1 0\.\d+ is the median score of \d+/,
    );
    expect(reason).toContain('in its evaluation, on 4000 rows, up to ');
    expect(reason).toContain('which labels alone call worse: millrace backtest compares both by them');
  });

  it('without one: why none is expected, and as strict as ever', () => {
    const why = 'version 2 was compared with version 3 when it was judged, not with version 1';
    const { reason, scores: told } = judged(1, { kind: 'unknown', why })(6_000, { shift: 2 });
    expect(told?.note).toBe(`nothing but the same scores is expected: ${why}`);
    expect(reason).toContain(why);
    expect(told?.alpha).toBeCloseTo(DEFAULT_ANALYSIS.alpha / 6, 12);
  });
});
