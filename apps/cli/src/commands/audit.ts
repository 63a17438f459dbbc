// audit: who did what to a project, when, from where, why, and with what result.

import { systemClock } from '@millrace/domain';
import type { Command } from 'commander';
import { EXIT_OK } from '../exit-codes.js';
import { auditText } from '../overview/audit-text.js';
import { action } from './context.js';
import { projectName, sinceMs, wholeNumber } from './option-values.js';

/** The most that the monitor holds of a project. */
const LIMIT_MAX = 2_000;

export function auditCommand(program: Command): void {
  program
    .command('audit')
    .description('who did what to a project (rollouts, routes, the loop, its file), why and with what result')
    .argument('<project>', 'its name, also of one that was deleted', projectName)
    .option('--since <time>', 'a time, or how long ago: 2h, 7d', sinceMs(systemClock))
    .option('--limit <entries>', 'the newest so many', wholeNumber(1, LIMIT_MAX), 100)
    .action(
      action(async ({ control, print }, project: string, query: { since?: number; limit: number }) => {
        const { since, limit } = query;
        const told = await control.audit(project, { limit, ...(since === undefined ? {} : { sinceMs: since }) });
        print(told, (width) => auditText(told, width), []);
        return EXIT_OK;
      }),
    );
}
