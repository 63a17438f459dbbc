import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openImportRoots, openToImports } from '@millrace/files';
import { readablePath } from './source-path.fs.js';

const home = mkdtempSync(join(tmpdir(), 'millrace-roots-'));
const root = join(home, 'data');
const within = (path: string) => readablePath(path, async () => [root]);

beforeAll(() => {
  mkdirSync(join(root, 'deep'), { recursive: true });
  mkdirSync(join(home, 'data-of-others'));
  for (const path of ['data/deep/a.csv', 'secret.csv', 'data-of-others/b.csv', 'data/odd*.csv'])
    writeFileSync(join(home, path), 'a\n1\n');
  symlinkSync(join(home, 'secret.csv'), join(root, 'link.csv'));
  symlinkSync(home, join(root, 'up'));
  symlinkSync(join(root, 'deep/a.csv'), join(root, 'inside.csv'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('the path of a source', () => {
  it('is read inside of a root, through links that stay there', async () => {
    expect(await within(join(root, 'deep/a.csv'))).toBe(join(root, 'deep/a.csv'));
    expect(await within(join(root, 'inside.csv'))).toBe(join(root, 'deep/a.csv'));
  });

  it('is read where that very file is open, and not its neighbours', async () => {
    const open = async () => [join(root, 'deep/a.csv')];
    expect(await readablePath(join(root, 'inside.csv'), open)).toBe(join(root, 'deep/a.csv'));
    await expect(readablePath(join(home, 'secret.csv'), open)).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it.each([
    ['a file outside', 'secret.csv'],
    ['a link to a file outside', 'data/link.csv'],
    ['a link to a folder outside', 'data/up/secret.csv'],
    ['dots that lead out', 'data/../secret.csv'],
    ['a folder whose name only begins alike', 'data-of-others/b.csv'],
    ['a file outside that is not there', 'nothing.csv'],
  ])('is refused for %s, with what to do', async (_what, path) => {
    const refused = within(`${home}/${path}`);
    await expect(refused).rejects.toMatchObject({ code: 'permission_denied' });
    await expect(refused).rejects.toThrow('millrace ingest PROJECT --file');
  });

  it.each([
    ['what is not there', 'data/none.csv', 'there is no file'],
    ['a folder', 'data/deep', 'is no file'],
    ['a name that a reader would expand', 'data/odd*.csv', 'are not read'],
  ])('is refused for %s', async (_what, path, words) => {
    await expect(within(join(home, path))).rejects.toThrow(words);
  });

  it('is no file of the kernel or a device, also where everything is open', async () => {
    for (const path of ['/proc/self/environ', '/proc/self/fd/../environ', '/dev/zero'])
      await expect(readablePath(path, async () => ['/'])).rejects.toThrow('is no file');
  });

  it('is found in an installed package, and not above it', async () => {
    expect(await readablePath('npm:typescript/package.json', async () => [])).toMatch(
      /node_modules\/typescript\/package\.json$/,
    );
    await expect(readablePath('npm:typescript/../x', async () => [])).rejects.toThrow('npm:<package>/<path>');
    await expect(readablePath('npm:no-such-package/x.csv', async () => [])).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(within('relative.csv')).rejects.toThrow('is relative');
  });
});

describe('what a user opened', () => {
  it('are kept, each once', async () => {
    expect(await openImportRoots(home)).toEqual([]);
    for (const paths of [['/a', '/c'], ['/b'], ['/a']]) await openToImports(home, paths);
    expect(await openImportRoots(home)).toEqual(['/c', '/b', '/a']);
    writeFileSync(join(home, 'ingest/import-roots.json'), '{');
    expect(await openImportRoots(home)).toEqual([]);
  });
});
