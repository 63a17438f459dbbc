import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { openArtifactStore } from '@millrace/artifacts';
import type { ModelVersion } from '@millrace/contracts';
import { goingVersions } from './going-versions.fs.js';

const version = {
  ...{ project: 'shop', version: 2, packagePath: 'models/shop/2', modelSha256: 'a', packageSha256: 'b' },
  ...{ datasetVersions: ['d'], trainingId: 't', workers: 1, seed: 1, createdAtMs: 1, correlationId: 'c' },
  ...{ trainRows: 1, trainSeconds: 3_600, origin: 'trained', blessed: true, reasons: [], warnings: [], verdict: '' },
  ...{ metrics: [], baselines: [], comparisons: [], slices: [], championVersion: 0 },
} as unknown as ModelVersion;

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
