import { describe, expect, it } from '@jest/globals';
import type { BaselineEvaluation, Evaluation } from '../evaluation.js';
import { METRICS, metricNamed } from '../registry.js';
import { bless } from './bless.js';
import type { Candidate } from './gate.js';

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
const candidate = (evaluation: Evaluation, champion: Evaluation | null = null): Candidate => ({
  evaluation,
  deciding: metricNamed('log_loss'),
  trivial: of(0.5, 0.5),
  baselines,
  thresholds,
  champion: champion === null ? null : { version: 4, standing: 'in service', evaluation: champion },
});

describe('bless', () => {
  it.each([
    ['a first version better than both baselines', of(0.47), null, true],
    ['no first version worse than a baseline', of(0.49), null, false],
    ['no version below a threshold', of(0.4, 0.6), null, false],
    ['a first version that is the logistic baseline itself', of(0.480001), null, true],
    ['a challenger with a lower log loss, whatever the logistic baseline', of(0.49), of(0.56), true],
    ['no challenger that is no better than the trivial baseline', of(0.5), of(0.56), false],
    ['no challenger that is only as good', of(0.47), of(0.47), false],
    ['nothing that is not a number', of(Number.NaN), null, false],
    ['no undefined AUC', of(0.4, Number.NaN), null, false],
    ['nothing without the deciding metric', { ...of(0.4), metrics: { auc: 0.9 } }, null, false],
  ])('blesses %s', (_name, evaluation, champion, blessed) => {
    expect(bless(candidate(evaluation, champion)).blessed).toBe(blessed);
  });

  it('gives one sentence a gate', () => {
    expect(bless(candidate(of(0.49))).reasons).toEqual([
      'AUC 0.7000 is at least 0.62.',
      "Log loss is lower than the trivial baseline's: 0.4900 against 0.5000 on 100 rows.",
      "Log loss is not lower than the logistic baseline's: 0.4900 against 0.4800 on 100 rows.",
    ]);
    expect(bless(candidate(of(0.48))).reasons[2]).toBe(
      "Log loss is as low as the logistic baseline's: 0.4800 against 0.4800 on 100 rows.",
    );
    expect(bless(candidate(of(0.49), of(0.5))).reasons[2]).toBe(
      "Log loss is lower than version 4's (in service): 0.4900 against 0.5000 on 100 rows.",
    );
  });

  it('shows enough digits of two figures that differ, and says where they are the same: "0.4230 against 0.4230"', () => {
    const against = (own: number, champion: number) => bless(candidate(of(own), of(champion))).reasons[2];
    const not = "Log loss is not lower than version 4's (in service)";
    expect(against(0.423_04, 0.423_01)).toBe(`${not}: 0.42304 against 0.42301 on 100 rows.`);
    expect(against(0.423_000_000_02, 0.423)).toBe(`${not}: 0.42300000002 against 0.423 on 100 rows.`);
    expect(against(0.423, 0.423)).toBe(`${not}: both 0.4230 on 100 rows.`);
  });

  it('says in one sentence what was found, and what may help where it was not enough', () => {
    expect(bless(candidate(of(0.47))).verdict).toBe(
      'blessed: log loss 0.4700 on 100 rows that it had not seen; the trivial baseline 0.5000, the logistic baseline 0.4800',
    );
    expect(bless(candidate(of(0.52), of(0.6))).verdict).toBe(
      "not blessed: log loss is not lower than the trivial baseline's: 0.5200 against 0.5000 on 100 rows; more rows or other features may help",
    );
    expect(bless(candidate(of(0.4, 0.6))).verdict).toBe('not blessed: AUC 0.6000 is below the required 0.62');
  });

  it('decides by the metric that the project chose, in its direction', () => {
    const byAuc = (own: Evaluation, champion: Evaluation) =>
      bless({ ...candidate(own, champion), deciding: metricNamed('auc'), thresholds: [] });
    // A lower log loss does not help a lower AUC.
    expect(byAuc(of(0.4, 0.69), of(0.5, 0.7))).toMatchObject({
      blessed: false,
      reasons: [
        "AUC is higher than the trivial baseline's: 0.6900 against 0.5000 on 100 rows.",
        "AUC is not higher than version 4's (in service): 0.6900 against 0.7000 on 100 rows.",
      ],
      verdict:
        "not blessed: AUC is not higher than version 4's (in service): 0.6900 against 0.7000 on 100 rows; version 4 stays the better one",
    });
    expect(byAuc(of(0.5, 0.71), of(0.4, 0.7)).blessed).toBe(true);
  });

  it('compares with what an older system or a person is said to reach', () => {
    const stated: BaselineEvaluation = { name: 'dispatchers', kind: 'human', value: 0.48 };
    expect(bless({ ...candidate(of(0.47)), thresholds: [], baselines: [stated] })).toEqual({
      blessed: true,
      reasons: [
        "Log loss is lower than the trivial baseline's: 0.4700 against 0.5000 on 100 rows.",
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
