// What a text for people tells them to type, anywhere in libs, services, apps and tools/setup, is a command of the
// command line with options that it takes.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { commandLine } from './command-line.js';

const FOLDERS = ['libs', 'services', 'apps', 'tools/setup'];
const TEXTS = /\.(?:ts|js|mjs|html)$/;
/** Nobody reads these, or they are wrong on purpose. */
const LEFT_OUT = /\.(?:int-)?spec\.ts$|\/test\/|\/gen\/|^libs\/testing\/|node_modules/;
/** Options of other programs, by file: they are arguments of processes, not words for people. */
const OTHERS = /process-plan|typed-as|serve-plan|compose-file|\.process\.ts$|\.mjs$|^apps\/dashboard\//;

const program = commandLine((error) => {
  throw error;
});

const files = FOLDERS.flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => TEXTS.test(path) && !LEFT_OUT.test(path)),
).map((path) => [path, withoutComments(readFileSync(path, 'utf8'))] as const);

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

/** "millrace train ${name}" as [path, 'train ${name}']; a hint ends where its quotes end. */
const hints = files.flatMap(([path, text]) =>
  [...text.matchAll(/(?:[`'"]|npx |: |\n)millrace ([a-z](?:\$\{[^}]*\}|[^`'"\\\n])*)/g)].map(
    ([, hint]) => [path, String(hint).split(' #')[0]?.trim() ?? ''] as const,
  ),
);

/** What is wrong with it; undefined = nothing. */
function wrongIn(hint: string): string | undefined {
  const [first = '', second = ''] = hint.split(/[^a-z-]+/);
  const group = program.commands.find((command) => command.name() === first);
  if (group === undefined) return `there is no command ${first}`;
  // `models P` is a command beside `models register`.
  const self = group.commands.length === 0 || group.registeredArguments.length > 0 ? group : undefined;
  const command = group.commands.find((one) => one.name() === second) ?? self;
  if (command === undefined) return `there is no command ${first} ${second}`;
  const unknown = optionsIn(hint).filter((option) => !takes(command, option));
  return unknown.length === 0 ? undefined : `${first} does not take ${unknown.join(', ')}`;
}

const optionsIn = (text: string): string[] =>
  [...text.matchAll(/(?<=[\s`'"])--[a-z][a-z-]*[a-z](?![\w-])/g)].map(([option]) => option);

const takes = (command: Command, option: string): boolean =>
  [...command.options, ...program.options].some(({ long }) => long === option) || option === '--help';

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

describe('commands in texts for people', () => {
  it.each(hints)('%s: millrace %s', (_path, hint) => expect(wrongIn(hint)).toBeUndefined());

  it('are found, and wrong ones are noticed', () => {
    expect(hints.length).toBeGreaterThan(30);
    expect(hints.some(([path]) => path.startsWith('services/'))).toBe(true);
    expect(wrongIn('ingst loans')).toContain('ingst');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as it stands in a source
    expect(wrongIn('ingest ${name} --fil a.csv')).toContain('--fil');
    expect(wrongIn('rollout begin loans')).toContain('rollout begin');
  });
});

describe('options in texts for people', () => {
  const known = new Set(everyCommand(program).flatMap(({ options }) => options.map(({ long }) => long)));
  const named = files.flatMap(([path, text]) =>
    OTHERS.test(path) ? [] : [...new Set(optionsIn(text))].map((option) => [path, option] as const),
  );

  it.each(named)('%s: %s', (_path, option) => expect([...known]).toContain(option));
});
