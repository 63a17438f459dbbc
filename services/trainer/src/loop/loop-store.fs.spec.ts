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
    await files.save('shop', state);
    expect(order).toEqual(['sync file', 'rename', 'sync folder']);
    expect(await files.load('shop')).toEqual(state);
  });

  it('are absent, whole or refused', async () => {
    const files = new LoopFiles(folder);
    expect(await files.load('shop')).toBeNull();
    await writeFile(join(folder, 'shop.json'), '{"torn');
    await expect(files.load('shop')).rejects.toMatchObject({ code: 'corrupt' });
    await expect(files.load('../shop')).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
