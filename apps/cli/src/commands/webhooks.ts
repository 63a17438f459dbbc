// webhooks: the receivers that a project file declares, what became of their events, and a trial.

import type { Command } from 'commander';
import { EXIT_FAILED, EXIT_OK } from '../exit-codes.js';
import { trialText, webhooksText } from '../overview/webhooks-text.js';
import { action } from './context.js';
import { projectName } from './option-values.js';

export function webhookCommands(program: Command): void {
  const webhooks = program.command('webhooks').description('receivers of events that a project file declares');
  webhooks
    .command('list')
    .description('what each receiver of a project has taken, what waits for it, and why')
    .argument('<project>', 'its name', projectName)
    .action(
      action(async ({ control, print }, project: string) => {
        const told = await control.webhooks(project);
        const next = told.webhooks.length === 0 ? [] : [`millrace webhooks test ${project}`];
        print(told, (width) => webhooksText(told.webhooks, width), next);
        return EXIT_OK;
      }),
    );
  webhooks
    .command('test')
    .description('sends a trial to each receiver of a project, at once and once')
    .argument('<project>', 'its name', projectName)
    .action(
      action(async ({ control, print }, project: string) => {
        const told = await control.testWebhooks(project);
        print(told, (width) => trialText(told.webhooks, width), [`millrace webhooks list ${project}`]);
        return told.webhooks.every(({ taken }) => taken) ? EXIT_OK : EXIT_FAILED;
      }),
    );
}
