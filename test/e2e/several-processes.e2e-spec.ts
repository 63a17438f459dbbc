// docs/several-processes.md: two processes of every service on one machine. A monitor and both ingests are killed,
// routers and servings restarted in turn, all under traffic: the slice of `npm run test:faults`, whose rows are checked
// one by one and compared with a run that nobody disturbs.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { REPOSITORY } from './support/platform.process.js';

const WITHIN_MS = 900_000;

let suite: ChildProcess | undefined;
let said = '';

beforeAll(async () => {
  const { NODE_OPTIONS: _jestOnly, ...env } = process.env;
  const script = join(REPOSITORY, 'dist/bench/faults/main.js');
  const child = spawn(process.execPath, [script, '--slice'], { cwd: REPOSITORY, env });
  suite = child;
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      said += chunk;
    });
  await new Promise((done) => child.once('close', done));
}, WITHIN_MS);

afterAll(() => {
  suite?.kill('SIGTERM');
});

describe('two processes of every service', () => {
  it.each([
    'status shows every process, and the partitions that it holds',
    'the partitions of monitor [01], killed, advance again',
    'the partitions of ingest 0, killed, advance again',
    'the partitions of ingest 1, killed, advance again',
    'one process of each service is ready at any time of a restart',
    'no request fails but a connection that the client opens anew',
    'every record and label is acknowledged',
    'what is acknowledged is stored, once, with its label',
    'dataset versions are those of an undisturbed run',
    'windows are those of an undisturbed run',
    'nothing is lost, late or refused that is not counted',
  ])('%s', (what) => {
    const line = said.split('\n').find((one) => new RegExp(`^(?:pass|FAIL)  slice: ${what}`).test(one));
    if (line === undefined) throw new Error(`it was not looked at:\n${said}`);
    expect(line).toMatch(/^pass/);
  });
});
