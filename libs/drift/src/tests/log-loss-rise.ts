// Rise of a version's log loss on a window's labelled rows above its log loss when it was evaluated. No p-value: the
// figures bring no variance of the rows' losses. Log loss follows the share of positives, so a hard day raises it
// without any fault of the model; the AUC beside it tells the two apart. NaN where a side has no rows. Cost O(1).

import { metricIn, metricNamed } from '@millrace/evaluation';
import { BY_DISTANCE, type Detector } from '../detector.js';

export const logLossRiseDetector: Detector<'quality', 'logLossRise'> = {
  name: 'log_loss_rise',
  title: 'Rise of the log loss',
  subjects: ['quality'],
  options: {
    logLossRise: {
      default: 0.05,
      minimum: 0,
      maximum: 100,
      unit: 'nats',
      description: 'Rise of the log loss above that of the evaluation.',
      reason: 'chosen, not measured: about a tenth of what a usual binary model has',
    },
  },
  threshold: 'logLossRise',
  rule: BY_DISTANCE,
  blamesVersion: false,
  formula: "log loss on the window's labelled rows, less the version's log loss when evaluated",
  paper: '',
  measure({ window, evaluated }) {
    const logLoss = metricNamed('log_loss');
    return { statistic: metricIn(window, logLoss) - metricIn(evaluated, logLoss), pValue: Number.NaN };
  },
};
