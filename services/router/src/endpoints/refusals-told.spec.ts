// The runbook of refusals names what the router says: every message in its table is in the source, and every refusal
// of the relay is in its table.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

const FOLDER = 'services/router/src';
const RUNBOOK = 'docs/runbooks/router-refuses-traffic.md';

const source = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
  .map((name) => readFileSync(join(FOLDER, name), 'utf8'))
  .join('\n');

const [, table = ''] = readFileSync(RUNBOOK, 'utf8').split('## What it says, and what to do');
/** The first column, but for what serving says itself. */
const messages = table
  .split('\n')
  .filter((line) => line.startsWith('| `') && !line.includes('words of serving'))
  .flatMap((line) => [...(line.split(' | ')[0] ?? '').matchAll(/`([a-z ,']+)`/g)].map(([, message]) => `${message}`))
  .filter((message) => message !== 'preview');

it('are the router’s own words', () => {
  expect(messages.length).toBeGreaterThan(8);
  expect(messages.filter((message) => !source.includes(message))).toEqual([]);
});

it('are all that the relay refuses a caller with', () => {
  const relay = readFileSync(join(FOLDER, 'relay/relay.ts'), 'utf8');
  const refusals = [...relay.matchAll(/GRPC_STATUS\.UNAVAILABLE, [`']([^`'$]+)/g)].map(([, text]) => `${text}`.trim());
  expect(refusals.length).toBeGreaterThan(4);
  expect(refusals.filter((text) => !messages.some((message) => text.startsWith(message)))).toEqual([]);
});
