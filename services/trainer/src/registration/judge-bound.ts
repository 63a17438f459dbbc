// Judges a model that was trained elsewhere on the project's labelled rows, by the gates of a trained version: the
// project's thresholds, the trivial baseline, stated baselines, the version in service. What needs a training of ours
// (the logistic baseline) is left out. The rows that do not judge are the reference.

import { type Task, type TrainingRequest, taskOf } from '@millrace/domain';
import type { EvaluationReport } from '@millrace/evaluation';
import type { SignatureInput } from '@millrace/features';
import { scoreMajority } from '@millrace/models';
import type { ComputedBaseline, Project } from '@millrace/project';
import { championOf, comparable } from '../pipeline/champion.js';
import { type Champion, evaluateRows, judge } from '../pipeline/evaluate.js';
import { type LabelledRows, loadRows, pickRows } from '../pipeline/load.js';
import { hashSeedOf, splitRows, splitRule } from '../pipeline/split.js';
import type { TrainingReporter } from '../training/runner.js';
import type { RegistrationPorts } from './registration-ports.js';

export interface Judged {
  report: Omit<EvaluationReport, 'evaluation' | 'intervals'> &
    Partial<Pick<EvaluationReport, 'evaluation' | 'intervals'>>;
  /** Rows and scores that the reference is made of; null = there are none. */
  reference: { rows: LabelledRows; scores: Float32Array; positiveShare: number } | null;
}

/** Scores of rows; `told` hears how many are answered. */
export type ScoreRows = (rows: LabelledRows, told: (done: number) => void) => Promise<Float32Array>;

/** Of dataset versions without labelled rows the reference is made, and nothing is judged. */
export async function judgeBound(
  request: TrainingRequest,
  project: Project,
  inputs: readonly SignatureInput[],
  score: ScoreRows,
  reporter: TrainingReporter,
  ports: Pick<RegistrationPorts, 'rows' | 'models'>,
): Promise<Judged> {
  const { datasetVersions } = request;
  if (datasetVersions.length === 0) {
    const why = project.data.label === undefined ? 'the project has no label' : 'no dataset version was named';
    return { report: notJudged(why), reference: null };
  }
  const opponent = comparable(await championOf(request, ports.models), project, inputs);
  const { champion } = opponent;
  const split = splitRule(project, request);
  const taken = { inputs, compared: champion?.inputs };
  const rows = await loadRows(ports.rows, project, datasetVersions, taken, hashSeedOf(split), 'all');
  if (rows.rows === 0) return { report: notJudged('the dataset versions have no row'), reference: null };
  reporter.report({ kind: 'started', workers: 0, trainRows: 0, evaluationRows: rows.rows, steps: rows.rows });
  let scored = 0;
  const scoresOf = (part: LabelledRows) => {
    const before = scored;
    return score(part, (done) => {
      scored = before + done;
      reporter.report({
        kind: 'progress',
        step: scored,
        steps: rows.rows,
        loss: Number.NaN,
        rowsPerSecond: Number.NaN,
      });
    });
  };
  const labelled = labelledOf(rows);
  if (labelled.rows === 0) {
    const scores = await scoresOf(rows);
    const meanScore = scores.reduce((sum, one) => sum + one, 0) / scores.length;
    return { report: notJudged('no labelled rows'), reference: { rows, scores, positiveShare: meanScore } };
  }
  const { train, later } = splitRows(labelled, split);
  const scores = await scoresOf(later);
  const warnings = [...rows.warnings, ...opponent.warnings];
  const report = await judgement(project, later, { scores, trainLabels: train.labels, champion, warnings });
  const positiveShare = train.labels.reduce((sum, label) => sum + label, 0) / train.rows;
  return { report, reference: { rows: train, scores: await scoresOf(train), positiveShare } };
}

function labelledOf(rows: LabelledRows): LabelledRows {
  const places: number[] = [];
  for (let row = 0; row < rows.rows; row++) if (!Number.isNaN(rows.labels[row])) places.push(row);
  return places.length === rows.rows ? rows : pickRows(rows, places);
}

function notJudged(why: string): Judged['report'] {
  const verdict = `not judged: ${why}`;
  return {
    blessed: false,
    reasons: [`${verdict}.`],
    verdict,
    warnings: [],
    championVersion: 0,
    baselines: [],
    slices: [],
  };
}

/** What is not known of rows that somebody else's model is judged on. */
const UNKNOWN_TRAINING =
  'Whether the model learned from the rows that judged it is not known here: what it has seen, it answers better.';

const LOGISTIC_LEFT_OUT =
  'The logistic baseline is left out, for it needs a training: `millrace train` compares with it.';

function judgement(
  project: Project,
  later: LabelledRows,
  contest: { scores: Float32Array; trainLabels: Float32Array; champion: Champion | null; warnings: readonly string[] },
): Promise<EvaluationReport> {
  const { scores, champion, trainLabels, warnings } = contest;
  const task: Task = taskOf(project.scope.task);
  const positiveShare = task.scoreOf(task.trivialBaseline.outputs(trainLabels));
  const trivial = scoreMajority({ majorityShare: positiveShare }, later.rows);
  const computed = (name: ComputedBaseline) => (name === 'majority' ? trivial : undefined);
  const leavesOut = project.scope.baselines.some(({ name, value }) => name === 'logistic' && value === undefined);
  return judge(project, later, {
    ...{ scores, champion, trivial, computed, rowsAre: 'of the project' },
    evaluation: evaluateRows(project, later, scores),
    warnings: [UNKNOWN_TRAINING, ...(leavesOut ? [LOGISTIC_LEFT_OUT] : []), ...warnings],
  });
}
