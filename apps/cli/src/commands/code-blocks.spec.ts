// What README.md and docs write after `millrace` is a command line that the command takes: command, arguments, options
// and their values. Of what stands in a sentence, with words in the place of values, the command and its options.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { codeBlocks, shellCommands, shellWords } from '@millrace/testing';
import type { Command } from 'commander';
import { commandLine } from './command-line.js';

const documents = [
  'README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

const lines = documents.flatMap((document) =>
  codeBlocks(document, readFileSync(document, 'utf8'))
    .filter(({ language, notRun }) => language === 'sh' && notRun === undefined)
    .flatMap(({ line, text }) => shellCommands(text).map((command) => [`${document}:${line}`, command] as const)),
);
const millrace = lines.flatMap(([at, command]) => {
  const words = shellWords(command).filter((word, i, all) => i > 0 || !/^[A-Z_]+=/.test(word) || all.length === 1);
  const from = words.indexOf('millrace');
  return from < 0 || from > 1 ? [] : [[at, command, words.slice(from + 1)] as const];
});

/** Reads the line and does nothing. */
function takes(words: readonly string[]): string | undefined {
  const program = commandLine((error) => {
    throw error;
  });
  let reached = false;
  const disarm = (command: Command): void => {
    // One that has commands of its own and takes arguments does something itself, too.
    if (command.commands.length === 0 || command.registeredArguments.length > 0)
      command.action(() => {
        reached = true;
      });
    command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
    for (const one of command.commands) disarm(one);
  };
  disarm(program);
  try {
    program.parse(['node', 'millrace', ...words]);
    return reached ? undefined : 'no command';
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

/** `millrace …` between words: what is left out there ("…", PROJECT) keeps it from being a whole line. */
const inSentences = documents.flatMap((document) =>
  readFileSync(document, 'utf8')
    .split('\n')
    .flatMap((text, i) =>
      [...text.matchAll(/`(?:npx )?millrace ([^`]+)`/g)].map(
        ([, said]) => [`${document}:${i + 1}`, `${said}`] as const,
      ),
    ),
);

/** What the command does not know of it. */
function unknownIn(said: string): string[] {
  const program = commandLine((error) => {
    throw error;
  });
  let command: Command = program;
  for (const word of said.split(/\s+/)) {
    const next = command.commands.find((one) => one.name() === word);
    if (next !== undefined) command = next;
    else if (command === program && /^[a-z]/.test(word)) return [word];
    else break;
  }
  const taken = [command, ...command.commands, program].flatMap(({ options }) => options.map(({ long }) => long));
  return [...said.matchAll(/(?<=^|\s)--[a-z-]+/g)].map(([flag]) => flag).filter((flag) => !taken.includes(flag));
}

describe('command lines in documents', () => {
  it.each(inSentences)('%s `millrace %s`', (_at, said) => expect(unknownIn(said)).toEqual([]));

  it.each(millrace)('%s %s', (_at, _command, words) => expect(takes(words)).toBeUndefined());

  it('are found, and wrong ones are noticed', () => {
    expect(millrace.length).toBeGreaterThan(5);
    expect(takes(['ingest', 'loans', '--fil', 'x'])).toContain('--fil');
    expect(takes(['ingst', 'loans'])).toBeDefined();
    expect(takes(['train'])).toBeDefined();
    expect(inSentences.length).toBeGreaterThan(50);
    expect(unknownIn('down')).toEqual(['down']);
    expect(unknownIn('loop PROJECT stop --byy NAME')).toEqual(['--byy']);
  });
});
