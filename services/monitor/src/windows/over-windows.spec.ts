// How long the judge of a project keeps where a window was over: until a checkpoint of every part that had some of it
// knows so, and within a bound where one never does.

import { describe, expect, it } from '@jest/globals';
import { binaryOutputs } from '@millrace/domain';
import { aPrediction } from '@millrace/testing';
import { aProject } from '../../test/a-project.js';
import { anEngine, heldBy } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import { OVER_WINDOWS_MAX } from './over-windows.js';

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
  const kept = () => [...engine.board.judgedOf('p').keys()].map((startMs) => startMs / WINDOW_MS);
  return { engine, tell, window, kept };
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
