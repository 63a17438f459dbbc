import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { BLOCKING_CALLS, type FileCalls, PROMISED_CALLS } from './file-calls.js';
import { readJson, readJsonFolderSync, readJsonSync, replaceJson } from './json-file.js';
import { removeFile, replaceFile, replaceFileSync } from './replace-file.js';

/** Its tag is another in each process. */
const TEMPORARY = '.state.json.tmp*-0';
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-files-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** Hands every call to the real file system, writes it down, and fails the one with that number. */
function spied(real: FileCalls, failAt = -1): { calls: FileCalls; log: string[] } {
  const log: string[] = [];
  const paths = new Map<unknown, string>();
  const shown = (value: unknown) =>
    typeof value === 'string' && value.startsWith('/')
      ? value.slice(folder.length + 1).replace(/\.tmp[0-9a-f]{12}-/, '.tmp*-') || '.'
      : undefined;
  const call = (name: keyof FileCalls, args: unknown[]): unknown => {
    const handle = paths.get(args[0]);
    log.push(
      [name, handle ?? shown(args[0]), name === 'rename' ? shown(args[1]) : undefined].filter(Boolean).join(' '),
    );
    if (log.length - 1 === failAt) {
      // A close that fails has closed all the same.
      if (name === 'close') (real.close as (file: unknown) => unknown)(args[0]);
      const error = Object.assign(new Error('disk full'), { code: 'ENOSPC' });
      if (real === PROMISED_CALLS) return Promise.reject(error);
      throw error;
    }
    const given = (real[name] as (...of: unknown[]) => unknown)(...args);
    if (name !== 'open') return given;
    const remember = (file: unknown) => {
      paths.set(file, shown(args[0]) as string);
      return file;
    };
    return typeof (given as Promise<unknown>)?.then === 'function'
      ? (given as Promise<unknown>).then(remember)
      : remember(given);
  };
  const names = Object.keys(real) as (keyof FileCalls)[];
  return {
    log,
    calls: Object.fromEntries(
      names.map((name) => [name, (...args: unknown[]) => call(name, args)]),
    ) as unknown as FileCalls,
  };
}

const FORMS = [
  {
    form: 'promised',
    real: PROMISED_CALLS,
    replace: async (path: string, text: string, calls?: FileCalls) => replaceFile(path, text, calls),
  },
  {
    form: 'blocking',
    real: BLOCKING_CALLS,
    replace: async (path: string, text: string, calls?: FileCalls) => replaceFileSync(path, text, calls),
  },
] as {
  form: string;
  real: FileCalls;
  replace: (p: string, t: string, c?: FileCalls) => Promise<void>;
}[];

describe.each(FORMS)('a file replaced, $form', ({ real, replace }) => {
  it('is written beside, synced and renamed, and then its folder is synced', async () => {
    const { calls, log } = spied(real);
    await replace(join(folder, 'state.json'), 'new', calls);
    expect(log).toEqual([
      'makeFolder .',
      `open ${TEMPORARY}`,
      `write ${TEMPORARY}`,
      `sync ${TEMPORARY}`,
      `close ${TEMPORARY}`,
      `rename ${TEMPORARY} state.json`,
      'open .',
      'sync .',
      'close .',
    ]);
    expect(await readFile(join(folder, 'state.json'), 'utf8')).toBe('new');
  });

  it('makes folders durable in the folders above them', async () => {
    const { calls, log } = spied(real);
    await replace(join(folder, 'a/b/state.json'), 'new', calls);
    expect(log.filter((line) => line.startsWith('sync '))).toEqual([
      'sync a',
      'sync .',
      `sync a/b/${TEMPORARY}`,
      'sync a/b',
    ]);
  });

  it('is whole after any call that failed: the old bytes before the rename, the new ones after it', async () => {
    const path = join(folder, 'state.json');
    for (let failAt = 0; failAt < 9; failAt++) {
      await replace(path, 'old');
      const { calls, log } = spied(real, failAt);
      await expect(replace(path, 'new', calls)).rejects.toMatchObject({ code: 'unavailable' });
      const renamed = log.slice(0, failAt).some((line) => line.startsWith('rename'));
      expect(await readFile(path, 'utf8')).toBe(renamed ? 'new' : 'old');
      expect(await readdir(folder)).toEqual(['state.json']);
    }
    const { calls } = spied(real, 9);
    await replace(path, 'new', calls);
  });
});

describe('writes of one path at once', () => {
  it('never mix', async () => {
    const path = join(folder, 'state.json');
    const texts = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(200_000));
    await Promise.all(texts.map((text) => replaceFile(path, text)));
    expect(texts).toContain(await readFile(path, 'utf8'));
    expect(await readdir(folder)).toEqual(['state.json']);
  });
});

describe('a JSON file', () => {
  it('says whether it is there and whole', async () => {
    const path = join(folder, 'state.json');
    expect(await readJson(path)).toEqual({ kind: 'absent' });
    await replaceJson(path, { a: [1] });
    expect(await readJson(path)).toEqual({ kind: 'ok', value: { a: [1] } });
    expect(readJsonSync(path)).toEqual({ kind: 'ok', value: { a: [1] } });
    await replaceFile(path, '{"a":');
    expect(await readJson(path)).toMatchObject({ kind: 'corrupt', error: { code: 'corrupt' } });
    await expect(readJson(folder)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('is one of a folder, in the order of names, temporary ones left out', async () => {
    expect(readJsonFolderSync(join(folder, 'none'))).toEqual([]);
    await replaceJson(join(folder, 'b.json'), 2);
    await replaceJson(join(folder, 'a.json'), 1);
    await replaceFile(join(folder, '.c.json.tmp0'), '3');
    await replaceFile(join(folder, '.d.json'), '4');
    expect(readJsonFolderSync(folder)).toEqual([
      { name: 'a', read: { kind: 'ok', value: 1 } },
      { name: 'b', read: { kind: 'ok', value: 2 } },
    ]);
  });
});

it('a file is removed durably, and need not be there', async () => {
  const path = join(folder, 'state.json');
  await replaceFile(path, 'x');
  const { calls, log } = spied(PROMISED_CALLS);
  await removeFile(path, calls);
  expect(log).toEqual(['remove state.json', 'open .', 'sync .', 'close .']);
  expect(await readdir(folder)).toEqual([]);
  await removeFile(path);
  await removeFile(join(folder, 'none/state.json'));
});
