// What every artifact store must do, whatever it keeps its files in: a second store (object storage) passes this suite
// or is none. `make` gives an empty store.

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as jest from '@jest/globals';
import { type ArtifactStore, sha256 } from '@millrace/artifacts';

/** `suite`: jest’s functions, from the spec: programs that tests start import this lib, too, and have no jest. */
export function artifactStoreContract(
  {
    afterEach,
    beforeEach,
    describe,
    expect,
    it,
  }: Pick<typeof jest, 'afterEach' | 'beforeEach' | 'describe' | 'expect' | 'it'>,
  name: string,
  make: (folder: string) => ArtifactStore,
): void {
  describe(`the contract of artifact stores: ${name}`, () => {
    let folder: string;
    let store: ArtifactStore;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'millrace-artifacts-'));
      store = make(folder);
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    it('writes whole files and says their hash', async () => {
      const hash = await store.put('datasets/demo/a.parquet', Buffer.from('abc'));
      expect(hash).toBe(sha256('abc'));
      expect((await store.read('datasets/demo/a.parquet')).toString()).toBe('abc');
      expect(await store.sha256('datasets/demo/a.parquet')).toBe(hash);
      await store.put('datasets/demo/a.parquet', 'abcd');
      expect((await store.read('datasets/demo/a.parquet')).toString()).toBe('abcd');
      expect(await store.list('datasets')).toEqual(['demo/a.parquet']);
    });

    it('writes a folder as one and replaces it as one', async () => {
      await store.putFolder('models/demo/1', { 'manifest.json': '{}', 'tfjs/model.json': 'x', old: 'y' });
      const hashes = await store.putFolder('models/demo/1', {
        'manifest.json': '{"a":1}',
        'tfjs/weights.bin': Buffer.from([1]),
      });
      expect(hashes['tfjs/weights.bin']).toBe(sha256(Uint8Array.from([1])));
      expect(await store.list('models/demo/1')).toEqual(['manifest.json', 'tfjs/weights.bin']);
      expect(await store.list('models')).toEqual(['demo/1/manifest.json', 'demo/1/tfjs/weights.bin']);
      expect(await store.list('models/none')).toEqual([]);
    });

    it('takes over a file that another program wrote', async () => {
      const made = join(folder, 'made.parquet');
      await writeFile(made, 'rows');
      expect(await store.putFile('datasets/demo/b.parquet', made)).toBe(sha256('rows'));
      expect(existsSync(made)).toBe(false);
      expect((await store.read('datasets/demo/b.parquet')).toString()).toBe('rows');
    });

    it('gives other programs a file to read', async () => {
      await store.put('datasets/demo/c.parquet', 'rows');
      expect(await readFile(await store.localFile('datasets/demo/c.parquet'), 'utf8')).toBe('rows');
    });

    it('never mixes what is written to one path at once, also by another process', async () => {
      const texts = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(200_000));
      const stores = texts.map((_, index) => (index % 2 === 0 ? store : make(folder)));
      await Promise.all(texts.map((text, index) => stores[index]?.put('datasets/demo/d', text)));
      expect(texts).toContain((await store.read('datasets/demo/d')).toString());
      expect(await store.list('datasets')).toEqual(['demo/d']);
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
      await expect(store.putFile(path, join(folder, 'x'))).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(store.read(path)).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(store.localFile(path)).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(store.putFolder('ok', { [path]: 'x' })).rejects.toMatchObject({ code: 'invalid_argument' });
    });

    it('says not_found for what is absent or a folder', async () => {
      await store.put('a/b', 'x');
      for (const path of ['a/c', 'a']) {
        await expect(store.read(path)).rejects.toMatchObject({ code: 'not_found' });
        await expect(store.localFile(path)).rejects.toMatchObject({ code: 'not_found' });
        await expect(store.sha256(path)).rejects.toMatchObject({ code: 'not_found' });
      }
    });
  });
}
