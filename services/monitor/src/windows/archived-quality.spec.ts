// Symptoms: labels that came when their window was over changed nothing; and after a publication that broke, the
// quality of a window that was retired counted twice.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import { binaryOutputs, seededRng } from '@millrace/domain';
import type { Evaluation } from '@millrace/evaluation';
import { aLabel, aPrediction } from '@millrace/testing';
import { aProject } from '../../test/a-project.js';
import { ArchiveStand, LIFE } from '../../test/an-archive.js';
import { anEngine, restored, saved } from '../../test/an-engine.js';
import { pathOf } from '../archive/archive-file.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import { ArchivedQuality } from './archived-quality.js';
import type { Engine } from './engine.js';

const WINDOW_MS = 10_000;
const ROWS = 200;
const SETTLED_MS = 60_000;
const PARTITION = 2;

class Evaluated extends MetadataCache {
  override evaluation(): Evaluation {
    return {
      ...{ rows: 20_000, metrics: { auc: 0.78, log_loss: 0.6, accuracy: 0.72 }, positiveShare: 0.5 },
      ...{ eventTimeFromMs: 0, eventTimeToMs: 1 },
    };
  }
}

let stand: ArchiveStand;
beforeEach(async () => {
  stand = await ArchiveStand.open();
});
afterEach(() => stand.close());

/** A monitor and its archive; a window closes and is judged with the one after it. */
function aMonitor() {
  const metadata = new Evaluated();
  metadata.setProject(aProject(WINDOW_MS, 0), LIFE.createdAtMs);
  const { archive, files } = stand.start();
  const rng = seededRng(4);
  const rows: { prediction: PredictionMessage; label: LabelMessage }[] = [];
  const offsets = { predictions: 0, labels: 0 };
  const world = {
    ...{ engine: anEngine(metadata), nowMs: 0 },
    labelled: async (index: number, take: (label: number) => void) => {
      const span = { fromMs: index * WINDOW_MS, toMs: (index + 1) * WINDOW_MS };
      await files.labelled(await files.list(LIFE), span, (rows) => {
        for (const { label } of rows) take(label);
      });
    },
  };
  const failed: number[] = [];
  const clock = { nowMs: () => world.nowMs, monotonicMs: () => world.nowMs };
  const qualities = new Map<Engine, ArchivedQuality>();
  const quality = (): ArchivedQuality => {
    const made =
      qualities.get(world.engine) ??
      new ArchivedQuality(world.engine, files, clock, SETTLED_MS, (_, startMs) => void failed.push(startMs));
    qualities.set(world.engine, made);
    return made;
  };
  const close = () => {
    world.engine.close(world.nowMs);
    world.engine.outbox.length = 0;
  };
  const window = (index: number) => {
    world.nowMs = (index + 1) * WINDOW_MS;
    for (let i = 0; i < ROWS; i++) {
      const eventTimeMs = index * WINDOW_MS + 1 + i * 40;
      const probability = rng.next();
      const common = { project: 'p', predictionId: `r${index}-${i}/0`, eventTimeMs };
      const outputs = binaryOutputs(probability);
      const prediction = aPrediction({ ...common, answeredAtMs: eventTimeMs, outputs, features: [1, 'a'] });
      const value = rng.next() < probability ? 1 : 0;
      rows.push({ prediction, label: aLabel({ ...common, recordId: '', knownAtMs: eventTimeMs, value }) });
      const offset = offsets.predictions++;
      world.engine.applyPrediction(prediction, PARTITION, offset, world.nowMs, world.nowMs);
      archive.prediction(PARTITION, offset, prediction, world.nowMs);
    }
    close();
  };
  const labels = (index: number, from: number, to: number, wrong = false) => {
    for (const { label } of rows.slice(index * ROWS + from, index * ROWS + to)) {
      const message = wrong ? { ...label, value: 1 - label.value } : label;
      const offset = offsets.labels++;
      world.engine.applyLabel(message, PARTITION, offset, world.nowMs, world.nowMs);
      archive.label(PARTITION, offset, message, world.nowMs);
    }
    close();
  };
  /** Of nothing that was predicted. */
  const strayLabel = (index: number) => {
    const eventTimeMs = index * WINDOW_MS + 5;
    const message = aLabel({ project: 'p', predictionId: `stray${index}/0`, eventTimeMs, knownAtMs: eventTimeMs });
    world.engine.applyLabel(message, PARTITION, offsets.labels++, world.nowMs, world.nowMs);
    close();
  };
  const settled = async () => {
    await archive.flush();
    await quality().once();
    world.nowMs += SETTLED_MS;
    await quality().once();
  };
  const record = (index: number) => (world.engine as Engine).window('p', index * WINDOW_MS);
  const counters = () => world.engine.monitor('p', 0)!.counters;
  const restart = () => {
    world.engine = restored(anEngine(metadata), saved(world.engine), world.nowMs);
    world.engine.monitor('p', world.nowMs);
  };
  /** Windows `from` to `to`, labelled at once. */
  const live = (from: number, to: number) => {
    for (let index = from; index < to; index++) {
      window(index);
      labels(index, 0, ROWS);
    }
  };
  return {
    world,
    archive,
    files,
    failed,
    quality,
    window,
    labels,
    strayLabel,
    live,
    settled,
    record,
    counters,
    restart,
  };
}

describe('a label whose window is over', () => {
  it('is joined out of the archive, and has the window judged again, once', async () => {
    const { window, labels, live, settled, record, counters, restart, world } = aMonitor();
    window(0);
    labels(0, 0, 120);
    live(1, 8);
    const before = record(0)!;
    expect(before.metrics[0]).toMatchObject({ predictions: ROWS, labels: 120 });
    labels(0, 120, 200);
    expect(counters()).toMatchObject({ unmatchedLabels: 80 });
    await settled();
    const after = record(0)!;
    expect(after.metrics[0]).toMatchObject({ predictions: ROWS, labels: ROWS, revision: before.revision + 1 });
    expect(after.metrics[0]?.quality?.rows).toBe(ROWS);
    expect(counters()).toMatchObject({ unmatchedLabels: 0, labelsJoined: 8 * ROWS, labelsFromArchive: 80 });
    expect(world.engine.outbox.map(({ window: { revision } }) => revision)).toEqual([after.revision]);
    // Nothing is new to it, nor to the one that goes on after it.
    world.engine.outbox.length = 0;
    await settled();
    restart();
    await settled();
    expect(world.engine.outbox).toEqual([]);
    expect(record(0)).toMatchObject({ revision: after.revision });
    const [all] = [world.engine.monitor('p', 0)!.quality.figures({ version: 'all', slice: 'all' }, 0, WINDOW_MS)];
    expect(all.rows).toBe(ROWS);
  });

  it('corrects what was said, where the verdict is another one', async () => {
    const { window, labels, live, settled, record } = aMonitor();
    window(0);
    labels(0, 0, 110);
    live(1, 8);
    labels(0, 110, 200, true);
    await settled();
    const { corrections, drift } = record(0)!;
    expect(drift).toEqual([]);
    expect(corrections.map(({ data }) => [data.alarming, data.corrects])).toEqual([[true, null]]);
  });

  it('is none where another label of the prediction came before, or several predictions have its id', async () => {
    const { window, labels, live, settled, record, counters } = aMonitor();
    window(0);
    labels(0, 0, 200);
    live(1, 8);
    labels(0, 0, 50, true);
    const before = record(0)!;
    await settled();
    expect(record(0)).toEqual(before);
    expect(counters()).toMatchObject({ unmatchedLabels: 50, labelsFromArchive: 0 });
  });

  it('is of the window in which its event time lies, where its id was used in several', async () => {
    const { window, labels, live, settled, record, archive, world } = aMonitor();
    window(0);
    live(1, 8);
    // Known before any other, of another window and in a log that is read first.
    const label = { project: 'p', predictionId: 'r0-0/0', recordId: '', eventTimeMs: 5 * WINDOW_MS, knownAtMs: 0 };
    archive.hold(0, undefined, { predictions: 0, labels: 0 });
    archive.label(0, 0, aLabel({ ...label, value: 7 }), world.nowMs);
    labels(0, 0, 10);
    await settled();
    const { metrics } = record(0)!;
    expect(metrics[0]?.labels).toBe(10);
    const joined: number[] = [];
    await world.labelled(0, (value) => joined.push(value));
    expect(joined).toHaveLength(10);
    expect(joined).not.toContain(7);
  });

  it('waits until no more come', async () => {
    const { window, labels, live, record, settled, world } = aMonitor();
    window(0);
    live(1, 8);
    labels(0, 0, 10);
    await settled();
    const { revision } = record(0)!;
    labels(0, 10, 20);
    world.nowMs += SETTLED_MS / 2;
    expect(world.engine.monitor('p', 0)!.toRecount(world.nowMs, SETTLED_MS)).toEqual([]);
    await settled();
    expect(record(0)!.revision).toBe(revision + 1);
    expect(record(0)!.metrics[0]?.labels).toBe(20);
  });

  it('is joined though they trickle without end', async () => {
    const { window, labels, live, record, quality, archive, world } = aMonitor();
    window(0);
    live(1, 8);
    for (let i = 0; i < 30; i++) {
      labels(0, i, i + 1);
      world.nowMs += SETTLED_MS / 2;
      await archive.flush();
      await quality().once();
    }
    expect(record(0)!.metrics[0]?.labels).toBeGreaterThan(20);
    world.nowMs += SETTLED_MS;
    await quality().once();
    expect(record(0)!.metrics[0]?.labels).toBe(30);
  });

  it('is joined though labels came for windows that had no predictions', async () => {
    const { window, labels, strayLabel, live, settled, record, world } = aMonitor();
    live(0, 1);
    window(6);
    for (let index = 7; index < 15; index++) window(index);
    for (let index = 1; index < 6; index++) strayLabel(index);
    expect(record(3)).toBeUndefined();
    labels(1, 0, 10);
    await settled();
    expect(record(6)!.metrics[0]?.labels).toBe(10);
    expect(world.engine.monitor('p', 0)!.toRecount(world.nowMs, SETTLED_MS)).toEqual([]);
  });

  it('is joined though files of another window are damaged, which is tried again', async () => {
    const { window, labels, live, settled, record, archive, files, failed } = aMonitor();
    window(0);
    await archive.flush();
    const [bad] = await files.list(LIFE);
    const place = join(stand.home, 'artifacts', pathOf(bad!));
    const bytes = await readFile(place);
    window(1);
    live(2, 10);
    labels(0, 0, 10);
    labels(1, 0, 10);
    await writeFile(place, 'no Parquet');
    await settled();
    expect(failed).toEqual([0]);
    expect(record(1)!.metrics[0]?.labels).toBe(10);
    await writeFile(place, bytes);
    await settled();
    expect(record(0)!.metrics[0]?.labels).toBe(10);
  });
});

describe('a judgement that was undone because its publication broke', () => {
  it('leaves nothing of the windows that it retired: their quality counts once', () => {
    const { world, live } = aMonitor();
    live(0, 2);
    const durable = saved(world.engine);
    live(2, 8);
    const rows = () =>
      world.engine.monitor('p', 0)!.quality.figures({ version: 'all', slice: 'all' }, 0, WINDOW_MS).rows;
    expect(rows()).toBe(ROWS);
    // As Sharing.releaseAll, and then the numbers come back with their checkpoints.
    for (const [key, value] of Object.entries(durable.board)) world.engine.board.put(key, value);
    for (const { partition } of durable.numbers) world.engine.release(partition);
    world.engine.followAgain();
    for (const state of durable.numbers) world.engine.hold(state.partition, state, world.nowMs);
    expect(rows()).toBe(ROWS);
  });

  it('takes nothing of windows that were over by what was published', () => {
    const { world, live } = aMonitor();
    live(0, 8);
    const durable = saved(world.engine);
    const rows = () =>
      world.engine.monitor('p', 0)!.quality.figures({ version: 'all', slice: 'all' }, 0, WINDOW_MS).rows;
    expect(rows()).toBe(ROWS);
    for (const [key, value] of Object.entries(durable.board)) world.engine.board.put(key, value);
    for (const { partition } of durable.numbers) world.engine.release(partition);
    world.engine.followAgain();
    expect(rows()).toBe(ROWS);
  });
});
