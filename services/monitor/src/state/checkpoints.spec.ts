import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { openArtifactStore } from '@millrace/artifacts';
import { ManualClock } from '@millrace/domain';
import { StoredCheckpoints } from './checkpoints.fs.js';

it('removes files that nobody told of once they are old: what is told stays, and what is being told', async () => {
  const home = await mkdtemp(join(tmpdir(), 'millrace-checkpoints-'));
  try {
    const clock = new ManualClock(10_000_000);
    const store = openArtifactStore({ home });
    const checkpoints = new StoredCheckpoints(store, '0', clock);
    const lost = await checkpoints.write(1, '{}');
    const told = await checkpoints.write(1, '{}');
    clock.advance(3_600_001);
    const young = await new StoredCheckpoints(store, '1', clock).write(1, '{}');
    await checkpoints.sweep(1, [told]);
    const left = (await store.list('monitor/1')).map((name) => `monitor/1/${name}`);
    expect(left).toEqual([told.path, young.path].sort());
    expect(left).not.toContain(lost.path);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
