// One training from its request to an announced model version, step after step: load -> trial (split, plan, fit,
// evaluate) -> judge, and once more from scratch where that helps -> publish. Each step is a file of this folder with
// its own ports; the order is here. A training that was stopped begins no further work and announces nothing.

import { PlatformError, type TrainingRequest } from '@millrace/domain';
import { metricNamed } from '@millrace/evaluation';
import { type Project, planOf } from '@millrace/project';
import { refuseStopped } from '../training/refuse-stopped.js';
import type { TrainingReporter, TrainingResult } from '../training/runner.js';
import { championOf, comparable } from './champion.js';
import { type Champion, fittedBaselines, judge, scoresOf } from './evaluate.js';
import { folderOf } from './fit.js';
import { fittingVersions, type VersionFacts, versionsText } from './fitting-versions.js';
import { type LabelledRows, loadRows, type RowSource } from './load.js';
import type { EarlierModel, EarlierModels } from './plan.js';
import { type PublishPorts, publish } from './publish.js';
import { type Judged, ratherCold } from './rather-cold.js';
import { hashSeedOf, splitRule } from './split.js';
import { runTrial, type Trial, type TrialPorts, type TrialSettings } from './trial.js';

export interface PipelinePorts extends TrialPorts {
  rows: RowSource;
  models: EarlierModels;
  publish: PublishPorts;
  log(message: string, facts: Record<string, string>): void;
}

export async function runTraining(
  trainingId: string,
  request: TrainingRequest,
  project: Project,
  reporter: TrainingReporter,
  ports: PipelinePorts,
  isStopped: () => boolean = () => false,
): Promise<TrainingResult> {
  try {
    return await runSteps(trainingId, request, project, reporter, untilStopped(ports, isStopped));
  } finally {
    // Of one that failed otherwise they stay: the next process may go on from them.
    if (isStopped()) ports.files.remove(folderOf(trainingId));
  }
}

function untilStopped(ports: PipelinePorts, isStopped: () => boolean): PipelinePorts {
  return {
    ...ports,
    workers: {
      run: async (...job) => {
        refuseStopped(isStopped);
        return ports.workers.run(...job);
      },
    },
    publish: {
      ...ports.publish,
      announce: async (version) => {
        refuseStopped(isStopped);
        await ports.publish.announce(version);
      },
    },
  };
}

async function runSteps(
  trainingId: string,
  asked: TrainingRequest,
  project: Project,
  reporter: TrainingReporter,
  ports: PipelinePorts,
): Promise<TrainingResult> {
  const { inputs } = planOf(project);
  const versions = ports.rows.versions(project.name, asked.datasetVersions);
  const fitting = fittingVersions(project, versions, asked.leaveOutUnfit ?? false);
  const request = { ...asked, datasetVersions: fitting.ids };
  const split = splitRule(project, request);
  const opponent = comparable(await championOf(request, ports.models), project, inputs);
  const taken = { inputs, compared: opponent.champion?.inputs };
  const rows = await loadRows(ports.rows, project, request.datasetVersions, taken, hashSeedOf(split));
  if (rows.rows === 0) throw nothingLabelled(project.name, versions, rows.leftOut.withoutLabel);
  const { warmStartVersion } = request;
  const parent = warmStartVersion > 0 ? await ports.models.earlier(project.name, warmStartVersion) : null;
  const options = { id: trainingId, project, workers: request.workers, seed: request.seed, split };
  const known = [...fitting.warnings, ...rows.warnings, ...opponent.warnings, ...coldStart(warmStartVersion, parent)];
  // The rows that judge are the same ones each time.
  let championScores: Promise<Float32Array> | undefined;
  const champion = opponent.champion && {
    ...opponent.champion,
    score: (later: LabelledRows) => {
      championScores ??= (opponent.champion as Champion).score(later);
      return championScores;
    },
  };
  const judged = async (settings: Pick<TrialSettings, 'parent' | 'attempt'>): Promise<Judged<Trial>> => {
    const trial = await runTrial(rows, { ...options, ...settings }, reporter, ports);
    const warnings = [...known, ...trial.warnings];
    const contest = {
      ...trial,
      ...fittedBaselines(trial.baseline, trial.later),
      champion,
      warnings,
      servesScore: true,
    };
    return { trial, report: await judge(project, trial.later, contest) };
  };
  const first = await judged({ parent }).catch((thrown: unknown) => {
    const error = PlatformError.from(thrown);
    // Such as a loss beyond all numbers, from weights far off.
    if (parent === null || error.code !== 'invalid_argument') throw error;
    return error;
  });
  const fromScratch = async () => {
    const why = 'report' in first ? first.report.verdict : first.reason;
    ports.log('trained on from its parent it came to nothing: trained again from scratch', {
      training: trainingId,
      why,
    });
    return judged({ parent: null, attempt: 'scratch' });
  };
  const about = { metric: metricNamed(project.scope.metric), parent: warmStartVersion };
  const isDone = 'report' in first && (first.report.blessed || !first.trial.warm);
  const { trial, report: evaluation } = isDone ? first : await ratherCold(first, fromScratch, about);
  const trainScores = await scoresOf(trial, trial.train, ports.scorer);
  const published = await publish(
    { trainingId, request, project, inputs, trial, trainScores, evaluation, leftOut: rows.leftOut },
    ports.publish,
    ports.clock,
  );
  ports.files.remove(folderOf(trainingId));
  return published;
}

function nothingLabelled(project: string, versions: readonly VersionFacts[], rows: number): PlatformError {
  const given = `of ${rows} rows of ${versionsText(versions)} none has a label`;
  const mend = `send what became of them (\`millrace labels add ${project} --file FILE\`), or choose others`;
  return new PlatformError('invalid_argument', `${given}, and there is nothing to learn: ${mend}`, {
    facts: { project, rows },
  });
}

function coldStart(asked: number, parent: EarlierModel | null): string[] {
  if (asked === 0 || parent !== null) return [];
  return [
    `The training started from scratch: version ${asked} was trained elsewhere, its weights are not ours to go on from.`,
  ];
}
