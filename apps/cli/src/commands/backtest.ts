// backtest: two versions on the same recorded rows, without live traffic.

import { type AnswerOf, type trainerApi } from '@millrace/api';
import { PlatformError, timeText } from '@millrace/domain';
import { metricNamed, shown } from '@millrace/evaluation';
import { primaryVersion } from '@millrace/routing';
import type { Command } from 'commander';
import { EXIT_OK } from '../exit-codes.js';
import { table } from '../table.js';
import { action, type Context } from './context.js';
import { projectName, time, VERSION_MAX, wholeNumber } from './option-values.js';
import { meantDatasets } from './told-usual.js';

type Backtest = AnswerOf<typeof trainerApi.endpoints.backtest>;

interface BacktestOptions {
  against: number;
  modelVersion?: number;
  dataset?: string[];
  from?: number;
  to?: number;
}

export function backtestCommand(program: Command): void {
  program
    .command('backtest')
    .description('scores two versions on the same recorded rows: which is the better one, by how much, how sure')
    .argument('<project>', 'its name', projectName)
    .requiredOption('--against <version>', 'the version to compare with', wholeNumber(1, VERSION_MAX))
    .option('--model-version <version>', 'default: the one in service', wholeNumber(1, VERSION_MAX))
    .option('--dataset <id...>', 'dataset versions, by id or its first characters; default: as train chooses them')
    .option('--from <time>', 'event time; default: from the first row that neither version has learned from', time)
    .option('--to <time>', 'event time, exclusive; default: to the newest row', time)
    .action(action(backtest));
}

async function backtest(context: Context, project: string, options: BacktestOptions): Promise<number> {
  const { control } = context;
  const { against, modelVersion, dataset, from, to } = options;
  const version = modelVersion ?? (await inService(context, project));
  const datasetVersions = await meantDatasets(control, project, await control.datasets(project), dataset);
  const stage = context.stages().stage('backtest', `${project}: version ${version} against ${against}`);
  try {
    const answer = await control.backtest(project, {
      ...{ version, against, datasetVersions },
      ...(from === undefined ? {} : { fromMs: from }),
      ...(to === undefined ? {} : { toMs: to }),
    });
    stage.done(`${answer.rows} rows`);
    context.print(answer, (width) => backtestText(answer, width), [`millrace models ${project}`]);
    return EXIT_OK;
  } catch (thrown) {
    stage.fail('not done');
    throw thrown;
  }
}

async function inService({ control }: Context, project: string): Promise<number> {
  const route = await control.routeOrNone(project);
  const version = primaryVersion(route?.targets ?? []);
  if (version > 0) return version;
  throw new PlatformError(
    'invalid_argument',
    `no version of ${project} is in service: name one with --model-version; \`millrace models ${project}\` lists them`,
  );
}

function backtestText(answer: Backtest, width: number | undefined): string {
  const { version, against, rows, olderRows, fromMs, toMs, metrics, slices, deciding, verdict, warnings } = answer;
  const span = fromMs === null || toMs === null ? '' : ` of ${timeText(fromMs)} to ${timeText(toMs)}`;
  const older = olderRows === 0 ? '' : `; ${olderRows} older ones were left out`;
  const heads = ['', `version ${version}`, `version ${against}`];
  const cell = (value: number | null) => (value === null ? '-' : shown(value));
  const figures = metrics.map((one) => [
    metricNamed(one.name).title,
    ...[cell(one.version), cell(one.against), cell(one.difference)],
    `${cell(one.lower)} to ${cell(one.upper)}`,
  ]);
  const bySlice = slices.map((one) => [
    `${one.column} ${one.value}`,
    ...[cell(one.version), cell(one.against), String(one.rows)],
  ]);
  return [
    verdict,
    ...warnings.map((warning) => `  ${warning}`),
    `on ${rows} labelled rows${span}${older}`,
    '',
    table([...heads, 'difference', '95 %'], figures, width),
    ...(slices.length === 0
      ? []
      : ['', table([metricNamed(deciding).title, ...heads.slice(1), 'rows'], bySlice, width)]),
  ].join('\n');
}
