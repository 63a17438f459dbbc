// experiment start, status, weights, end: versions side by side on the live traffic, each entity always with the same.

import { PlatformError } from '@millrace/domain';
import { EXPERIMENT_MS_MAX, EXPERIMENT_MS_MIN } from '@millrace/routing';
import type { Command } from 'commander';
import { action, type Context } from './context.js';
import { describeExperiment } from './experiment-text.js';
import { arm, durationMs, projectName, VERSION_MAX, wholeNumber } from './option-values.js';
import { announced, ofRoute } from './routes.js';
import { issued, type Said, withSaid } from './said-options.js';

type Arms = ReturnType<typeof arm>;

interface StartOptions extends Said {
  arm: Arms;
  for: number;
  name: string;
  control?: number;
  share?: number;
  force?: boolean;
}

const ARM_OPTION = [
  '--arm <version=percent>',
  'an arm and its share of those who take part; once for each arm',
] as const;

export function experimentCommands(program: Command): void {
  const experiment = program.command('experiment').description('compares versions side by side on live traffic');
  startCommand(experiment);
  experiment
    .command('status')
    .description('shows the running experiment, or the last one, and how its arms compare')
    .argument('<project>', 'its name', projectName)
    .action(action((context, project: string) => told(context, project)));
  withSaid(experiment.command('weights'))
    .description('gives the arms of the running experiment other shares; only the difference moves')
    .argument('<project>', 'its name', projectName)
    .requiredOption(...ARM_OPTION, arm)
    .option('--share <percent>', 'of the traffic that takes part; as it was', wholeNumber(1, 100))
    .action(
      action(async (context, project: string, options: Said & { arm: Arms; share?: number }) => {
        const { arm: weights, share } = options;
        const body = {
          weights: [...weights],
          ...(share === undefined ? {} : { share }),
          ...issued('experiment-weights', options),
        };
        await ofExperiment(project, context.control.setExperimentWeights(project, body));
        return told(context, project);
      }),
    );
  withSaid(experiment.command('end'))
    .description('ends the running experiment: all traffic as it was before it, or to the winner')
    .argument('<project>', 'its name', projectName)
    .option('--winner <version>', 'an arm that gets all traffic', wholeNumber(1, VERSION_MAX))
    .action(
      action(async (context, project: string, options: Said & { winner?: number }) => {
        const { winner } = options;
        const body = { ...(winner === undefined ? {} : { winner }), ...issued('experiment-end', options) };
        await ofExperiment(project, context.control.endExperiment(project, body));
        return told(context, project);
      }),
    );
}

function startCommand(experiment: Command): void {
  withSaid(experiment.command('start'))
    .description('begins an experiment: loads its arms and gives each its share of the entities')
    .argument('<project>', 'its name', projectName)
    .requiredOption(...ARM_OPTION, arm)
    .requiredOption(
      '--for <duration>',
      'it ends by itself after so long',
      durationMs(EXPERIMENT_MS_MIN, EXPERIMENT_MS_MAX),
    )
    .requiredOption('--name <name>', 'what it is called in flags, traces and metrics')
    .option('--control <version>', 'the arm to compare with; the version in service', wholeNumber(1, VERSION_MAX))
    .option('--share <percent>', 'of the traffic that takes part; all', wholeNumber(1, 100))
    .option('--force', 'also where an arm is not blessed; takes --by')
    .action(
      action(async (context, project: string, options: StartOptions) => {
        const { arm: arms, for: forMs, name, control, share, force = false, by } = options;
        if (force && (by === undefined || by.trim() === ''))
          throw new PlatformError('invalid_argument', '--force takes --by <your name>: who lets an arm live unblessed');
        for (const { version } of arms) await announced(context, project, version);
        await ofExperiment(
          project,
          context.control.startExperiment(project, {
            ...{ name, arms: [...arms], forMs, force },
            ...(control === undefined ? {} : { control }),
            ...(share === undefined ? {} : { share }),
            ...issued('experiment-start', options),
          }),
        );
        return told(context, project);
      }),
    );
}

/** Shows what the experiment is now. */
async function told({ control, print }: Context, project: string): Promise<number> {
  const experiment = await control.experiment(project);
  const isRunning = experiment !== null && experiment.end === undefined;
  print(
    { experiment },
    (width) => (experiment === null ? `${project} has had no experiment yet` : describeExperiment(experiment, width)),
    isRunning
      ? [`millrace experiment status ${project}`, `millrace experiment end ${project}`]
      : [`millrace rollout status ${project}`],
  );
  return 0;
}

const ofExperiment = <T>(project: string, asked: Promise<T>): Promise<T> =>
  ofRoute(
    project,
    asked,
    `millrace experiment start ${project} … --force --by <your name>`,
    `millrace experiment status ${project}`,
  );
