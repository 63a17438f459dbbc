import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { openArtifactStore } from '@millrace/artifacts';
import { aModelVersion } from '@millrace/testing';
import { goingVersions } from './going-versions.fs.js';

const version = aModelVersion({ project: 'shop', version: 2, trainSeconds: 3_600 });

it('stand beside their packages until those are removed', async () => {
  const home = await mkdtemp(join(tmpdir(), 'millrace-going-'));
  try {
    const store = openArtifactStore({ home });
    const going = goingVersions(store);
    expect(await going.read('shop', 2)).toBeNull();
    await going.keep(version);
    expect(await going.read('shop', 2)).toMatchObject({ version: 2, packagePath: 'models/shop/2', blessed: true });
    expect(await store.list('models/shop')).toEqual([]);
    await going.forget('shop', 2);
    expect(await going.read('shop', 2)).toBeNull();
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
