// Which ancestors of a command are watched: the package runners that started it with their shells, never a person's
// shell.

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';

interface Ancestor {
  pid: number;
  parent: number;
  group: string;
  startTime: string;
  command: string;
}

let launchChain: (of: number, lookUp: (pid: number) => Ancestor | undefined) => Ancestor[];

beforeAll(async () => {
  ({ launchChain } = await import(pathToFileURL(resolve('tools/setup/ancestors.mjs')).href));
});

/** Processes from this command upwards; "~" begins one of another process group. */
function chainOf(commands: readonly string[]): string[] {
  const all = commands.map((command, i) => ({
    pid: 100 - i,
    parent: 99 - i,
    group: command.startsWith('~') ? 'other' : 'own',
    startTime: '1',
    command: command.replace(/^~/, ''),
  }));
  return launchChain(100, (pid) => all.find((one) => one.pid === pid)).map(({ command }) => command);
}

describe('launchChain', () => {
  it.each([
    ['npx in a terminal', ['node millrace.mjs', "sh -c 'millrace'", 'npm exec millrace up', '~-bash'], 2],
    [
      'npm start in a script',
      ['node start.mjs', 'sh -c node start.mjs', 'npm start', 'bash deploy.sh', '/sbin/init'],
      2,
    ],
    ['npm that runs npx', ['node m', "sh -c 'm'", 'npm exec m', 'sh -c npx m up', 'npm run demo', '~zsh'], 4],
    [
      'npx under bash -c of somebody else',
      ['node m', "sh -c 'm'", 'npm exec m', 'bash -c npx m & sleep 9', 'agent'],
      2,
    ],
    ['a shell that the command has replaced', ['node m', '/usr/bin/node /usr/bin/npm-cli.js start', '~bash'], 1],
    ['a shell alone', ['node start.mjs', 'sh -c node start.mjs', '~bash'], 0],
    ['a service manager', ['node start.mjs', '/sbin/init'], 0],
  ])('%s', (_name, commands, watched) => {
    expect(chainOf(commands)).toEqual(commands.slice(1, 1 + watched));
  });
});
