import { expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { type EvaluationReport, metricNamed } from '@millrace/evaluation';
import { ratherCold } from './rather-cold.js';

const about = { metric: metricNamed('log_loss'), parent: 3 };

const judged = (trial: string, logLoss: number, blessed = false) => ({
  trial,
  report: {
    ...{ blessed, verdict: blessed ? 'blessed' : 'not blessed', warnings: ['so'], reasons: [] },
    evaluation: { rows: 900, metrics: { log_loss: logLoss } },
  } as unknown as EvaluationReport,
});

it.each([
  ['the better one, from scratch', 0.56, 0.44, false, 'cold'],
  ['the better one, from the parent', 0.43, 0.44, false, 'warm'],
  ['the one from the parent where neither is better', 0.44, 0.44, false, 'warm'],
  ['a blessed one, whatever a threshold kept down', 0.43, 0.44, true, 'cold'],
  ['the one from the parent where the other has no figure', 0.43, Number.NaN, false, 'warm'],
])('takes %s', async (_, warm, cold, blessed, taken) => {
  const { trial } = await ratherCold(judged('warm', warm), async () => judged('cold', cold, blessed), about);
  expect(trial).toBe(taken);
});

it('says in verdict and warnings what was tried, and what came of it', async () => {
  const cold = await ratherCold(judged('warm', 0.56), async () => judged('cold', 0.44, true), about);
  expect([cold.report.blessed, cold.report.verdict, cold.report.warnings]).toEqual([
    true,
    "blessed; trained from scratch, for from version 3's weights it was not blessed (Log loss 0.4400 against 0.5600 on 900 rows)",
    [
      'so',
      "It is trained from scratch, for from version 3's weights it was not blessed: Log loss 0.4400 against 0.5600 on 900 rows.",
    ],
  ]);
  const warm = await ratherCold(judged('warm', 0.43), async () => judged('cold', 0.44), about);
  expect(warm.report.verdict).toBe(
    "not blessed; trained from version 3's weights, and from scratch it was no better (Log loss 0.4300 against 0.4400 on 900 rows)",
  );
});

it('takes the one from scratch where the other broke off, and says why', async () => {
  const broken = new PlatformError('invalid_argument', 'the loss is Infinity at step 0');
  const { trial, report } = await ratherCold(broken, async () => judged('cold', 0.44, true), about);
  expect([trial, report.verdict]).toEqual([
    'cold',
    "blessed; trained from scratch, for from version 3's weights it failed (the loss is Infinity at step 0)",
  ]);
});
