// One training from its request to an announced model version, step after step: load -> trial (split, plan, fit,
// evaluate) -> judge -> publish. Each step is a file of this folder with its own ports; the order
// is here.

import type { TrainingRequest } from '@millrace/domain';
import { type Project, planOf } from '@millrace/project';
import type { TrainingReporter, TrainingResult } from '../training/runner.js';
import { judge, scoresOf } from './evaluate.js';
import { folderOf } from './fit.js';
import { loadRows, type RowSource } from './load.js';
import type { EarlierModels } from './plan.js';
import { type PublishPorts, publish } from './publish.js';
import { hashSeedOf, splitRule } from './split.js';
import { runTrial, type TrialPorts } from './trial.js';

export interface PipelinePorts extends TrialPorts {
  rows: RowSource;
  models: EarlierModels;
  publish: PublishPorts;
}

export async function runTraining(
  trainingId: string,
  request: TrainingRequest,
  project: Project,
  reporter: TrainingReporter,
  ports: PipelinePorts,
): Promise<TrainingResult> {
  const { inputs } = planOf(project);
  const split = splitRule(project, request);
  const rows = await loadRows(ports.rows, project, request.datasetVersions, inputs, hashSeedOf(split));
  const earlier = (version: number) => ports.models.earlier(project.name, version);
  const parent = request.warmStartVersion > 0 ? await earlier(request.warmStartVersion) : null;
  const options = { id: trainingId, project, workers: request.workers, seed: request.seed };
  const trial = await runTrial(rows, { ...options, split, parent }, reporter, ports);

  const championVersion = request.championVersion ?? ports.models.latestBlessed(project.name);
  const champion = championVersion === 0 ? null : { version: championVersion, model: await earlier(championVersion) };
  const evaluation = await judge(project, trial.later, { ...trial, champion });
  const trainScores = await scoresOf(trial, trial.train, ports.scorer);
  const published = await publish(
    { trainingId, request, project, inputs, trial, trainScores, evaluation },
    ports.publish,
    ports.clock,
  );
  ports.files.remove(folderOf(trainingId));
  return published;
}
