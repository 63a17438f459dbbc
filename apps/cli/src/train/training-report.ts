// What is said of a training: how far it is, in the end the verdict with the reasons behind it, and of all versions the
// figures with the rows they stand on.

import type { AnswerOf, trainerApi } from '@millrace/api';
import { counted, timeText } from '@millrace/domain';
import { metricIn, metricNamed } from '@millrace/evaluation';
import { table } from '../table.js';
import type { Stage } from '../terminal/stage.js';

type Training = AnswerOf<typeof trainerApi.endpoints.training>;
export type Version = AnswerOf<typeof trainerApi.endpoints.model>;

/** Of a version's package; what an earlier build did not count is left out. */
export interface RowCounts {
  readonly heldOut?: number;
  readonly withoutLabel?: number;
  readonly repeats?: number;
}

/** Of the dataset versions' rows those that neither taught nor judged. */
export const leftOutRows = ({ withoutLabel = 0, repeats = 0 }: RowCounts = {}): number => withoutLabel + repeats;

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
export function verdictText(model: Version, counts: RowCounts = {}): string {
  const { version, blessed, reasons, verdict, warnings } = model;
  const plain = [`version ${version} is ${blessed ? 'blessed' : 'not blessed'}`, ...reasons.map((one) => `  ${one}`)];
  return [
    ...(verdict === '' ? plain : [verdict]),
    ...warnings.map((warning) => (model.origin === 'trained' ? `  warning: ${warning}` : `  ${warning}`)),
    ...(model.origin === 'trained'
      ? [`  ${rowsText(model, counts)}, in ${model.trainSeconds.toFixed(1)} s`, ...leftOutText(counts)]
      : []),
  ].join('\n');
}

function leftOutText(counts: RowCounts): string[] {
  const { withoutLabel = 0, repeats = 0 } = counts;
  const parts = [
    ...(withoutLabel > 0 ? [`${withoutLabel} without a label`] : []),
    ...(repeats > 0 ? [`${repeats} repeats of a record, whose newest row counts`] : []),
  ];
  return parts.length === 0 ? [] : [`  ${leftOutRows(counts)} rows left out: ${parts.join(', ')}`];
}

/** Which rows it was learnt from, and on which its figures stand. */
function rowsText({ trainRows, evaluation }: Version, { heldOut: held }: RowCounts): string {
  const heldOut = held ? `, ${held} of them held out to tell when to stop` : '';
  if (evaluation === undefined) return `trained on ${counted(trainRows, 'row')}${heldOut}`;
  const { rows, eventTimeFromMs } = evaluation;
  const how = splitOf(evaluation) === 'time' ? `from ${timeText(eventTimeFromMs)} on` : 'chosen by a hash of their ids';
  return `trained on ${counted(trainRows, 'row')}${heldOut}; evaluated on ${counted(rows, 'other')}, ${how}`;
}

/** How the rows that evaluate were parted from those that train: rows without an event time have no first moment. */
function splitOf({ eventTimeFromMs, eventTimeToMs }: NonNullable<Version['evaluation']>): 'time' | 'hash' {
  return eventTimeFromMs === 0 && eventTimeToMs === 0 ? 'hash' : 'time';
}

export interface ListedVersion extends Version {
  /** undefined = nobody knows: of release 0.1, or the package is not to be had. */
  heldOutRows: number | undefined;
}

const figures = (evaluation: Version['evaluation']): string[] =>
  ['auc', 'log_loss'].map((name) => {
    const figure = metricIn(evaluation, metricNamed(name));
    return Number.isFinite(figure) ? figure.toFixed(4) : '-';
  });

/** A line a version, on how many rows its figures stand, and below what was said of each. */
export function versionsText(models: readonly ListedVersion[], width: number | undefined): string {
  const heads = ['version', 'auc', 'log loss', 'on rows', 'split by', 'trained on', 'held out', 'blessed'];
  const rows = models.map((m) => [
    m.version,
    ...figures(m.evaluation),
    m.evaluation?.rows ?? '-',
    m.evaluation === undefined ? '-' : splitOf(m.evaluation),
    m.origin === 'trained' ? m.trainRows : '-',
    m.origin === 'trained' ? (m.heldOutRows ?? '?') : '-',
    m.blessed ? 'yes' : m.evaluation === undefined ? 'not judged' : 'no',
  ]);
  const rules = [...new Set(models.map(({ labelRule }) => labelRule).filter((rule) => rule !== ''))];
  // Figures of two rules are of two questions.
  const ruled =
    rules.length < 2 ? [] : models.map((m) => `version ${m.version} has learnt ${m.labelRule || 'an unknown rule'}`);
  const said = models.map((m) => (m.verdict === '' ? `version ${m.version}: ${m.reasons.join('; ')}` : m.verdict));
  return [table(heads, rows, width), ...ruled, ...said].join('\n');
}

export function slicesText(models: readonly Version[], width: number | undefined): string {
  const rows = models.flatMap((m) =>
    m.slices.map(({ column, value, evaluation }) => [
      m.version,
      column,
      value,
      evaluation.rows,
      ...figures(evaluation),
    ]),
  );
  if (rows.length === 0) return 'no slice: the project file names none under evaluation.slices';
  return table(['version', 'column', 'value', 'rows', 'auc', 'log loss'], rows, width);
}
