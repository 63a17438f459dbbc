// What every artifact store must do, whatever it keeps its files in: a second store (object storage) passes this suite
// or is none. `make` gives an empty store for a folder that no other test has; called again, another process's of it.

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

    it('gives other programs a folder that was written as one, and folders in it', async () => {
      await store.putFolder('models/demo/1', { 'manifest.json': '{}', 'tfjs/model.json': 'x', 'tfjs/a/b': 'y' });
      const package1 = await store.localFolder('models/demo/1');
      expect(await readFile(join(package1, 'manifest.json'), 'utf8')).toBe('{}');
      expect(await readFile(join(await store.localFolder('models/demo/1/tfjs'), 'a/b'), 'utf8')).toBe('y');
      await store.putFolder('models/demo/1', { 'manifest.json': '{"a":1}' });
      expect(await readFile(join(await store.localFolder('models/demo/1'), 'manifest.json'), 'utf8')).toBe('{"a":1}');
      expect(await readFile(await store.localFile('models/demo/1/manifest.json'), 'utf8')).toBe('{"a":1}');
      for (const none of ['models/demo/2', 'models/demo/1/tfjs', 'models/demo/1/manifest.json'])
        await expect(store.localFolder(none)).rejects.toMatchObject({ code: 'not_found' });
    });

    it('takes and gives a file larger than what goes in one request', async () => {
      const made = join(folder, 'large');
      const bytes = Buffer.alloc(20_000_001);
      for (let at = 0; at < bytes.length; at += 1_000) bytes.writeUInt32LE(at, Math.min(at, bytes.length - 4));
      await writeFile(made, bytes);
      expect(await store.putFile('datasets/demo/large', made)).toBe(sha256(bytes));
      expect(await store.sha256('datasets/demo/large')).toBe(sha256(bytes));
      expect((await readFile(await store.localFile('datasets/demo/large'))).equals(bytes)).toBe(true);
      await writeFile(made, bytes);
      await store.putFolder('models/demo/1', { 'manifest.json': '{}', 'own/model': { file: made } });
      expect((await store.read('models/demo/1/own/model')).equals(bytes)).toBe(true);
      // Copied, not taken over.
      expect(existsSync(made)).toBe(true);
    });

    it('shows nothing of a folder that could not be written whole, and keeps the one before it', async () => {
      const broken = { 'a.json': '1', 'own/model': { file: join(folder, 'none') } };
      await expect(store.putFolder('models/demo/1', broken)).rejects.toThrow('ENOENT');
      expect(await store.list('models')).toEqual([]);
      await expect(store.read('models/demo/1/a.json')).rejects.toMatchObject({ code: 'not_found' });
      await store.putFolder('models/demo/1', { 'a.json': 'whole' });
      await expect(store.putFolder('models/demo/1', broken)).rejects.toThrow('ENOENT');
      expect(await store.list('models')).toEqual(['demo/1/a.json']);
      expect((await store.read('models/demo/1/a.json')).toString()).toBe('whole');
    });

    it('refuses bytes that are not those that the reader was told of', async () => {
      const hash = await store.put('datasets/demo/e.parquet', 'rows');
      expect((await store.read('datasets/demo/e.parquet', hash)).toString()).toBe('rows');
      expect(await readFile(await store.localFile('datasets/demo/e.parquet', hash), 'utf8')).toBe('rows');
      const changed = await store.put('datasets/demo/e.parquet', 'row');
      await expect(store.read('datasets/demo/e.parquet', hash)).rejects.toMatchObject({ code: 'corrupt' });
      expect(await readFile(await store.localFile('datasets/demo/e.parquet', changed), 'utf8')).toBe('row');
      await expect(store.localFile('datasets/demo/e.parquet', sha256('others'))).rejects.toMatchObject({
        code: 'corrupt',
      });
    });

    it('removes a file, a folder and all of a project, and nothing else', async () => {
      await store.put('datasets/demo/a/data.parquet', 'rows');
      await store.put('datasets/demo/a/manifest.json', '{}');
      await store.put('datasets/demo2/a/data.parquet', 'rows');
      await store.putFolder('models/demo/1', { 'manifest.json': '{}', 'tfjs/model.json': 'x' });
      await store.putFolder('models/demo/2', { 'manifest.json': '{}' });
      await store.remove('datasets/demo/a/manifest.json');
      expect(await store.list('datasets/demo')).toEqual(['a/data.parquet']);
      await store.remove('models/demo/1');
      expect(await store.list('models')).toEqual(['demo/2/manifest.json']);
      await expect(store.read('models/demo/1/manifest.json')).rejects.toMatchObject({ code: 'not_found' });
      for (const kind of ['datasets', 'models']) await store.remove(`${kind}/demo`);
      expect(await store.list('models')).toEqual([]);
      expect(await store.list('datasets')).toEqual(['demo2/a/data.parquet']);
      await store.remove('datasets/none');
    });

    it('lists many files, and folders in a folder that was written as one', async () => {
      await store.putFolder(
        'models/demo/1',
        Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`own/part-${index}`, String(index)])),
      );
      expect(await store.list('models/demo/1/own')).toHaveLength(300);
      expect((await store.list('models/demo/1/own'))[0]).toBe('part-0');
    });

    it('says that it can be used, and where it is', async () => {
      await store.check();
      expect(store.place).not.toBe('');
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
      await expect(store.localFolder(path)).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(store.list(path)).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(store.remove(path)).rejects.toMatchObject({ code: 'invalid_argument' });
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
