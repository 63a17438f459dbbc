// train: starts a training, shows how it goes, says what came of it and why, and waits until a blessed version is in
// service where the project's loop puts it there.

import { counted, PlatformError } from '@millrace/domain';
import { nothingToLearn, WORKERS_MAX } from '@millrace/project';
import type { Command } from 'commander';
import { EXIT_FAILED, EXIT_OK } from '../exit-codes.js';
import { isTrained } from '../overview/version-command.js';
import { commandsIn } from '../terminal/typed-as.js';
import { leftOutRows, showTraining, verdictText } from '../train/training-report.js';
import { meantRevision } from './apply-here.js';
import { action, type Context, poll } from './context.js';
import { arrivalText, comesIntoService } from './into-service.js';
import { rowCounts } from './models.js';
import { projectName, SEED_MAX, time, wholeNumber } from './option-values.js';
import { forced } from './routes.js';
import { meantDatasets } from './told-usual.js';

interface TrainOptions {
  dataset?: string[];
  evaluateFrom?: number;
  workers?: number;
  seed?: number;
}

const TRAINING_DEADLINE_MS = 3_600_000;

export function trainCommand(program: Command): void {
  program
    .command('train')
    .description('trains a model version, says whether it is blessed and why, and waits until it is in service')
    .argument('<project>', 'its name', projectName)
    .option(
      '--dataset <id...>',
      'dataset versions, by id or its first characters; default: every import that no later one of the file replaces, without one all live versions',
    )
    .option(
      '--evaluate-from <time>',
      'rows from this event time on evaluate; default: evaluation.from for a first version, else the newest share',
      time,
    )
    .option('--workers <count>', 'training workers; default from the project file', wholeNumber(1, WORKERS_MAX))
    // 0 stands for the project's own seed in the API.
    .option('--seed <seed>', 'of shuffling and first weights; default from the project file', wholeNumber(1, SEED_MAX))
    .action(action(train));
}

async function train(context: Context, project: string, options: TrainOptions): Promise<number> {
  const meant = await meantRevision(context, project);
  const { control } = context;
  const datasets = await control.datasets(project);
  // Before it is sent for dataset versions that would not help.
  if (!(await isTrained(control, project))) throw new PlatformError('invalid_argument', nothingToLearn(project));
  const datasetVersions = await meantDatasets(control, project, datasets, options.dataset);
  const rows = datasets.filter(({ id }) => datasetVersions.includes(id)).reduce((sum, one) => sum + one.rows, 0);
  const { trainingId } = await control.startTraining(project, {
    datasetVersions,
    // What a person names is meant.
    leaveOutUnfit: options.dataset === undefined,
    ...meant,
    ...(options.evaluateFrom === undefined ? {} : { evaluateFromMs: options.evaluateFrom }),
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    trigger: 'manual',
  });
  context.whenStopped(`the training goes on without it; \`millrace models ${project}\` shows what comes of it`);
  const stage = context
    .stages()
    .stage('train', `${project}: ${counted(datasetVersions.length, 'dataset version')}, ${counted(rows, 'row')}`);
  const ended = await poll(
    async () => {
      const training = await control.training(project, trainingId);
      if (training.state === 'finished' || training.state === 'failed') return training;
      showTraining(stage, training);
      return undefined;
    },
    'the training',
    TRAINING_DEADLINE_MS,
  );
  if (ended.state === 'failed') {
    const why = ended.last.message ?? '';
    stage.fail('not trained');
    const commands = commandsIn(why);
    const next = commands.length === 0 ? [`millrace datasets ${project}`] : commands;
    context.print(ended, () => `${trainingId} failed: ${why}`, next);
    return EXIT_FAILED;
  }
  const model = await control.model(project, ended.last.version ?? 0);
  stage.done(`version ${model.version}`);
  const arrival = model.blessed ? await comesIntoService(context, project, model.version) : undefined;
  const inService = arrival?.isInService === true;
  const { reasons, blessed } = model;
  const counts = await rowCounts(control, model);
  context.print(
    { ...ended, reasons, blessed, inService, heldOutRows: counts?.heldOut, leftOutRows: leftOutRows(counts) },
    () =>
      [verdictText(model, counts), ...(arrival === undefined ? [] : [arrivalText(model.version, arrival)])].join('\n'),
    nextAfter(project, model, inService),
  );
  return blessed ? EXIT_OK : EXIT_FAILED;
}

function nextAfter(project: string, { version, blessed }: { version: number; blessed: boolean }, inService: boolean) {
  if (inService) return [`millrace predict ${project} --input FILE --output scored.csv`, `millrace loop ${project}`];
  if (blessed) return [`millrace loop ${project}`, `millrace rollout start ${project} ${version}`];
  return [`millrace models ${project}`, `${forced(project, version)}   # all the same`];
}
