import { expect, it } from '@jest/globals';
import { ownModelDataBytesMax } from '../settings/own-model.js';
import { boundedCommand } from './memory-bound.js';

it('bounds a command in KiB, rounded up, and leaves it as it is without a bound', () => {
  expect(boundedCommand(undefined, 'node', ['a.js'])).toEqual({ command: 'node', args: ['a.js'] });
  const { command, args } = boundedCommand(1_025, 'node', ['a b.js']);
  expect(command).toBe('/bin/sh');
  expect(args.slice(2)).toEqual(['2', 'node', 'a b.js']);
});

it('gives a model memory beside four times its files', () => {
  expect(ownModelDataBytesMax({ ownModelMemoryBytes: 1_000 }, 10)).toBe(1_040);
});
