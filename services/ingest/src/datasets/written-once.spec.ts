import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ArtifactStore, openArtifactStore } from '@millrace/artifacts';
import type { DatasetVersion } from '@millrace/contracts';
import { writtenOnce } from './written-once.js';

const PATH = 'datasets/loans/a1/data.parquet';
const announced = new Map<string, string>();
const index = {
  find: (project: string, id: string) => {
    const parquetSha256 = announced.get(`${project}/${id}`);
    return parquetSha256 === undefined ? null : ({ parquetSha256 } as DatasetVersion);
  },
};
let home: string;
let store: ArtifactStore;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-once-'));
  store = openArtifactStore({ home });
});

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

async function put(content: string): Promise<string> {
  const file = join(home, 'written.parquet');
  await writeFile(file, content);
  return writtenOnce(store, index).putFile(PATH, file);
}

const stored = async () => (await store.read(PATH)).toString();

describe('a version’s file', () => {
  it('stays as it was announced when the same rows are written again, until it is lost or changed', async () => {
    await put('first bytes');
    // Nobody was told of them yet.
    const sha256 = await put('second bytes');
    expect(await stored()).toBe('second bytes');

    announced.set('loans/a1', sha256);
    expect(await put('third bytes')).toBe(sha256);
    expect(await stored()).toBe('second bytes');

    await writeFile(join(home, 'artifacts', PATH), 'changed');
    expect(await put('fourth bytes')).not.toBe(sha256);
    expect(await stored()).toBe('fourth bytes');

    await store.remove(PATH);
    await put('fifth bytes');
    expect(await stored()).toBe('fifth bytes');
  });
});
