import { describe, expect, it } from '@jest/globals';
import type { BaselineEvaluation, Evaluation } from '../evaluation.js';
import { METRICS, metricNamed } from '../registry.js';
import { bless } from './bless.js';
import type { Candidate, OnSameRows } from './gate.js';

const of = (logLoss: number, auc = 0.7): Evaluation => ({
  rows: 100,
  metrics: { auc, log_loss: logLoss, accuracy: 0.8 },
  positiveShare: 0.2,
  eventTimeFromMs: 0,
  eventTimeToMs: 0,
});
const baselines: BaselineEvaluation[] = [
  { name: 'majority', kind: 'trivial', evaluation: of(0.5, 0.5) },
  { name: 'logistic', kind: 'older_system', evaluation: of(0.48, 0.65) },
];
const thresholds = [{ metric: 'auc', min: 0.62 }];
const REACH = 0.005;

/** Another one on the same rows, with an interval of the difference that reaches so far to either side. */
const opponent = (own: Evaluation, evaluation: Evaluation, metric = 'log_loss', reach = REACH): OnSameRows => {
  const [value, other] = [own, evaluation].map(({ metrics }) => metrics[metric] ?? Number.NaN) as [number, number];
  const difference = value - other;
  return {
    evaluation,
    difference: { value, other, difference, lower: difference - reach, upper: difference + reach },
  };
};

const candidate = (
  evaluation: Evaluation,
  champion: Evaluation | null = null,
  metric = 'log_loss',
  reach = REACH,
): Candidate => ({
  evaluation,
  deciding: metricNamed(metric),
  trivial: opponent(evaluation, of(0.5, 0.5), metric, reach),
  chance: { auc: 0.7, bound: 0.6 },
  baselines,
  thresholds,
  champion:
    champion === null ? null : { version: 4, standing: 'in service', ...opponent(evaluation, champion, metric, reach) },
  confidence: 0.9,
});

describe('bless', () => {
  it.each([
    ['a first version better than both baselines', of(0.47), null, true],
    ['no first version worse than a baseline', of(0.49), null, false],
    ['no version below a threshold', of(0.4, 0.6), null, false],
    ['a first version that is the logistic baseline itself', of(0.480001), null, true],
    ['a challenger with a lower log loss, whatever the logistic baseline', of(0.49), of(0.56), true],
    ['no challenger that is no better than the trivial baseline', of(0.5), of(0.56), false],
    ['no first version that may be no better than the trivial baseline', of(0.496), null, false],
    ['no challenger that is only as good', of(0.47), of(0.47), false],
    ['no challenger that is better by what chance does', of(0.47), of(0.474), false],
    ['nothing that is not a number', of(Number.NaN), null, false],
    ['no undefined AUC', of(0.4, Number.NaN), null, false],
    ['nothing without the deciding metric', { ...of(0.4), metrics: { auc: 0.9 } }, null, false],
  ])('blesses %s', (_name, evaluation, champion, blessed) => {
    expect(bless(candidate(evaluation, champion)).blessed).toBe(blessed);
  });

  it('gives one sentence a gate', () => {
    expect(bless(candidate(of(0.49))).reasons).toEqual([
      'AUC 0.7000 is at least 0.62.',
      "Log loss is lower than the trivial baseline's: 0.4900 against 0.5000 on 100 rows, difference −0.0100, 90 % of −0.0150 to −0.0050.",
      'AUC is above what answers by chance reach once in 1,000 times: 0.7000 against 0.6000 on 100 rows.',
      "Log loss is not lower than the logistic baseline's: 0.4900 against 0.4800 on 100 rows.",
    ]);
    expect(bless(candidate(of(0.48))).reasons[3]).toBe(
      "Log loss is as low as the logistic baseline's: 0.4800 against 0.4800 on 100 rows.",
    );
    expect(bless(candidate(of(0.49), of(0.5))).reasons[3]).toBe(
      "Log loss is lower than version 4's (in service): 0.4900 against 0.5000 on 100 rows, difference −0.0100, 90 % of −0.0150 to −0.0050.",
    );
  });

  describe('of a challenger', () => {
    const not = "Log loss is not lower than version 4's (in service)";

    it('says which difference would have been seen where none is, and that more rows tell more', () => {
      const { verdict } = bless(candidate(of(0.47), of(0.474)));
      expect(verdict).toBe(
        "not blessed: log loss is not clearly lower than version 4's (in service): 0.4700 against 0.4740 on 100 rows, " +
          'difference −0.0040, 90 % of −0.0090 to +0.0010; one of about 0.0050 would be seen; version 4 stays, and more ' +
          'labelled rows tell more',
      );
      expect(bless(candidate(of(0.474), of(0.47))).reasons[3]).toBe(
        `${not}: 0.4740 against 0.4700 on 100 rows, difference +0.0040, 90 % of −0.0010 to +0.0090; one of about 0.0050 would be seen.`,
      );
    });

    it('says that one stays the better one only where it was seen to be', () => {
      expect(bless(candidate(of(0.48), of(0.47))).verdict).toMatch(/; version 4 stays the better one$/);
    });

    it('shows enough digits of two figures that differ, and says where they are the same: "0.4230 against 0.4230"', () => {
      const against = (own: number, champion: number, reach: number) =>
        bless(candidate(of(own), of(champion), 'log_loss', reach)).reasons[3];
      expect(against(0.423_04, 0.423_01, 1e-6)).toBe(
        `${not}: 0.42304 against 0.42301 on 100 rows, difference +0.000030, 90 % of +0.000029 to +0.000031.`,
      );
      expect(against(0.423, 0.423, 0)).toBe(`${not}: both 0.4230 on 100 rows.`);
    });

    it('is not better where the figures differ by the rounding of two engines, on however many rows', () => {
      const same = candidate(of(0.423), of(0.423_000_000_02), 'log_loss', 1e-12);
      expect(bless(same).reasons[3]).toBe(`${not}: both 0.4230, up to rounding, on 100 rows.`);
      expect(bless(same).verdict).toMatch(/, up to rounding, on 100 rows; version 4 stays$/);
      expect(bless(candidate(of(0.423), of(0.423_01), 'log_loss', 1e-12)).blessed).toBe(true);
    });

    it('decides by the bare figures where that is asked for, and then shows no interval', () => {
      const bare = { ...candidate(of(0.47), of(0.4701), 'log_loss', 0), confidence: 0 };
      expect(bless(bare)).toMatchObject({ blessed: true });
      expect(bless(bare).reasons[3]).toMatch(/0\.4700 against 0\.4701 on 100 rows, difference −0\.00010\.$/);
    });

    it('is not blessed where nothing can be said, and says why', () => {
      const undefinedOn = candidate(of(0.4, Number.NaN), of(0.4, Number.NaN), 'auc');
      expect(bless({ ...undefinedOn, thresholds: [] }).reasons.at(-1)).toBe(
        "AUC cannot be compared with version 4's (in service) on 100 rows: it is not defined on them.",
      );
      const few = bless(candidate(of(0.4), of(0.5), 'log_loss', Number.NaN));
      expect(few.reasons[3]).toBe(
        "Log loss cannot be compared with version 4's (in service) on 100 rows: they are too few.",
      );
      expect(few.blessed).toBe(false);
    });
  });

  it('blesses nothing that tells rows apart by chance, though it beats a champion and the base rate', () => {
    const random = { ...candidate(of(0.47), of(0.9)), chance: { auc: 0.509, bound: 0.6 } };
    expect(bless(random).verdict).toBe(
      'not blessed: AUC is not above what answers by chance reach once in 1,000 times: 0.5090 against 0.6000 on 100 rows; more rows or other features may help',
    );
    const sentence = (auc: number) => bless({ ...random, chance: { auc, bound: Number.NaN } }).reasons[2];
    expect(sentence(0.5)).toBe('Nothing tells 100 rows apart: it answers all of them alike.');
    expect(sentence(Number.NaN)).toBe('Nothing tells 100 rows apart: they are all of one class.');
  });

  it('says in one sentence what was found, and what may help where it was not enough', () => {
    expect(bless(candidate(of(0.47))).verdict).toBe(
      'blessed: log loss 0.4700 on 100 rows that it had not seen; the trivial baseline 0.5000, the logistic baseline 0.4800',
    );
    expect(bless(candidate(of(0.52), of(0.6))).verdict).toBe(
      "not blessed: log loss is not lower than the trivial baseline's: 0.5200 against 0.5000 on 100 rows, difference +0.0200, 90 % of +0.0150 to +0.0250; more rows or other features may help",
    );
    expect(bless(candidate(of(0.4, 0.6))).verdict).toBe('not blessed: AUC 0.6000 is below the required 0.62');
  });

  it('decides by the metric that the project chose, in its direction', () => {
    const byAuc = (own: Evaluation, champion: Evaluation) =>
      bless({ ...candidate(own, champion, 'auc'), thresholds: [], chance: undefined });
    // A lower log loss does not help a lower AUC.
    expect(byAuc(of(0.4, 0.69), of(0.5, 0.7))).toMatchObject({
      blessed: false,
      reasons: [
        "AUC is higher than the trivial baseline's: 0.6900 against 0.5000 on 100 rows, difference +0.1900, 90 % of +0.1850 to +0.1950.",
        "AUC is not higher than version 4's (in service): 0.6900 against 0.7000 on 100 rows, difference −0.0100, 90 % of −0.0150 to −0.0050.",
      ],
      verdict:
        "not blessed: AUC is not higher than version 4's (in service): 0.6900 against 0.7000 on 100 rows, difference −0.0100, 90 % of −0.0150 to −0.0050; version 4 stays the better one",
    });
    expect(byAuc(of(0.5, 0.71), of(0.4, 0.7)).blessed).toBe(true);
  });

  it('compares with what an older system or a person is said to reach', () => {
    const stated: BaselineEvaluation = { name: 'dispatchers', kind: 'human', value: 0.48 };
    const free = { ...candidate(of(0.47)), thresholds: [], chance: undefined };
    expect(bless({ ...free, baselines: [stated] })).toEqual({
      blessed: true,
      reasons: [
        expect.stringMatching(/^Log loss is lower than the trivial baseline's: /),
        "Log loss is lower than the dispatchers baseline's: 0.4700 against 0.4800, as stated, on 100 rows.",
      ],
      verdict:
        'blessed: log loss 0.4700 on 100 rows that it had not seen; the trivial baseline 0.5000, dispatchers 0.4800, as stated',
    });
    // What was stated elsewhere has to be beaten, not equalled.
    for (const own of [0.48, 0.49])
      expect(bless({ ...candidate(of(own)), thresholds: [], baselines: [stated] }).blessed).toBe(false);
  });

  it.each(METRICS.map(({ name }) => name))('bounds %s from both sides', (metric) => {
    const evaluation = { ...of(0.4), metrics: { log_loss: 0.3, [metric]: 0.3 } };
    const bounded = (bounds: { min?: number; max?: number }) => {
      const asked = { ...candidate(evaluation, null), baselines: [], thresholds: [{ metric, ...bounds }] };
      const { blessed, reasons } = bless(asked);
      return { blessed, reasons: reasons.slice(0, 2) };
    };
    const { title } = metricNamed(metric);
    expect(bounded({ min: 0.2, max: 0.4 })).toEqual({
      blessed: true,
      reasons: [`${title} 0.3000 is at least 0.2.`, `${title} 0.3000 is at most 0.4.`],
    });
    expect(bounded({ min: 0.4, max: 0.2 })).toEqual({
      blessed: false,
      reasons: [`${title} 0.3000 is below the required 0.4.`, `${title} 0.3000 is above the allowed 0.2.`],
    });
  });
});
