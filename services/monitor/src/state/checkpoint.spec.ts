import { describe, expect, it } from '@jest/globals';
import { binaryOutputs, ManualClock } from '@millrace/domain';
import { aPrediction } from '@millrace/testing';
import { aProject } from '../../test/a-project.js';
import { anEngine, heldBy } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import type { ClosedOfProject } from '../windows/engine.js';
import { Checkpointer } from './checkpoint.js';

function stand(metadata = new MetadataCache()) {
  const engine = anEngine(metadata);
  const reports = heldBy(engine);
  const clock = new ManualClock(1);
  const calls: string[] = [];
  const disk = { tookMs: 0, full: false };
  const broker = { isAway: false, refuses: false };
  const checkpointer = new Checkpointer(
    engine,
    reports,
    {
      write: async (partition, text) => {
        if (disk.full) throw new Error('disk full');
        clock.advance(disk.tookMs);
        const [position] = JSON.parse(text).positions;
        calls.push(`write ${partition} at ${position.next}`);
        return { path: `${partition}/${calls.length}`, sha256: '' };
      },
      remove: async ({ path }) => void calls.push(`remove ${path}`),
      writePiece: async (partition) => ({ path: `${partition}/piece`, sha256: '' }),
      sweep: async () => undefined,
      archived: () => undefined,
      tellJudged: async () => {
        if (!broker.isAway) engine.outbox.length = 0;
      },
      tell: async (partition, { key, value }) => {
        if (broker.refuses) throw new Error('refused');
        calls.push(`tell ${partition}`);
        engine.told(key, value, 1);
      },
    },
    clock,
    1_000,
  );
  let offset = 0;
  const change = () => {
    engine.skip('predictions', 2, offset++);
    checkpointer.touched();
  };
  return { engine, reports, clock, calls, disk, broker, checkpointer, change };
}

const aJudgement = {
  project: 'p',
  window: { startMs: 0, endMs: 1, revision: 0, metrics: [], drift: [], corrections: [], ended: [] },
} as ClosedOfProject;

describe('Checkpointer', () => {
  it('writes the numbers that changed, tells where, and removes what is replaced; nothing when nothing changed', async () => {
    const { calls, checkpointer, clock, change } = stand();
    await checkpointer.maybe();
    expect(calls).toEqual([]);
    await checkpointer.write();
    calls.length = 0;
    change();
    await checkpointer.maybe();
    expect(calls).toEqual([]);
    clock.advance(1_000);
    await checkpointer.maybe();
    expect(calls).toEqual(['write 2 at 1', 'tell 2', 'remove 2/5']);
  });

  it('says what windows are over in it when it is told, and not before', async () => {
    const metadata = new MetadataCache();
    const project = aProject(1_000);
    metadata.setProject({ ...project, data: { ...project.data, label: undefined } });
    const { engine, reports, broker, checkpointer } = stand(metadata);
    for (let i = 0; i < 4; i++) {
      const ids = { project: 'p', predictionId: `r${i}/0`, eventTimeMs: 1_000 * i + 1, answeredAtMs: 1_000 * i + 1 };
      engine.applyPrediction(aPrediction({ ...ids, outputs: binaryOutputs(0.5) }), 2, i, ids.eventTimeMs);
    }
    engine.close(4_000);
    engine.outbox.length = 0;
    const tell = () => {
      const news = reports.ofJudges(0);
      for (const { key, value } of news?.entries ?? []) engine.told(key, value, 1);
      news?.told();
    };
    const kept = () => [...engine.board.judgedOf('p').keys()];
    tell();
    expect(kept()).toEqual([0, 1_000]);
    broker.refuses = true;
    await expect(checkpointer.write()).rejects.toThrow('refused');
    tell();
    expect(kept()).toEqual([0, 1_000]);
    broker.refuses = false;
    await checkpointer.write();
    tell();
    expect(kept()).toEqual([]);
  });

  it('waits ten times as long as a checkpoint took', async () => {
    const { calls, checkpointer, clock, disk, change } = stand();
    disk.tookMs = 125;
    await checkpointer.write();
    const before = calls.length;
    change();
    clock.advance(4_999);
    await checkpointer.maybe();
    expect(calls).toHaveLength(before);
    clock.advance(1);
    await checkpointer.maybe();
    expect(calls.length).toBeGreaterThan(before);
  });

  it('comes without waiting after something was judged, and for at most a tenth of the time', async () => {
    const { calls, checkpointer, clock, disk, change } = stand();
    disk.tookMs = 10;
    await checkpointer.write();
    const written = () => calls.filter((call) => call.startsWith('write 2')).length;
    change();
    checkpointer.judged();
    clock.advance(399);
    await checkpointer.maybe();
    expect(written()).toBe(1);
    clock.advance(1);
    await checkpointer.maybe();
    expect(written()).toBe(2);
  });

  it('is tried again where writing failed, after a second, then two, and so on', async () => {
    const { calls, checkpointer, clock, disk, change } = stand();
    change();
    disk.full = true;
    await expect(checkpointer.maybe()).rejects.toThrow('disk full');
    await checkpointer.maybe();
    clock.advance(1_000);
    await expect(checkpointer.maybe()).rejects.toThrow('disk full');
    disk.full = false;
    clock.advance(1_999);
    await checkpointer.maybe();
    expect(calls).toEqual([]);
    clock.advance(1);
    await checkpointer.maybe();
    expect(calls).toContain('tell 2');
  });

  it('saves nothing while a judgement cannot be told, which nobody would know of after a crash', async () => {
    const { engine, clock, calls, broker, checkpointer, change } = stand();
    engine.outbox.push(aJudgement);
    broker.isAway = true;
    change();
    await checkpointer.maybe();
    expect(calls).toEqual([]);
    broker.isAway = false;
    clock.advance(1_000);
    await checkpointer.maybe();
    expect(calls).toContain('write 2 at 1');
  });

  it('has what was judged told first: under traffic there is always something', async () => {
    const { engine, clock, calls, checkpointer, change } = stand();
    for (let round = 1; round < 4; round++) {
      engine.outbox.push(aJudgement);
      change();
      clock.advance(1_000);
      await checkpointer.maybe();
      expect(calls).toContain(`write 2 at ${round}`);
    }
  });

  it('tells nothing of a number that another process has by now', async () => {
    const { engine, reports, calls, checkpointer, change, disk } = stand();
    change();
    const writing = checkpointer.write();
    disk.tookMs = 1;
    for (const partition of [0, 1, 2, 3]) reports.release(partition);
    await writing;
    expect(calls.filter((call) => call.startsWith('tell'))).toEqual([]);
    expect(engine.board.checkpoint(0)).toBeUndefined();
  });

  it('lets two callers follow each other', async () => {
    const { calls, checkpointer, change } = stand();
    const first = checkpointer.write();
    change();
    await Promise.all([first, checkpointer.write()]);
    expect(calls.filter((call) => call.startsWith('write 2'))).toEqual(['write 2 at 1']);
  });
});
