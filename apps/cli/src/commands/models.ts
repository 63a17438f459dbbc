// models: the versions of a project with their figures.

import { metricIn, metricNamed } from '@millrace/evaluation';
import type { Command } from 'commander';
import type { RegisteredVersion } from '../client/control.http.js';
import { shownId } from '../ids.js';
import { table } from '../table.js';
import { action } from './context.js';
import { registerCommand } from './register.js';

export function modelCommands(program: Command): void {
  const models = program.command('models');
  registerCommand(models);
  models
    .description('lists model versions with their evaluation and blessing')
    .argument('<project>')
    .option('--slices', 'the figures of each value of the columns under evaluation.slices instead')
    .action(
      action(async (context, project: string, options: { slices?: boolean }) => {
        const models = await context.control.models(project);
        context.print(
          models,
          () => (options.slices ? slicesTable(models) : versionsTable(models)),
          models.length === 0 ? [`millrace train ${project}`] : [],
        );
        return 0;
      }),
    );
}

/** A version that no labelled row has judged has none. */
const figures = (evaluation: RegisteredVersion['evaluation']): string[] =>
  ['auc', 'log_loss'].map((name) =>
    evaluation === undefined ? '-' : metricIn(evaluation, metricNamed(name)).toFixed(4),
  );

function versionsTable(models: readonly RegisteredVersion[]): string {
  return table(
    ['version', 'auc', 'log loss', 'blessed', 'sha256', 'reasons'],
    models.map((m) => [
      m.version,
      ...figures(m.evaluation),
      m.blessed ? 'yes' : 'no',
      shownId(m.modelSha256),
      m.reasons.join('; '),
    ]),
  );
}

function slicesTable(models: readonly RegisteredVersion[]): string {
  return table(
    ['version', 'column', 'value', 'rows', 'auc', 'log loss'],
    models.flatMap((m) =>
      m.slices.map(({ column, value, evaluation }) => [
        m.version,
        column,
        value,
        evaluation.rows,
        ...figures(evaluation),
      ]),
    ),
  );
}
