// One training from rows to an announced model version. The order of steps and what goes where; reading rows, running
// workers, scoring and writing are ports.

import { type Clock, seededRng } from '@millrace/domain';
import {
  bless,
  type Evaluation,
  type EvaluationReport,
  evaluate,
  intervalsOf,
  metricNamed,
} from '@millrace/evaluation';
import {
  encodeRows,
  type FeaturePlan,
  type FittedPlan,
  fitPlan,
  planOf,
  type RawColumns,
  type SignatureInput,
} from '@millrace/features';
import {
  baselineNetwork,
  baselinePlan,
  buildNetwork,
  initialWeights,
  type LogisticBaseline,
  type Network,
  scoreLogistic,
  scoreMajority,
} from '@millrace/models';
import type { Project } from '@millrace/project';
import type { EncodedRows } from './batch.js';
import { batchRowsFor } from './batch-size.js';
import type { DataFile, JobSpec, TrainSpec } from './job.js';
import type { TrainingRequest } from './request.js';
import type { TrainingReporter } from './runner.js';
import { splitIndex } from './split.js';

export interface LabelledRows {
  columns: RawColumns;
  labels: Float32Array;
  eventTimeMs: Float64Array;
  rows: number;
}

/** What of an earlier version a training needs. */
export interface EarlierModel {
  plan: FittedPlan;
  weights: Float32Array;
  network: Network;
  /** Probabilities of raw rows, as that version serves them. */
  score(columns: RawColumns): Promise<Float32Array>;
}

/** Everything that goes into a package. */
export interface PackageContent {
  trainingId: string;
  project: Project;
  request: TrainingRequest;
  inputs: readonly SignatureInput[];
  plan: FittedPlan;
  network: Network;
  weights: Float32Array;
  baseline: LogisticBaseline;
  reference: { columns: RawColumns; scores: Float32Array; positiveShare: number };
  /** Rows for the parity check, encoded. */
  parity: EncodedRows;
  evaluation: EvaluationReport;
  workers: number;
  trainRows: number;
  trainSeconds: number;
}

export interface CarryOutPorts {
  readRows(request: TrainingRequest, inputs: readonly SignatureInput[]): Promise<LabelledRows>;
  earlier(project: string, version: number): Promise<EarlierModel>;
  latestBlessed(project: string): number;
  writeData(path: string, data: EncodedRows): DataFile;
  writeFloats(path: string, values: Float32Array): string;
  readFloats(path: string): Promise<Float32Array>;
  /** Runs a job on the workers; `resume` is filled in for each membership. */
  runJob(
    id: string,
    workers: number,
    spec: JobSpec,
    progress: (step: number, steps: number, loss: number) => void,
  ): Promise<{ workers: number; sha256: string }>;
  /** Scores encoded rows with the network's ONNX form. */
  score(network: Network, weights: Float32Array, encoded: Float32Array): Promise<Float32Array>;
  /** Writes the package under the project's next version and announces it. */
  publish(content: PackageContent): Promise<number>;
  /** Deletes the training's working files. */
  clean(folder: string): void;
}

/** The logistic baseline: enough passes and a rate at which its log loss stops falling on 7,000 to 230,000 rows. */
const LOGISTIC_EPOCHS = 6;
const LOGISTIC_RATE = 0.02;
const LOGISTIC_L2 = 1e-6;

/** Progress updates per training at most this often. */
const PROGRESS_EVERY_MS = 500;
const CHECKPOINTS_KEPT = 2;

export async function carryOut(
  trainingId: string,
  request: TrainingRequest,
  project: Project,
  reporter: TrainingReporter,
  ports: CarryOutPorts,
  clock: Clock,
): Promise<{ version: number; blessed: boolean; reasons: readonly string[] }> {
  const folder = `trainings/${trainingId}`;
  const unfitted = planOf(project);
  const rows = await ports.readRows(request, unfitted.inputs);
  const at = splitIndex(rows.eventTimeMs, request);
  const train = part(rows, 0, at);
  const later = part(rows, at, rows.rows);
  const parent = request.warmStartVersion > 0 ? await ports.earlier(request.project, request.warmStartVersion) : null;
  // A warm start keeps the parent's plan: its vocabularies are what the weights mean. Where the project's features or
  // network have changed since, there is nothing to take over, and the training starts from scratch.
  const warm = parent !== null && fitsProject(parent, unfitted, project) ? parent : null;
  const plan = warm === null ? fitPlan(unfitted, train.columns) : warm.plan;
  const network = buildNetwork(plan, project.model);
  const share = train.labels.reduce((sum, label) => sum + label, 0) / train.rows;
  const startedMs = clock.monotonicMs();
  const settings = { warm: warm !== null, folder, request, project, train, share, reporter, ports, clock };
  const initial = warm === null ? initialWeights(network, share, seededRng(request.seed)) : warm.weights;
  const encoded = encodeRows(plan, train.columns);
  const model = await trainNetwork('model', network, encoded, initial, later.rows, settings);
  const trainSeconds = (clock.monotonicMs() - startedMs) / 1000;
  const baseline = await fitBaseline(plan, settings);

  const scores = await ports.score(network, model.weights, encodeRows(plan, later.columns));
  const evaluation = await report(request, project, later, scores, baseline, ports);
  const trainScores = await ports.score(network, model.weights, encoded);
  const version = await ports.publish({
    trainingId,
    project,
    request,
    inputs: unfitted.inputs,
    plan,
    network,
    weights: model.weights,
    baseline,
    reference: { columns: train.columns, scores: trainScores, positiveShare: share },
    parity: parityRows(plan, later),
    evaluation,
    workers: model.workers,
    trainRows: train.rows,
    trainSeconds,
  });
  ports.clean(folder);
  return { version, blessed: evaluation.blessed, reasons: evaluation.reasons };
}

/**
 * A warm start knows most already, and few new rows are soon learned by heart: half the passes gave a lower log loss on the
 * newest fifth than all, over ten windows of 9 and 15 days of shifted flights (-0.030 against -0.025).
 */
function warmEpochs(epochs: number): number {
  return Math.max(1, Math.round(epochs / 2));
}

interface FitSettings {
  /** Whether the model starts from its parent's weights. */
  warm: boolean;
  folder: string;
  request: TrainingRequest;
  project: Project;
  train: LabelledRows;
  share: number;
  reporter: TrainingReporter;
  ports: CarryOutPorts;
  clock: Clock;
}

/** Trains one network on the workers; `name` tells its files apart. Only the model itself reports its progress. */
async function trainNetwork(
  name: 'model' | 'logistic',
  network: Network,
  encoded: Float32Array,
  initial: Float32Array,
  evaluationRows: number,
  { warm, folder, request, project, train, reporter, ports, clock }: FitSettings,
): Promise<{ weights: Float32Array; workers: number }> {
  const { training, model } = project;
  const isModel = name === 'model';
  const batchRows = batchRowsFor(train.rows, training.batchRows);
  const epochs = isModel ? (warm ? warmEpochs(training.epochs) : training.epochs) : LOGISTIC_EPOCHS;
  const initialPath = `${folder}/${name}-initial.bin`;
  const spec: TrainSpec = {
    kind: 'train',
    data: ports.writeData(`${folder}/${name}-rows.bin`, {
      width: network.inputWidth,
      values: encoded,
      labels: train.labels,
    }),
    network,
    optimizer: isModel ? training.optimizer : 'adam',
    learningRate: isModel ? training.learningRate : LOGISTIC_RATE,
    finalLearningRateShare: isModel ? training.finalLearningRateShare : 0.05,
    l2: isModel ? model.l2 : LOGISTIC_L2,
    dropout: isModel ? model.dropout : 0,
    batchRows,
    epochs,
    seed: request.seed,
    initialWeights: { path: initialPath, sha256: ports.writeFloats(initialPath, initial) },
    checkpoint: {
      folder: `${folder}/${name}-checkpoints`,
      everySteps: training.checkpointEverySteps,
      generation: 0,
      keep: CHECKPOINTS_KEPT,
    },
    resume: null,
    resultPath: `${folder}/${name}-weights.bin`,
  };
  const steps = Math.ceil(train.rows / batchRows) * epochs;
  if (isModel)
    reporter.report({ kind: 'started', workers: request.workers, trainRows: train.rows, evaluationRows, steps });
  let nextMs = 0;
  let from: { step: number; atMs: number } | null = null;
  const outcome = await ports.runJob(
    `${folder.slice(folder.indexOf('/') + 1)}-${name}`,
    request.workers,
    spec,
    (step, of, loss) => {
      const nowMs = clock.monotonicMs();
      if (from === null || step < from.step) from = { step, atMs: nowMs };
      if (!isModel || (nowMs < nextMs && step < of)) return;
      nextMs = nowMs + PROGRESS_EVERY_MS;
      const seconds = (nowMs - from.atMs) / 1000;
      const rowsPerSecond = seconds > 0 ? ((step - from.step) * batchRows) / seconds : 0;
      reporter.report({ kind: 'progress', step, steps: of, loss, rowsPerSecond });
    },
  );
  return { weights: await ports.readFloats(spec.resultPath), workers: outcome.workers };
}

async function fitBaseline(plan: FittedPlan, settings: FitSettings): Promise<LogisticBaseline> {
  const narrow = baselinePlan(plan);
  const network = baselineNetwork(narrow);
  const initial = initialWeights(network, settings.share, seededRng(settings.request.seed));
  const { weights } = await trainNetwork(
    'logistic',
    network,
    encodeRows(narrow, settings.train.columns),
    initial,
    0,
    settings,
  );
  return { format: 1, plan: narrow, weights: Array.from(weights), majorityShare: settings.share };
}

async function report(
  request: TrainingRequest,
  project: Project,
  later: LabelledRows,
  scores: Float32Array,
  baseline: LogisticBaseline,
  ports: CarryOutPorts,
): Promise<EvaluationReport> {
  const range = {
    eventTimeFromMs: later.eventTimeMs[0] ?? 0,
    eventTimeToMs: later.eventTimeMs[later.rows - 1] ?? 0,
  };
  const judge = (of: ArrayLike<number>): Evaluation => evaluate('binary', { labels: later.labels, scores: of }, range);
  const evaluation = judge(scores);
  const baselines: EvaluationReport['baselines'] = [
    { name: 'majority', kind: 'trivial', evaluation: judge(scoreMajority(baseline, later.rows)) },
    { name: 'logistic', kind: 'older_system', evaluation: judge(scoreLogistic(baseline, later.columns)) },
  ];
  const championVersion = request.championVersion ?? ports.latestBlessed(request.project);
  const champion = championVersion === 0 ? null : await ports.earlier(request.project, championVersion);
  const championEvaluation = champion === null ? undefined : judge(await champion.score(later.columns));
  const { blessed, reasons } = bless({
    evaluation,
    baselines,
    thresholds: project.evaluation.thresholds,
    deciding: metricNamed(project.scope.metric),
    champion: championEvaluation === undefined ? null : { version: championVersion, evaluation: championEvaluation },
  });
  const intervals = intervalsOf('binary', { labels: later.labels, scores });
  return { blessed, reasons, evaluation, intervals, championVersion, championEvaluation, baselines, slices: [] };
}

function part(rows: LabelledRows, start: number, end: number): LabelledRows {
  const columns = Object.fromEntries(
    Object.entries(rows.columns).map(([name, values]) => [name, Array.prototype.slice.call(values, start, end)]),
  );
  return {
    columns,
    labels: rows.labels.slice(start, end),
    eventTimeMs: rows.eventTimeMs.slice(start, end),
    rows: end - start,
  };
}

/** The first rows of the evaluation range, which the parity check scores in both runtimes. */
const PARITY_ROWS = 2_000;

function parityRows(plan: FittedPlan, later: LabelledRows): EncodedRows {
  const some = part(later, 0, Math.min(PARITY_ROWS, later.rows));
  return { width: plan.width, values: encodeRows(plan, some.columns), labels: some.labels };
}

function fitsProject(parent: EarlierModel, unfitted: FeaturePlan, project: Project): boolean {
  const ofPlan = parent.plan.steps.map((step) => [
    step.kind,
    step.kind === 'cross' ? step.inputs : step.input,
    'embedding' in step ? step.embedding : 0,
  ]);
  const ofProject = unfitted.features.map((spec) => [
    spec.kind,
    spec.kind === 'cross' ? spec.inputs : spec.input,
    'embedding' in spec ? spec.embedding : 0,
  ]);
  const sameFeatures = JSON.stringify(ofPlan) === JSON.stringify(ofProject);
  return sameFeatures && JSON.stringify(buildNetwork(parent.plan, project.model)) === JSON.stringify(parent.network);
}
