// docs/cli.md names every command and every option that the command line takes.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { commandLine } from './command-line.js';

/** The usages in the first column: "`up [--workers N]`". */
const usages = readFileSync('docs/cli.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split(' | ')[0] ?? '')
  .flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, usage]) => String(usage)));

/** Commands that do something, with their whole names: those without subcommands, and before them what is longer. */
function leaves(command: Command, before: string[] = []): [string, Command][] {
  return command.commands.flatMap((one) => {
    const name = [...before, one.name()];
    const does = one.commands.length === 0 || one.registeredArguments.length > 0;
    return [...leaves(one, name), ...(does ? [[name.join(' '), one] as [string, Command]] : [])];
  });
}

const program = commandLine((error) => {
  throw error;
});

/** Said once for all, before and after the table. */
const COMMON = ['--json', '--reason'];

describe('docs/cli.md', () => {
  it.each(leaves(program))('shows %s with every option, and --help says what each is', (name, command) => {
    const shown = usages.filter((usage) => usage === name || usage.startsWith(`${name} `)).join(' ');
    expect(shown).not.toBe('');
    const options = command.options.map(({ long }) => String(long)).filter((long) => !COMMON.includes(long));
    expect(options.filter((long) => !new RegExp(`${long}\\b`).test(shown))).toEqual([]);
    expect(command.description()).not.toBe('');
    expect(command.options.filter((o) => o.description === '' && o.long !== '--json').map((o) => o.long)).toEqual([]);
  });

  it('shows no command and no option that the command line does not take', () => {
    const commands = new Map(leaves(program));
    const strangers = usages.flatMap((usage) => {
      const name = [...commands.keys()].find((one) => usage === one || usage.startsWith(`${one} `));
      if (name === undefined) return [usage];
      const taken = [...(commands.get(name)?.options ?? []), ...program.options].map(({ long }) => long);
      // Options of a usage that goes on after a "|" of alternatives belong to it, too.
      return [...usage.matchAll(/--[a-z-]+/g)].map(([flag]) => flag).filter((flag) => !taken.includes(flag));
    });
    expect(strangers).toEqual([]);
  });
});
