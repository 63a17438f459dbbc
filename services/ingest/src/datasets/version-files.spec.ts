import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ArtifactStore, openArtifactStore } from '@millrace/artifacts';
import type { DatasetVersion } from '@millrace/contracts';
import type { PlacedFile } from './version-file.duckdb.js';
import { versionFiles } from './version-files.fs.js';

let announced: PlacedFile | null = null;
const index = { find: () => announced as DatasetVersion | null };
let home: string;
let store: ArtifactStore;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-once-'));
  store = openArtifactStore({ home });
});

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

async function place(content: string, always = false): Promise<PlacedFile> {
  const file = join(home, 'written.parquet');
  await writeFile(file, content);
  return versionFiles(store, index).place('loans', 'a1', file, { always });
}

const bytesOf = async ({ parquetPath, parquetSha256 }: PlacedFile) =>
  readFile(await store.localFile(parquetPath, parquetSha256), 'utf8');

describe('a version’s file', () => {
  it('stays as it was announced when the same rows are written again, until it is lost or changed', async () => {
    announced = null;
    await place('first bytes');
    // Nobody was told of them yet.
    announced = await place('second bytes');
    expect(await bytesOf(announced)).toBe('second bytes');
    expect(await place('third bytes')).toEqual(announced);

    await writeFile(join(home, 'artifacts', announced.parquetPath), 'changed');
    const mended = await place('fourth bytes');
    expect(await bytesOf(mended)).toBe('fourth bytes');
    announced = mended;
    await store.remove(mended.parquetPath);
    expect(await bytesOf(await place('fourth bytes'))).toBe('fourth bytes');
  });

  it('is not overwritten by an owner that was replaced and does not know that the version is announced', async () => {
    announced = null;
    const told = await place('the successor’s');
    const stale = await place('the same rows, written by the one before');
    expect(stale.parquetPath).not.toBe(told.parquetPath);
    expect(await bytesOf(told)).toBe('the successor’s');
  });

  it('is another one beside it where it is said that it must be', async () => {
    announced = await place('as announced');
    const other = await place('with newer times of its labels', true);
    expect([await bytesOf(announced), await bytesOf(other)]).toEqual([
      'as announced',
      'with newer times of its labels',
    ]);
  });
});
