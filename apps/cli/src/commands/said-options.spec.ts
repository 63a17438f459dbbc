// Every command that changes something of a project takes who asks and why, and hands both on.

import { describe, expect, it } from '@jest/globals';
import { commandLine } from './command-line.js';
import { issued, said } from './said-options.js';

const program = commandLine((error) => {
  throw error;
});

function optionsOf(name: string): string[] {
  const command = name.split(' ').reduce((at, word) => {
    const next = at.commands.find((one) => one.name() === word);
    if (next === undefined) throw new Error(`no command ${name}`);
    return next;
  }, program);
  return command.options.map(({ long }) => String(long));
}

describe('who says so, and why', () => {
  it.each([
    'apply',
    'projects delete',
    'promote',
    'rollback',
    'rollout start',
    'rollout shadow',
    'rollout skip',
    'rollout pause',
    'rollout resume',
    'rollout abort',
    'experiment start',
    'experiment weights',
    'experiment end',
    'loop',
    'hold add',
    'hold remove',
  ])('%s takes --by and --reason', (name) => {
    expect(optionsOf(name)).toEqual(expect.arrayContaining(['--by', '--reason']));
  });

  it('goes on as it was said, and says nothing for those who said nothing', () => {
    expect(said({ by: 'anna', reason: 'spring' })).toEqual({ by: 'anna', reason: 'spring' });
    expect(said({})).toEqual({});
    expect(issued('promote-2', { by: 'anna', reason: 'spring' })).toEqual({
      reason: 'spring',
      correlationId: 'cli-promote-2',
      issuedBy: 'anna',
    });
    expect(issued('rollback', {})).toEqual({ reason: 'by hand', correlationId: 'cli-rollback' });
  });
});
