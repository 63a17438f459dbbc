// How long the judge of a project keeps where a window was over: until a checkpoint of every part that had some of it
// knows so, and within a bound where one never does.

import { describe, expect, it } from '@jest/globals';
import { binaryOutputs } from '@millrace/domain';
import { aPrediction } from '@millrace/testing';
import { aProject } from '../../test/a-project.js';
import { anEngine, heldBy } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import { JudgedWindow } from './judged-window.js';
import { OVER_WINDOWS_MAX } from './over-windows.js';
import type { Part } from './part.js';
import { isPastJudged } from './window-ends.js';

const WINDOW_MS = 1_000;

/** Windows are over as soon as they are closed: the project has no label. */
function stand() {
  const metadata = new MetadataCache();
  const project = aProject(WINDOW_MS);
  metadata.setProject({ ...project, data: { ...project.data, label: undefined } });
  const engine = anEngine(metadata);
  const reports = heldBy(engine);
  const tell = () => {
    const news = reports.ofJudges(0);
    for (const { key, value } of news?.entries ?? []) engine.told(key, JSON.parse(JSON.stringify(value)), 1);
    news?.told();
    return news?.entries ?? [];
  };
  const offsets = [0, 0];
  let windows = 0;
  /** A row of each partition in a window of its own that all of these are in. */
  const window = (...partitions: number[]): void => {
    const eventTimeMs = ++windows * WINDOW_MS;
    for (const partition of partitions) {
      const ids = { project: 'p', predictionId: `r${windows}-${partition}/0`, eventTimeMs };
      const row = aPrediction({ ...ids, answeredAtMs: eventTimeMs, outputs: binaryOutputs(0.5) });
      engine.applyPrediction(row, partition, offsets[partition]!++, eventTimeMs);
    }
    engine.close(eventTimeMs);
  };
  /** Of other projects. */
  const others = (partition: number, count: number): void => {
    for (let i = 0; i < count; i++) engine.skip('predictions', partition, offsets[partition]!++);
  };
  const kept = () => [...engine.board.judgedOf('p').keys()].map((startMs) => startMs / WINDOW_MS);
  return { engine, tell, window, others, kept };
}

/** What is asked of one of another process. */
function aPartThatHas(partition: number, predictions: number, readTo: number): Part {
  const share = () => ({ predictions, labels: 0 });
  return { partition, readTo, labelsTo: 0, share } as Pick<Part, 'partition' | 'readTo' | 'labelsTo'> as Part;
}

describe('windows that are over', () => {
  it('are kept until a checkpoint of every part that had some of them knows so', () => {
    const { engine, tell, window, kept } = stand();
    window(0, 1);
    window(0);
    for (let i = 0; i < 3; i++) window(0, 1);
    tell();
    expect(kept()).toEqual([1, 2, 3]);
    engine.savedOf(0)();
    tell();
    expect(kept()).toEqual([1, 3]);
    const isDurable = engine.savedOf(1);
    tell();
    expect(kept()).toEqual([1, 3]);
    isDurable();
    tell();
    expect(kept()).toEqual([]);
    expect(tell()).toEqual([]);
    expect(engine.monitor('p', 1)!.counters.overUnsaved).toBe(0);
  });

  it('are not saved by a checkpoint that is older', () => {
    const { engine, tell, window, kept } = stand();
    for (let i = 0; i < 3; i++) window(0);
    const isDurable = engine.savedOf(0);
    for (let i = 0; i < 2; i++) window(0);
    isDurable();
    tell();
    expect(kept()).toEqual([2, 3]);
  });

  it('go, the oldest first and counted, where no checkpoint is ever made', () => {
    const { engine, tell, window, kept } = stand();
    for (let i = 0; i < OVER_WINDOWS_MAX + 10; i++) {
      window(0);
      tell();
    }
    const { counters } = engine.monitor('p', 1)!;
    expect(kept()).toHaveLength(OVER_WINDOWS_MAX);
    expect(counters.overUnsaved).toBe(counters.windowsClosed - OVER_WINDOWS_MAX);
    expect(kept()[0]).toBe(1 + counters.overUnsaved);
  });
});

describe('a window whose judge moves', () => {
  it('is over though a part in which nothing comes does not tell how far its number is read', () => {
    // Messages of other projects move the numbers on, which nobody tells of the part.
    const first = stand();
    for (let i = 0; i < 2; i++) first.window(0, 1);
    first.others(1, 5);
    first.window(0, 1);
    const window = first.engine.monitor('p', 1)!.windowStates()[0]!;
    expect(window.ends).toMatchObject([
      { partition: 0, predictions: 3 },
      { partition: 1, predictions: 8 },
    ]);
    const judged = JudgedWindow.fromState(window);
    const parts = [0, 1].map((partition) => aPartThatHas(partition, 1, 2));
    expect(isPastJudged(judged, parts, first.engine.positions)).toBe(true);
    // One that has not counted its row again, and is not read so far.
    expect(isPastJudged(judged, [aPartThatHas(1, 0, 2)], first.engine.positions)).toBe(false);
    expect(isPastJudged(judged, [aPartThatHas(1, 0, 8)], first.engine.positions)).toBe(true);
  });
});
