// What is said of a training: how far it is, and in the end the verdict with the reasons behind it.

import type { AnswerOf, trainerApi } from '@millrace/api';
import type { Stage } from '../terminal/stage.js';

type Training = AnswerOf<typeof trainerApi.endpoints.training>;
type Version = AnswerOf<typeof trainerApi.endpoints.model>;

/** One line of a bar. */
function progressText({ state, last }: Training): string {
  if (state === 'queued') return 'waits for the training that runs';
  if (last.kind !== 'progress') return 'reads the rows and fits the features';
  const parts = [`step ${last.step ?? 0} of ${last.steps ?? 0}`];
  if (typeof last.loss === 'number') parts.push(`loss ${last.loss.toFixed(4)}`);
  if (typeof last.rowsPerSecond === 'number') parts.push(`${Math.round(last.rowsPerSecond)} rows/s`);
  return parts.join(', ');
}

export function showTraining(stage: Stage, training: Training): void {
  const { step = 0, steps = 0 } = training.last;
  stage.progress(step, Math.max(1, steps), progressText(training));
}

/** The verdict, then what there is to know besides; where there is none, the sentence of each gate. */
export function verdictText(model: Version): string {
  const { version, blessed, reasons, verdict, warnings } = model;
  const plain = [`version ${version} is ${blessed ? 'blessed' : 'not blessed'}`, ...reasons.map((one) => `  ${one}`)];
  return [
    ...(verdict === '' ? plain : [verdict]),
    ...warnings.map((warning) => (model.origin === 'trained' ? `  warning: ${warning}` : `  ${warning}`)),
    ...(model.origin === 'trained'
      ? [`  trained on ${model.trainRows} rows in ${model.trainSeconds.toFixed(1)} s`]
      : []),
  ].join('\n');
}
