// A version whose package brings no reference gets one of its first rows: the same rows however partitions interleave,
// however often the process dies and reads again; windows from before are counted and not judged.

import { describe, expect, it } from '@jest/globals';
import type { PredictionMessage } from '@millrace/contracts';
import { binaryOutputs, seededRng } from '@millrace/domain';
import type { WatchedInput } from '@millrace/features';
import type { Project } from '@millrace/project';
import { aPrediction } from '@millrace/testing';
import fc from 'fast-check';
import { aProject } from '../../test/a-project.js';
import { anEngine, type Durable, restored, saved } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import type { Engine } from './engine.js';

const INPUTS: WatchedInput[] = [
  { name: 'x', kind: 'numeric' },
  { name: 'c', kind: 'categorical' },
];
const WINDOW_MS = 10_000;
const IDLE_MS = 5_000;
const WANTED = 200;
const PARTITIONS = 4;
const BEGIN_MS = 100_000;

function projectOf(referenceRows = WANTED): Project {
  const project = aProject(WINDOW_MS);
  return { ...project, monitoring: { ...project.monitoring, referenceRows } };
}

function engineOf(project = projectOf()): Engine {
  const metadata = new MetadataCache();
  metadata.setProject(project);
  metadata.setReference('p', 1, { profile: undefined, inputs: INPUTS });
  return anEngine(metadata, { idleMs: { predictions: IDLE_MS, labels: IDLE_MS } });
}

interface Sent {
  partition: number;
  offset: number;
  value: PredictionMessage;
}

/** A row every 100 ms, in a partition of its own choice; x is shifted by 3 from `shiftFrom` on. */
function stream(rows: number, shiftFrom = rows, partitions = PARTITIONS): Sent[] {
  const rng = seededRng(5);
  const next = new Array<number>(partitions).fill(0);
  return Array.from({ length: rows }, (_, i) => {
    const partition = rng.below(partitions);
    const eventTimeMs = BEGIN_MS + i * 100;
    const value = aPrediction({
      project: 'p',
      predictionId: `r${String(i).padStart(4, '0')}/0`,
      eventTimeMs,
      // Several rows of one request are answered at once.
      answeredAtMs: BEGIN_MS + Math.floor(i / 3) * 300,
      features: [i % 17 === 0 ? null : rng.normal() + (i >= shiftFrom ? 3 : 0), `c${rng.below(4)}`],
      outputs: binaryOutputs(rng.next()),
    });
    const offset = next[partition] as number;
    next[partition] = offset + 1;
    return { partition, offset, value };
  });
}

/** Knows how far the partitions reach, as a consumer does when it joins. */
function reaches(engine: Engine, sent: readonly Sent[]): void {
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const own = sent.filter((message) => message.partition === partition);
    engine.positions.startsAt('predictions', partition, 0);
    engine.positions.reaches('predictions', partition, own.length);
  }
}

function apply(engine: Engine, { partition, offset, value }: Sent, nowMs: number): void {
  engine.applyPrediction(value, partition, offset, nowMs);
  engine.settleReferences(nowMs);
  engine.close(nowMs);
}

const referenceOf = (engine: Engine) => engine.monitor('p', 0)?.references.of(1)?.profile;
const idsOf = (engine: Engine) =>
  engine
    .monitor('p', 0)
    ?.references.state()[0]
    ?.rows.map(({ predictionId }) => predictionId);

describe('the reference of the first rows', () => {
  const sent = stream(600);
  const expected = sent.slice(0, WANTED).map(({ value }) => value.predictionId);

  it('is made of the first rows that were answered, in whatever order partitions come, over any number of deaths', () => {
    const steps = fc.record({
      // Which partition is read next, and how many messages of it at once.
      reads: fc.array(fc.tuple(fc.nat(PARTITIONS - 1), fc.integer({ min: 1, max: 80 })), { maxLength: 60 }),
      /** After which reads the state is saved, and after which the process dies. */
      saves: fc.array(fc.nat(60), { maxLength: 20 }),
      deaths: fc.array(fc.nat(60), { maxLength: 6 }),
    });
    fc.assert(
      fc.property(steps, ({ reads, saves, deaths }) => {
        let engine = engineOf();
        reaches(engine, sent);
        let durable: Durable | undefined;
        const nowMs = BEGIN_MS + 3_600_000;
        const read = (partition: number, count: number): void => {
          const from = engine.positions.next('predictions', partition);
          const own = sent.filter((message) => message.partition === partition);
          // One message that the state already has comes again.
          for (const message of own.slice(Math.max(0, from - 1), from + count)) apply(engine, message, nowMs);
        };
        const whole = [...reads, ...Array.from({ length: PARTITIONS }, (_, i) => [i, 600] as const)];
        for (const [i, [partition, count]] of whole.entries()) {
          read(partition, count);
          if (saves.includes(i)) durable = saved(engine);
          if (!deaths.includes(i)) continue;
          const atDeath = referenceOf(engine) && idsOf(engine);
          engine = engineOf();
          if (durable) restored(engine, durable);
          reaches(engine, sent);
          if (atDeath) expect(atDeath).toEqual(expected);
        }
        for (let partition = 0; partition < PARTITIONS; partition++) read(partition, 600);
        // What a life before this one has read is not seen again: the partitions seem silent.
        engine.settleReferences(nowMs + IDLE_MS);
        expect(idsOf(engine)).toEqual(expected);
        expect(referenceOf(engine)?.rows).toBe(WANTED);
      }),
      { numRuns: 60 },
    );
  });

  it('is the same profile after a restart', () => {
    const before = engineOf();
    reaches(before, sent);
    for (const message of sent) apply(before, message, BEGIN_MS + 3_600_000);
    const after = engineOf();
    restored(after, saved(before));
    expect(referenceOf(after)).toEqual(referenceOf(before));
    expect(referenceOf(before)?.features.map(({ name, kind, missing }) => [name, kind, missing])).toEqual([
      ['x', 'numeric', 12],
      ['c', 'categorical', 0],
    ]);
  });

  it('waits for a silent partition as long as windows do, and for one with unread messages as long as it takes', () => {
    const engine = engineOf();
    const inOne = stream(WANTED, WANTED, 1);
    engine.positions.startsAt('predictions', 1, 0);
    const lastMs = inOne.at(-1)?.value.answeredAtMs as number;
    for (const message of inOne) apply(engine, message, lastMs);
    expect(engine.monitor('p', 0)?.references.progress(1)).toEqual({ rows: WANTED, wanted: WANTED, complete: false });
    engine.settleReferences(lastMs + IDLE_MS - 1);
    expect(referenceOf(engine)).toBeUndefined();
    engine.positions.reaches('predictions', 1, 1);
    engine.settleReferences(lastMs + IDLE_MS);
    expect(referenceOf(engine)).toBeUndefined();
    engine.skip('predictions', 1, 0);
    expect(engine.settleReferences(lastMs + IDLE_MS)).toBe(true);
    expect(referenceOf(engine)?.rows).toBe(WANTED);
  });

  it('waits from when it has enough, however long ago the rows were answered', () => {
    const engine = engineOf();
    engine.positions.startsAt('predictions', 1, 0);
    const nowMs = BEGIN_MS + 3_600_000;
    for (const message of stream(WANTED, WANTED, 1)) apply(engine, message, nowMs);
    engine.settleReferences(nowMs + IDLE_MS - 1);
    expect(referenceOf(engine)).toBeUndefined();
    expect(engine.settleReferences(nowMs + IDLE_MS)).toBe(true);
  });

  // The last of the ten windows stays open: no later event time comes.
  it('judges the windows after it, and counts those before', () => {
    const shifted = stream(1_000, 800);
    const engine = engineOf();
    for (const message of shifted) apply(engine, message, message.value.eventTimeMs + 50);
    const nowMs = BEGIN_MS + 200_000;
    engine.settleReferences(nowMs);
    engine.close(nowMs);
    const windows = [...engine.windowsBefore('p')].reverse();
    expect(windows.map(({ metrics }) => metrics[1]?.predictions)).toEqual(new Array(9).fill(100));
    const testedFor = windows.map(({ metrics }) => [...new Set(metrics[1]?.tests.map(({ feature }) => feature))]);
    // 200 rows are two windows; the third is open when the reference is complete.
    expect(testedFor.slice(0, 3)).toEqual([['@software'], ['@software'], ['@software']]);
    expect(testedFor.slice(3)).toEqual(new Array(6).fill(['x', 'c', '@score', '@software']));
    const drift = windows.flatMap((window) => window.drift.map(({ data }) => [data.feature, data.window.startMs]));
    expect(drift).toEqual([['x', BEGIN_MS + 80_000]]);
  });

  it('takes as many rows as the project file says; a complete one stays what it is', () => {
    const engine = engineOf();
    reaches(engine, sent);
    const nowMs = BEGIN_MS + 3_600_000;
    engine.projectChanged(projectOf(300), nowMs);
    for (const message of sent.slice(0, 150)) apply(engine, message, nowMs);
    expect(engine.monitor('p', 0)?.references.progress(1)).toEqual({ rows: 150, wanted: WANTED, complete: false });
    engine.projectChanged(projectOf(100), nowMs);
    expect(engine.monitor('p', 0)?.references.progress(1)).toEqual({ rows: 100, wanted: 100, complete: false });
    for (const message of sent.slice(150)) apply(engine, message, nowMs);
    expect(referenceOf(engine)?.rows).toBe(100);
    engine.projectChanged(projectOf(400), nowMs);
    expect(engine.monitor('p', 0)?.references.progress(1)).toEqual({ rows: 100, wanted: 100, complete: true });
  });
});
