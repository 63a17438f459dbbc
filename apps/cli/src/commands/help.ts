// help: of the whole command, of a command, of one within a group (`help models register`). Commander's own shows the
// list of all commands for a word that is none, which hides the mistake.

import { suggest } from '@millrace/domain';
import type { Command } from 'commander';
import { EXIT_USAGE } from '../exit-codes.js';

export function helpCommand(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .description('display help for command')
    .argument('[command...]', 'it, or its group and it')
    .action((words: readonly string[]) => words.reduce(named, program).help());
}

function named(group: Command, word: string): Command {
  const found = group.commands.find((command) => command.name() === word);
  if (found !== undefined) return found;
  const names = group.commands.map((command) => command.name());
  const near = word.length > 2 ? suggest(word, names) : null;
  const meant = near === null ? '' : `\n(Did you mean ${near}?)`;
  return group.error(`unknown command '${word}'${meant}`, { code: 'unknownCommand', exitCode: EXIT_USAGE });
}
