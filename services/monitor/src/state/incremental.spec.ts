// Symptom: every checkpoint wrote everything anew, all rows that wait for labels among it, every 1.5 s; so what it
// cost grew with what was kept, and not with what had come.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openArtifactStore } from '@millrace/artifacts';
import { binaryOutputs, ManualClock, seededRng } from '@millrace/domain';
import { buildReferenceProfile } from '@millrace/statistics';
import { aLabel, aPrediction } from '@millrace/testing';
import { aProject } from '../../test/a-project.js';
import { anEngine, heldBy, numberState } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import { Checkpointer } from './checkpoint.js';
import { StoredCheckpoints } from './checkpoints.fs.js';

const WINDOW_MS = 10_000;
const WINDOWS = 12;
const ROWS = 6_000;

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-checkpoints-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** Rows of many windows wait for labels that take a day. */
function aMonitor() {
  const rng = seededRng(2);
  const metadata = new MetadataCache();
  metadata.setProject(aProject(WINDOW_MS, 86_400_000));
  const profile = buildReferenceProfile({
    features: [
      { name: 'x', kind: 'numeric', values: Array.from({ length: 2_000 }, () => rng.normal()) },
      { name: 'c', kind: 'categorical', values: Array.from({ length: 2_000 }, () => `c${rng.below(5)}`) },
    ],
    scoreName: 'probability',
    scores: Array.from({ length: 2_000 }, () => rng.next()),
    positiveShare: 0.5,
  });
  const inputs = [
    { name: 'x', kind: 'numeric' as const },
    { name: 'c', kind: 'categorical' as const },
  ];
  metadata.setReference('p', 1, { profile, inputs });
  const engine = anEngine(metadata);
  const reports = heldBy(engine);
  const clock = new ManualClock(1_000_000);
  const store = openArtifactStore({ home });
  const files = new StoredCheckpoints(store, '0', clock, () => 'here');
  /** When the first file of a checkpoint is being written. */
  const meanwhile = { run: (): void => undefined };
  const checkpointer = new Checkpointer(
    engine,
    reports,
    {
      write: (partition, text) => files.write(partition, text),
      writePiece: async (partition, text) => {
        meanwhile.run();
        meanwhile.run = () => undefined;
        return files.writePiece(partition, text);
      },
      remove: (checkpoint) => files.remove(checkpoint),
      sweep: (partition, told) => files.sweep(partition, told),
      tell: async (_partition, { key, value }) => engine.told(key, value, 1),
      tellJudged: async () => undefined,
      archived: () => undefined,
    },
    clock,
    0,
  );
  const offsets = { predictions: 0, labels: 0 };
  const row = (index: number, i: number) => {
    const eventTimeMs = index * WINDOW_MS + (i % WINDOW_MS);
    const ids = { project: 'p', predictionId: `a-request-of-a-client-${index}-${i}/0`, eventTimeMs };
    const rest = { outputs: binaryOutputs(rng.next()), features: [rng.normal(), 'c1'], answeredAtMs: eventTimeMs };
    engine.applyPrediction(aPrediction({ ...ids, ...rest }), 2, offsets.predictions++, eventTimeMs);
  };
  const label = (index: number, i: number) => {
    const ids = { project: 'p', recordId: '', predictionId: `a-request-of-a-client-${index}-${i}/0` };
    const message = aLabel({ ...ids, eventTimeMs: index * WINDOW_MS + (i % WINDOW_MS), knownAtMs: 1, value: 1 });
    engine.applyLabel(message, 2, offsets.labels++, 1);
  };
  for (let index = 0; index < WINDOWS; index++) {
    for (let i = 0; i < ROWS; i++) row(index, i);
    engine.close((index + 1) * WINDOW_MS);
  }
  for (const monitor of engine.judged()) engine.told(`${monitor.name}/judge`, monitor.judgeEntry(), 1);
  engine.outbox.length = 0;
  const state = async (partition = 2) => files.load(engine.board.checkpoint(partition)!);
  const settled = () => {
    reports.ofJudges(0)?.told();
    return checkpointer.write();
  };
  return { engine, checkpointer, store, meanwhile, row, label, state, settled };
}

const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value));

describe('a checkpoint', () => {
  it('is what the number is, and the next one writes what has changed since', async () => {
    const { engine, checkpointer, store, row, label, state, settled } = aMonitor();
    await settled();
    const whole = checkpointer.lastBytes;
    expect(whole).toBeGreaterThan(WINDOWS * ROWS * 50);
    expect(await state()).toEqual(plain(numberState(engine, 2)));

    row(WINDOWS - 1, ROWS);
    await settled();
    const ofRow = checkpointer.lastBytes;
    expect(ofRow).toBeLessThan(whole / 20);
    expect(await state()).toEqual(plain(numberState(engine, 2)));

    // A label of the oldest window: its quality and the chunk of its row.
    label(0, 17);
    await settled();
    expect(checkpointer.lastBytes).toBeLessThan(whole / 10);
    expect(await state()).toEqual(plain(numberState(engine, 2)));
    // What was replaced is gone.
    const files = (await store.list('monitor/here/2')).length;
    for (let i = 1; i < 6; i++) {
      row(WINDOWS - 1, ROWS + i);
      await settled();
    }
    expect((await store.list('monitor/here/2')).length).toBe(files);
  });

  it('leaves nothing behind where one of its files cannot be written', async () => {
    const { engine, meanwhile, store, state, settled } = aMonitor();
    meanwhile.run = () => {
      meanwhile.run = () => undefined;
      throw new Error('disk full');
    };
    await expect(settled()).rejects.toThrow('disk full');
    expect(await store.list('monitor/here/2')).toEqual([]);
    await settled();
    expect(await state()).toEqual(plain(numberState(engine, 2)));
  });

  it('is of one moment, whatever comes while it is written', async () => {
    const { engine, meanwhile, row, label, state, settled } = aMonitor();
    await settled();
    row(WINDOWS - 1, ROWS);
    const at = plain(numberState(engine, 2));
    meanwhile.run = () => {
      row(WINDOWS - 1, ROWS + 1);
      label(3, 5);
    };
    await settled();
    expect(await state()).toEqual(at);
  });

  it('is none where a piece of it is gone', async () => {
    const { store, state, settled } = aMonitor();
    await settled();
    const [first] = await store.list('monitor/here/2');
    await store.remove(`monitor/here/2/${first}`);
    expect(await state()).toBeUndefined();
  });
});
