import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { openArtifactStore } from '@millrace/artifacts';
import { ManualClock } from '@millrace/domain';
import { StoredCheckpoints } from './checkpoints.fs.js';

it("leaves those of another installation that has the same store, which took them for nobody's", async () => {
  const home = await mkdtemp(join(tmpdir(), 'millrace-checkpoints-'));
  try {
    const clock = new ManualClock(10_000_000);
    const store = openArtifactStore({ home });
    const there = new StoredCheckpoints(store, '0', clock, () => 'there');
    const told = await there.write(1, '{"positions":[]}');
    clock.advance(3_600_001);
    await new StoredCheckpoints(store, '0', clock, () => 'here').sweep(1, []);
    expect((await store.read(told.path, told.sha256)).length).toBeGreaterThan(0);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});

it('removes files that nobody told of once they are old: what is told stays, and what is being told', async () => {
  const home = await mkdtemp(join(tmpdir(), 'millrace-checkpoints-'));
  try {
    const clock = new ManualClock(10_000_000);
    const store = openArtifactStore({ home });
    const checkpoints = new StoredCheckpoints(store, '0', clock, () => 'here');
    const lost = await checkpoints.write(1, '{}');
    const told = await checkpoints.write(1, '{}');
    clock.advance(3_600_001);
    const young = await new StoredCheckpoints(store, '1', clock, () => 'here').write(1, '{}');
    await checkpoints.sweep(1, [told]);
    const left = (await store.list('monitor/here/1')).map((name) => `monitor/here/1/${name}`);
    expect(left).toEqual([told.path, young.path].sort());
    expect(left).not.toContain(lost.path);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
