// loop: where the closed loop of a project stands, and what a person may say to it.

import { LOOP_WORDS, type LoopWord } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import type { Command } from 'commander';
import { afterLoop, loopText } from '../overview/loop-text.js';
import { versionCommand } from '../overview/version-command.js';
import { action } from './context.js';
import { oneOf, projectName } from './option-values.js';
import { type Said, said, withSaid } from './said-options.js';

export function loopCommand(program: Command): void {
  withSaid(program.command('loop'), {
    reason: 'why, kept in its history; reject needs it',
    by: 'who says it; approve and reject need it',
  })
    .description(
      'the closed loop: phase, what it waits for, history; approve or reject what it asks, stop (kill switch) or resume it',
    )
    .argument('<project>', 'its name', projectName)
    .argument('[word]', 'approve, reject, stop or resume', oneOf(LOOP_WORDS))
    .action(
      action(async (context, project: string, word: LoopWord | undefined, options: Said) => {
        const { control } = context;
        refuseUnsaid(project, word, options);
        const loop =
          word === undefined ? await control.loop(project) : await control.loopCommand(project, word, said(options));
        const isFirst = loop.liveVersion === 0 && loop.phase === 'calm';
        const first = isFirst ? await versionCommand(control, project) : '';
        context.print(loop, () => loopText(loop), afterLoop(project, loop, first));
        return 0;
      }),
    );
}

/** @throws PlatformError that says what to add */
function refuseUnsaid(project: string, word: LoopWord | undefined, { by = '', reason = '' }: Said): void {
  const isDecision = word === 'approve' || word === 'reject';
  const lacks = [
    ...(isDecision && by.trim() === '' ? ['--by NAME'] : []),
    ...(word === 'reject' && reason.trim() === '' ? ['--reason TEXT'] : []),
  ];
  if (lacks.length === 0) return;
  throw new PlatformError(
    'invalid_argument',
    `who ${word}s says so: millrace loop ${project} ${word} ${lacks.join(' ')}`,
  );
}
