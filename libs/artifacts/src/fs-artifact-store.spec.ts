import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { artifactStoreContract } from '@millrace/testing';
import { FsArtifactStore } from './fs-artifact-store.js';
import { openArtifactStore } from './open-artifact-store.js';

const suite = { afterEach, beforeEach, describe, expect, it };
artifactStoreContract(suite, 'a folder', (folder) => new FsArtifactStore(join(folder, 'store')));

describe('the store in a folder', () => {
  let home: string;

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'millrace-artifacts-'));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  it('leaves nothing but what was written, also where a write failed', async () => {
    const store = openArtifactStore({ home });
    await store.put('datasets/demo/a.parquet', 'abc');
    await store.putFolder('models/demo/1', { 'manifest.json': '{}' });
    await store.putFolder('models/demo/1', { 'manifest.json': '{"a":1}' });
    await expect(store.put('datasets/demo/a.parquet/b', 'x')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(store.putFile('datasets/demo/c', join(home, 'none'))).rejects.toThrow('ENOENT');
    expect(await readdir(home)).toEqual(['artifacts']);
    expect((await readdir(join(home, 'artifacts'))).sort()).toEqual(['datasets', 'models']);
    expect(await readdir(join(home, 'artifacts/models/demo'))).toEqual(['1']);
    expect(await readdir(join(home, 'artifacts/datasets/demo'))).toEqual(['a.parquet']);
  });

  it('clears the staging folder of a writer that was killed long ago, and leaves one that may be at work', async () => {
    await openArtifactStore({ home }).put('a/b', 'x');
    const dayBefore = new Date(Date.now() - 2 * 86_400_000);
    for (const name of ['.staging-old', '.staging-new']) await mkdir(join(home, 'artifacts', name));
    await utimes(join(home, 'artifacts/.staging-old'), dayBefore, dayBefore);
    await openArtifactStore({ home }).put('a/c', 'x');
    expect((await readdir(join(home, 'artifacts'))).sort()).toEqual(['.staging-new', 'a']);
  });

  it('does not follow links, and does not show what a killed writer left', async () => {
    const store = openArtifactStore({ home });
    await store.put('a/b', 'x');
    await symlink('/etc/passwd', join(home, 'artifacts/a/link'));
    await writeFile(join(home, 'artifacts/a/.b.tmp0'), 'part');
    await expect(store.read('a/link')).rejects.toMatchObject({ code: 'not_found' });
    expect(await store.list('a')).toEqual(['b']);
  });
});
