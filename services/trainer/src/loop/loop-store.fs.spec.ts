import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type FileCalls, PROMISED_CALLS } from '@millrace/files';
import { initialLoopState } from './loop-state.js';
import { LoopFiles } from './loop-store.fs.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-loop-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the loop’s states on disk', () => {
  it('are durable when save resolves: the file is synced before its name, the folder after it', async () => {
    const order: string[] = [];
    let opened = '';
    const spy: FileCalls = {
      ...(PROMISED_CALLS as FileCalls),
      open: (path, mode) => {
        opened = path === folder ? 'folder' : 'file';
        return PROMISED_CALLS.open(path, mode);
      },
      sync: (file) => {
        order.push(`sync ${opened}`);
        return PROMISED_CALLS.sync(file as never);
      },
      rename: (from, to) => {
        order.push('rename');
        return PROMISED_CALLS.rename(from, to);
      },
    };
    const files = new LoopFiles(folder, spy);
    const state = { ...initialLoopState(), currentVersion: 3 };
    await files.save('shop', 7, state);
    expect(order).toEqual(['sync file', 'rename', 'sync folder']);
    expect(await files.load('shop', 7)).toEqual(state);
  });

  it('are absent, whole or refused', async () => {
    const files = new LoopFiles(folder);
    expect(await files.load('shop', 7)).toBeNull();
    await writeFile(join(folder, 'shop.json'), '{"torn');
    await expect(files.load('shop', 7)).rejects.toMatchObject({ code: 'corrupt' });
    await expect(files.load('../shop', 7)).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('belong to one project of a name, and what release 0.1.0 kept to one that it knew', async () => {
    const files = new LoopFiles(folder);
    expect(await files.projects()).toEqual([]);
    await files.save('shop', 7, { ...initialLoopState(), liveVersion: 3 });
    expect(await files.load('shop', 8)).toBeNull();
    await writeFile(join(folder, 'loans.json'), JSON.stringify({ ...initialLoopState(), liveVersion: 2 }));
    expect(await files.load('loans', 0)).toMatchObject({ liveVersion: 2 });
    expect(await files.load('loans', 9)).toBeNull();
    expect((await files.projects()).sort()).toEqual(['loans', 'shop']);
    await files.remove('shop');
    expect(await files.projects()).toEqual(['loans']);
  });
});
