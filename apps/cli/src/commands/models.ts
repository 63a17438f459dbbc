// models: the versions of a project with their figures.

import type { Command } from 'commander';
import type { ControlClient, RegisteredVersion } from '../client/control.http.js';
import { EXIT_OK } from '../exit-codes.js';
import { versionCommand } from '../overview/version-command.js';
import { type ListedVersion, type RowCounts, slicesText, versionsText } from '../train/training-report.js';
import { versionText } from '../train/version-text.js';
import { action } from './context.js';
import { projectName, VERSION_MAX, wholeNumber } from './option-values.js';
import { registerCommand } from './register.js';

interface ModelsOptions {
  slices?: boolean;
  modelVersion?: number;
}

export function modelCommands(program: Command): void {
  const models = program.command('models');
  registerCommand(models);
  models
    .description('lists model versions with their evaluation and blessing')
    .argument('<project>', 'its name', projectName)
    .option('--slices', 'the figures of each value of the columns under evaluation.slices instead')
    .option('--model-version <version>', 'one version in full', wholeNumber(1, VERSION_MAX))
    .action(
      action(async ({ control, print }, project: string, options: ModelsOptions) => {
        const { modelVersion } = options;
        if (modelVersion !== undefined) {
          const model = await control.model(project, modelVersion);
          const counts = await rowCounts(control, model);
          const next = [`millrace backtest ${project} --against ${modelVersion}`];
          print(model, (width) => versionText(model, counts, width), next);
          return EXIT_OK;
        }
        const models = await control.models(project);
        const next = [
          models.length === 0 ? await versionCommand(control, project) : `millrace rollout status ${project}`,
        ];
        if (models.length === 0) print(models, () => 'no model version yet', next);
        else if (options.slices) print(models, (width) => slicesText(models, width), next);
        else {
          const listed = await Promise.all(models.map((model) => withHeldOut(control, model)));
          print(listed, (width) => versionsText(listed, width), next);
        }
        return EXIT_OK;
      }),
    );
}

async function withHeldOut(control: ControlClient, model: RegisteredVersion): Promise<ListedVersion> {
  const counts = await rowCounts(control, model);
  return { ...model, heldOutRows: counts?.heldOut };
}

/** From the version's package. */
export async function rowCounts(
  control: ControlClient,
  { project, version }: Pick<RegisteredVersion, 'project' | 'version'>,
): Promise<RowCounts | undefined> {
  try {
    const { rows } = await control.artifact<{ rows?: RowCounts }>(project, version, 'evaluation.json');
    return rows;
  } catch {
    // They are figures beside others: a package that is away leaves them open.
    return undefined;
  }
}
