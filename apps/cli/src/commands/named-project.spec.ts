// `models register ../gb.onnx --project nix` said that there is no project '../gb.onnx'.

import { expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { commandLine } from './command-line.js';
import { namedProject } from './named-project.js';

async function namedIn(line: string): Promise<string | undefined> {
  let name: string | undefined;
  const program = commandLine((error) => {
    throw error;
  });
  const instead = (command: Command): void => {
    // A group has no action of its own.
    command.action((...args: unknown[]) => {
      name = namedProject(args.at(-1) as Command, args);
    });
    for (const one of command.commands) instead(one);
  };
  for (const one of program.commands) instead(one);
  await program.parseAsync(line.split(' '), { from: 'user' });
  return name;
}

it.each([
  ['models register ../gb.onnx --project nix', 'nix'],
  ['train loans', 'loans'],
  ['predict loans --input a.csv --output b.csv --project other.yaml', 'loans'],
  ['replay --project other.yaml', undefined],
  ['dlq redrive abc', undefined],
])('millrace %s is about %s', async (line, name) => expect(await namedIn(line)).toBe(name));
