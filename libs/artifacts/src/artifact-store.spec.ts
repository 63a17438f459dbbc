import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ArtifactStore, sha256 } from './artifact-store.js';

let root: string;
let store: ArtifactStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-artifacts-'));
  store = new ArtifactStore(join(root, 'artifacts'));
});

afterEach(() => rm(root, { recursive: true, force: true }));

describe('ArtifactStore', () => {
  it('writes whole files, leaves nothing else behind, and says their hash', async () => {
    const hash = await store.put('datasets/demo/a.parquet', Buffer.from('abc'));
    expect(hash).toBe(sha256('abc'));
    expect((await store.read('datasets/demo/a.parquet')).toString()).toBe('abc');
    expect(await store.sha256('datasets/demo/a.parquet')).toBe(hash);
    await store.put('datasets/demo/a.parquet', 'abcd');
    expect((await store.read('datasets/demo/a.parquet')).toString()).toBe('abcd');
    expect(await readdir(join(store.root, 'datasets/demo'))).toEqual(['a.parquet']);
  });

  it('writes a folder as one and replaces it as one', async () => {
    await store.putFolder('models/demo/1', { 'manifest.json': '{}', 'tfjs/model.json': 'x', old: 'y' });
    const hashes = await store.putFolder('models/demo/1', {
      'manifest.json': '{"a":1}',
      'tfjs/weights.bin': Buffer.from([1]),
    });
    expect(hashes['tfjs/weights.bin']).toBe(sha256(Uint8Array.from([1])));
    expect(await store.list('models/demo/1')).toEqual(['manifest.json', 'tfjs/weights.bin']);
    expect(await readdir(join(store.root, 'models/demo'))).toEqual(['1']);
    expect(await store.list('models/none')).toEqual([]);
  });

  it('adopts a file that another program wrote', async () => {
    const made = join(root, 'made.parquet');
    await writeFile(made, 'rows');
    expect(await store.adopt('datasets/demo/b.parquet', made)).toBe(sha256('rows'));
    expect(await readdir(root)).toEqual(['artifacts']);
  });

  it.each([
    '../x',
    '/etc/passwd',
    'a/../../x',
    '',
    '.',
    'a//b',
    'a/.hidden',
    'a\\b',
    'a/\0',
    'a/b\n',
    Array.from({ length: 20 }, () => 'a').join('/'),
  ])('refuses the path %j, to write and to read', async (path) => {
    await expect(store.put(path, 'x')).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(store.read(path)).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(store.putFolder('ok', { [path]: 'x' })).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('does not follow links, and says not_found for what is absent or a folder', async () => {
    await store.put('a/b', 'x');
    await symlink('/etc/passwd', join(store.root, 'a/link'));
    await expect(store.read('a/link')).rejects.toMatchObject({ code: 'not_found' });
    await expect(store.read('a/c')).rejects.toMatchObject({ code: 'not_found' });
    await expect(store.read('a')).rejects.toMatchObject({ code: 'not_found' });
    expect(await store.exists('a/b')).toBe(true);
    expect(await store.exists('a/c')).toBe(false);
  });
});
