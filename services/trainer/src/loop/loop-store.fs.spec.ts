import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { initialLoopState } from './loop-state.js';
import { LoopFiles } from './loop-store.fs.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-loop-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the loop’s states that release 0.1.0 left on disk', () => {
  it('are absent, whole or refused', async () => {
    const files = new LoopFiles(folder);
    expect(await files.load('shop', 7)).toBeNull();
    await writeFile(join(folder, 'shop.json'), '{"torn');
    await expect(files.load('shop', 7)).rejects.toMatchObject({ code: 'corrupt' });
    await expect(files.load('../shop', 7)).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('belong to one project of a name', async () => {
    const files = new LoopFiles(folder);
    await writeFile(
      join(folder, 'shop.json'),
      JSON.stringify({ ...initialLoopState(), liveVersion: 3, projectCreatedAtMs: 7 }),
    );
    expect(await files.load('shop', 8)).toBeNull();
    expect(await files.load('shop', 7)).toEqual({ ...initialLoopState(), liveVersion: 3 });
    await writeFile(join(folder, 'loans.json'), JSON.stringify({ ...initialLoopState(), liveVersion: 2 }));
    expect(await files.load('loans', 0)).toMatchObject({ liveVersion: 2 });
    expect(await files.load('loans', 9)).toBeNull();
    await files.remove('shop');
    expect(await readdir(folder)).toEqual(['loans.json']);
  });
});
