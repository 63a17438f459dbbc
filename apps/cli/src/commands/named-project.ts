// Which project a command is about: the value of --project where that names one, else the first argument.

import type { Command } from 'commander';

/** undefined where neither names one. @param args as commander gives them to an action */
export function namedProject(command: Command, args: readonly unknown[]): string | undefined {
  // --project of other commands is a project file.
  const isNamed = command.options.some(({ long, flags }) => long === '--project' && flags.includes('<name>'));
  const [first] = command.registeredArguments;
  const isFirst = first?.name() === 'project' || first?.name() === 'model';
  const name: unknown = isNamed ? command.opts().project : isFirst ? args[0] : undefined;
  return typeof name === 'string' ? name : undefined;
}
