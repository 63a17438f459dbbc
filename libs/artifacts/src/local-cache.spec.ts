import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@millrace/domain';
import { sha256 } from './hashes.js';
import { type Copy, HELD_MS, LocalCache } from './local-cache.js';

const DAY_MS = 86_400_000;
const BYTES = 100;

let root: string;
let clock: ManualClock;
let filled: string[];

beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), 'millrace-copies-')), 'copies');
  clock = new ManualClock(1_700_000_000_000);
  filled = [];
});
afterEach(() => rm(join(root, '..'), { recursive: true, force: true }));

const cacheOf = (bytesMax: number) => new LocalCache(root, bytesMax, clock);

/** A copy of `BYTES` letters. */
function letters(letter: string): Copy {
  const text = letter.repeat(BYTES);
  return {
    sha256: sha256(text),
    bytes: BYTES,
    fill: async (folder) => {
      filled.push(letter);
      await writeFile(join(folder, 'file'), text);
    },
    isWhole: async (folder) => (await readFile(join(folder, 'file'), 'utf8')) === text,
  };
}

const kept = async () => {
  const texts = (await readdir(root)).map((name) => readFile(join(root, name, 'file'), 'utf8'));
  return (await Promise.all(texts)).map((text) => text[0]).sort();
};

describe('copies on this machine', () => {
  it('are made once, also for callers at once and for another process', async () => {
    const cache = cacheOf(1_000);
    const folders = await Promise.all([1, 2, 3].map(() => cache.folder(letters('a'))));
    expect(new Set(folders).size).toBe(1);
    expect(await cacheOf(1_000).folder(letters('a'))).toBe(folders[0]);
    expect(filled).toEqual(['a']);
    expect(await cache.find(sha256('a'.repeat(BYTES)), letters('a').isWhole)).toBe(folders[0]);
    expect(await cache.find(sha256('other'), letters('a').isWhole)).toBeUndefined();
  });

  it('make room: what was longest unused leaves first', async () => {
    const cache = cacheOf(3 * BYTES);
    for (const letter of ['a', 'b', 'c']) {
      await cache.folder(letters(letter));
      clock.advance(1_000);
    }
    clock.advance(HELD_MS);
    await cache.folder(letters('a'));
    await cache.folder(letters('d'));
    expect(await kept()).toEqual(['a', 'c', 'd']);
    expect(filled).toEqual(['a', 'b', 'c', 'd']);
  });

  it('never leave what was given out in the last hour: the call is refused, and says what to raise', async () => {
    const cache = cacheOf(2 * BYTES);
    await cache.folder(letters('a'));
    await cache.folder(letters('b'));
    clock.advance(HELD_MS - 1);
    await expect(cache.folder(letters('c'))).rejects.toMatchObject({
      code: 'overloaded',
      message: expect.stringContaining('MILLRACE_ARTIFACTS_CACHE_BYTES_MAX'),
    });
    expect(await kept()).toEqual(['a', 'b']);
    clock.advance(1);
    await cache.folder(letters('c'));
    expect(await kept()).toEqual(['b', 'c']);
    await expect(cacheOf(BYTES - 1).folder(letters('d'))).rejects.toMatchObject({ code: 'overloaded' });
  });

  it('stay within the quota when many are made at once', async () => {
    const cache = cacheOf(2 * BYTES);
    const made = await Promise.allSettled(['a', 'b', 'c', 'd'].map((letter) => cache.folder(letters(letter))));
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect(await kept()).toHaveLength(2);
  });

  it('are made anew where one was cut or changed while no process looked', async () => {
    const folder = await cacheOf(1_000).folder(letters('a'));
    await writeFile(join(folder, 'file'), 'cut');
    expect(await cacheOf(1_000).folder(letters('a'))).toBe(folder);
    expect(filled).toEqual(['a', 'a']);
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('a'.repeat(BYTES));
  });

  it('leave nothing where they could not be made', async () => {
    const broken = { ...letters('a'), fill: async () => Promise.reject(new Error('the server is away')) };
    await expect(cacheOf(1_000).folder(broken)).rejects.toThrow('the server is away');
    expect(await readdir(root)).toEqual([]);
    const cache = cacheOf(1_000);
    await expect(cache.folder(broken)).rejects.toThrow('the server is away');
    await cache.folder(letters('a'));
    expect(await kept()).toEqual(['a']);
  });

  it('clear what a process that was killed has begun, a day later', async () => {
    for (const [name, ageMs] of [
      ['.staging-old', 2 * DAY_MS],
      ['.staging-new', 0],
    ] as const) {
      await mkdir(join(root, name), { recursive: true });
      const atS = (clock.nowMs() - ageMs) / 1000;
      await utimes(join(root, name), atS, atS);
    }
    await cacheOf(1_000).folder(letters('a'));
    expect((await readdir(root)).filter((name) => name.startsWith('.'))).toEqual(['.staging-new']);
  });
});
