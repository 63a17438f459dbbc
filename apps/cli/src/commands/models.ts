// train, models, rollout, promote, rollback, loop: what belongs to the trainer and the router.

import type { AnswerOf, routerApi } from '@millrace/api';
import { metricIn, metricNamed } from '@millrace/evaluation';
import type { Command } from 'commander';
import type { RegisteredVersion } from '../client/control.http.js';
import { table } from '../table.js';
import { usualDatasets } from '../train/usual-datasets.js';
import { applyHere } from './apply-here.js';
import { action, poll } from './context.js';

type ControlAnswer = AnswerOf<typeof routerApi.endpoints.promote>;

const TRAINING_DEADLINE_MS = 3_600_000;

export function modelCommands(program: Command): void {
  program
    .command('train')
    .description('trains a model version and waits for it')
    .argument('<project>')
    .option('--dataset <id...>', 'dataset versions; default: the newest import, without one all live versions')
    .option(
      '--evaluate-from <date>',
      'rows from this event time on evaluate; default: evaluation.from for a first version, else the newest share',
    )
    .option('--workers <count>', 'training workers; default from the project file')
    .option('--seed <seed>', 'of shuffling and first weights; default from the project file')
    .action(
      action(
        async (
          context,
          project: string,
          options: { dataset?: string[]; evaluateFrom?: string; workers?: string; seed?: string },
        ) => {
          await applyHere(context, project);
          const datasetVersions = options.dataset ?? usualDatasets(project, await context.control.datasets(project));
          const { trainingId } = await context.control.startTraining(project, {
            datasetVersions,
            ...(options.evaluateFrom ? { evaluateFromMs: Date.parse(options.evaluateFrom) } : {}),
            ...(options.workers ? { workers: Number(options.workers) } : {}),
            ...(options.seed ? { seed: Number(options.seed) } : {}),
            trigger: 'manual',
          });
          const ended = await poll(
            async () => {
              const training = await context.control.training(project, trainingId);
              return training.state === 'finished' || training.state === 'failed' ? training : undefined;
            },
            'the training',
            TRAINING_DEADLINE_MS,
          );
          context.print(
            ended,
            () =>
              `${trainingId}: ${ended.state}${ended.last.version ? `, version ${ended.last.version}` : ''}${ended.last.message ? `: ${ended.last.message}` : ''}`,
          );
          return ended.state === 'finished' ? 0 : 1;
        },
      ),
    );

  program
    .command('models')
    .description('lists model versions with their evaluation and blessing')
    .argument('<project>')
    .option('--slices', 'the figures of each value of the columns under evaluation.slices instead')
    .action(
      action(async (context, project: string, options: { slices?: boolean }) => {
        const models = await context.control.models(project);
        context.print(models, () => (options.slices ? slicesTable(models) : versionsTable(models)));
        return 0;
      }),
    );

  const rollout = program.command('rollout').description('brings a version into service');
  rollout
    .command('start')
    .description('loads a version and moves the traffic to it')
    .argument('<project>')
    .argument('<version>')
    .option('--reason <text>', 'kept with the change', 'by hand')
    .action(
      action(async (context, project: string, version: string, options: { reason: string }) => {
        const answer = await context.control.startRollout(project, {
          version: Number(version),
          reason: options.reason,
          correlationId: `cli-rollout-${version}`,
        });
        context.print(answer, () => describeRoute(answer.route));
        return 0;
      }),
    );
  rollout
    .command('status')
    .description('shows the route')
    .argument('<project>')
    .action(
      action(async (context, project: string) => {
        const route = await context.control.route(project);
        context.print(route, () => describeRoute(route));
        return 0;
      }),
    );

  program
    .command('promote')
    .description('moves all traffic to a loaded version')
    .argument('<project>')
    .argument('<version>')
    .option('--reason <text>', 'kept with the change', 'by hand')
    .action(
      action(async (context, project: string, version: string, options: { reason: string }) => {
        const answer = await context.control.promote(project, {
          version: Number(version),
          reason: options.reason,
          correlationId: `cli-promote-${version}`,
        });
        context.print(answer, () => describeSwitch(answer));
        return 0;
      }),
    );

  program
    .command('rollback')
    .description('moves all traffic back to the previous version')
    .argument('<project>')
    .option('--reason <text>', 'kept with the change', 'by hand')
    .action(
      action(async (context, project: string, options: { reason: string }) => {
        const answer = await context.control.rollback(project, {
          reason: options.reason,
          correlationId: 'cli-rollback',
        });
        context.print(answer, () => describeSwitch(answer));
        return 0;
      }),
    );

  program
    .command('loop')
    .description('the closed loop: its phase and history; approve, stop (kill switch) or resume it')
    .argument('<project>')
    .argument('[command]', 'approve, stop or resume')
    .action(
      action(async (context, project: string, command?: 'approve' | 'stop' | 'resume') => {
        const state = (
          command ? await context.control.loopCommand(project, command) : await context.control.loop(project)
        ) as {
          phase: string;
          history?: { atMs: number; message: string }[];
        };
        context.print(state, () =>
          [
            `phase: ${state.phase}`,
            ...(state.history ?? []).map((step) => `${new Date(step.atMs).toISOString()}  ${step.message}`),
          ].join('\n'),
        );
        return 0;
      }),
    );
}

const figures = (evaluation: RegisteredVersion['evaluation']): string[] =>
  ['auc', 'log_loss'].map((name) => metricIn(evaluation, metricNamed(name)).toFixed(4));

function versionsTable(models: readonly RegisteredVersion[]): string {
  return table(
    ['version', 'auc', 'log loss', 'blessed', 'sha256', 'reasons'],
    models.map((m) => [
      m.version,
      ...figures(m.evaluation),
      m.blessed ? 'yes' : 'no',
      m.modelSha256.slice(0, 12),
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

function describeSwitch({ route, switch: made }: ControlAnswer): string {
  return `${describeRoute(route)}${made === null ? '' : `; in force after ${made.effectiveMs.toFixed(1)} ms`}`;
}

function describeRoute(route: ControlAnswer['route']): string {
  const targets = route.targets.map((t) => `version ${t.version} (${t.name}) ${t.weight} %`).join(', ');
  return `${targets || 'no version in service'}; rollout ${route.rollout.phase}`;
}
