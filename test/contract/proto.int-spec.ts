// The wire contract itself: buf's lint, and no change that breaks what the last release wrote or said.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { cloneRoot } from '@millrace/testing';

const root = cloneRoot();
const run = promisify(execFile);
const buf = (...args: string[]) =>
  run(join(root, 'node_modules/.bin/buf'), args, { cwd: root }).then(
    () => '',
    (failed: { stdout: string; stderr: string }) => `${failed.stdout}${failed.stderr}`,
  );

/** The newest release; "" before the first one. */
async function lastTag(): Promise<string> {
  const { stdout } = await run('git', ['tag', '--list', 'v*', '--sort=-v:refname', '--merged', 'HEAD'], { cwd: root });
  return stdout.split('\n')[0] ?? '';
}

describe('proto/', () => {
  it('follows the lint rules', async () => {
    expect(await buf('lint')).toBe('');
  }, 60_000);

  it('breaks nothing that the last release could read', async () => {
    const tag = await lastTag();
    // Before the first release the files are held against themselves: the check runs and its configuration is valid.
    const against = tag === '' ? 'proto' : `.git#tag=${tag},subdir=proto`;
    expect(await buf('breaking', 'proto', '--against', against)).toBe('');
  }, 60_000);
});
