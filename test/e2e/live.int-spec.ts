// The live path in real time, in slices of `npm run bench:live` and of the intake's bench: the rows' own load and
// checks, small. Each asks whether everything is there, once and in its place; how fast it was is the bench's business.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { REPOSITORY } from './support/platform.process.js';

const WITHIN_MS = 600_000;

function bench(row: string): Promise<{ code: number | null; output: string }> {
  const { NODE_OPTIONS: _jestOnly, ...env } = process.env;
  const script = join(REPOSITORY, 'dist/bench/live/main.js');
  const child = spawn(process.execPath, [script, '--rows', row, '--rounds', '1', '--strict'], { cwd: REPOSITORY, env });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  return new Promise((done) => child.once('close', (code) => done({ code, output })));
}

describe('in real time', () => {
  it.each([
    [
      'rows wait for late labels on the disk, and each is found with its own; a shift is told, and nothing before it',
      'slice-live',
    ],
    [
      'what is acknowledged is stored once; two processes share what one does, who catches up says what was said live',
      'slice-services',
    ],
  ])(
    '%s',
    async (_what, row) => {
      const { code, output } = await bench(row);
      expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('pass') });
    },
    WITHIN_MS,
  );
});
