// The live path in real time, in slices of `npm run bench:live`: records, predictions and labels through a whole
// platform, each row checked in the end; a shift that becomes a drift event; a monitor that goes on from its
// checkpoint.

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
    ['every row is in one dataset version with its label, and every label finds its prediction', 'slice-steady'],
    ['a shift becomes a drift event, and nothing does before it', 'slice-drift'],
    ['a monitor that is started again goes on with every window and row', 'slice-restore'],
  ])(
    '%s',
    async (_what, row) => {
      const { code, output } = await bench(row);
      expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('pass') });
    },
    WITHIN_MS,
  );
});
