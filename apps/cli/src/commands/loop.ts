// loop: where the closed loop of a project stands, and the three words that a person may say to it.

import type { Command } from 'commander';
import { afterLoop, loopText } from '../overview/loop-text.js';
import { versionCommand } from '../overview/version-command.js';
import { action } from './context.js';
import { oneOf, projectName } from './option-values.js';

const WORDS = ['approve', 'stop', 'resume'] as const;

export function loopCommand(program: Command): void {
  program
    .command('loop')
    .description('the closed loop: phase, what it waits for, history; approve, stop (kill switch) or resume it')
    .argument('<project>', 'its name', projectName)
    .argument('[word]', 'approve, stop or resume', oneOf(WORDS))
    .action(
      action(async (context, project: string, word?: (typeof WORDS)[number]) => {
        const { control } = context;
        const loop = word === undefined ? await control.loop(project) : await control.loopCommand(project, word);
        const isFirst = loop.liveVersion === 0 && loop.phase === 'calm';
        const first = isFirst ? await versionCommand(control, project) : '';
        context.print(loop, () => loopText(loop), afterLoop(project, loop, first));
        return 0;
      }),
    );
}
