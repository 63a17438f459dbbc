// A project that was deleted, and one of the same name after it: nothing of the first is counted for the second,
// however the process learns of it.

import { describe, expect, it } from '@jest/globals';
import { binaryOutputs } from '@millrace/domain';
import { emptyRoute } from '@millrace/routing';
import { aPrediction } from '@millrace/testing';
import { aProject } from '../../test/a-project.js';
import { anEngine, restored, saved } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import type { Engine } from './engine.js';

const WINDOW_MS = 10_000;
const FIRST_MS = 1_000;
const SECOND_MS = 100_000;

const project = aProject(WINDOW_MS, 1_000);

function monitor(metadata = new MetadataCache()) {
  const idleMs = { predictions: 1_000, labels: 1_000 };
  const engine = anEngine(metadata, { idleMs, joinRowsMax: 1_000, retainedWindows: 1, windowsKept: 10 });
  let offset = 0;
  /** Rows of three windows; the first two close. */
  const feed = (fromMs: number, atMs = fromMs) => {
    for (let i = 0; i < 30; i++) {
      const eventTimeMs = fromMs + i * 1_000;
      const row = { predictionId: `r${offset}/0`, project: 'p', eventTimeMs, answeredAtMs: eventTimeMs };
      const outputs = binaryOutputs(0.5);
      const features = [1, 'c1'];
      const prediction = aPrediction({ ...row, outputs, features, modelVersion: 1 });
      engine.applyPrediction(prediction, 0, offset++, eventTimeMs, atMs);
    }
    engine.close(fromMs + 60_000);
  };
  return { metadata, engine, feed };
}

const nothing = (engine: Engine) =>
  expect([[...engine.windowsBefore('p')], engine.monitor('p', SECOND_MS)?.counters.predictions]).toEqual([[], 0]);

describe('a project applied anew', () => {
  it('begins at nothing where the deletion was seen', () => {
    const { metadata, engine, feed } = monitor();
    metadata.setProject(project, FIRST_MS);
    feed(FIRST_MS);
    expect([...engine.windowsBefore('p')].length).toBeGreaterThan(1);
    metadata.removeProject('p');
    engine.projectRemoved('p');
    expect([engine.monitor('p', SECOND_MS), engine.names(), [...engine.windowsBefore('p')]]).toEqual([
      undefined,
      [],
      [],
    ]);
    expect(saved(engine).numbers.flatMap(({ parts }) => parts)).toEqual([]);
    metadata.setProject(project, SECOND_MS);
    engine.projectChanged(project, SECOND_MS);
    nothing(engine);
    // Answered before, read after.
    feed(SECOND_MS, SECOND_MS - 1);
    nothing(engine);
    expect(engine.unknownProject).toBe(30);
    feed(SECOND_MS);
    expect(engine.monitor('p', SECOND_MS)?.counters.predictions).toBe(30);
  });

  it('begins at nothing where only the second application was seen', () => {
    const { metadata, engine, feed } = monitor();
    metadata.setProject(project, FIRST_MS);
    feed(FIRST_MS);
    metadata.setProject(project, SECOND_MS);
    engine.projectChanged(project, SECOND_MS);
    nothing(engine);
  });

  it('begins at nothing where the process was down meanwhile, and goes on where it was the same one', () => {
    const { metadata, engine, feed } = monitor();
    metadata.setProject(project, FIRST_MS);
    feed(FIRST_MS);
    const durable = saved(engine);
    const same = monitor(metadata);
    restored(same.engine, durable);
    expect(same.engine.monitor('p', SECOND_MS)?.counters.predictions).toBe(30);
    expect([...same.engine.windowsBefore('p')]).toHaveLength([...engine.windowsBefore('p')].length);
    const anew = monitor();
    anew.metadata.setProject(project, SECOND_MS);
    restored(anew.engine, durable);
    nothing(anew.engine);
    const gone = monitor();
    restored(gone.engine, durable);
    expect(saved(gone.engine).numbers.flatMap(({ parts }) => parts)).toEqual([]);
  });

  it('has neither the versions nor the route of before', () => {
    const { metadata } = monitor();
    metadata.setProject(project, FIRST_MS);
    metadata.setModel({ project: 'p', version: 1, createdAtMs: FIRST_MS + 1 } as never);
    metadata.setRoute({ ...emptyRoute('p'), revision: 3, changedAtMs: FIRST_MS + 2 });
    expect([metadata.modelsOf('p').length, metadata.route('p')?.revision]).toEqual([1, 3]);
    metadata.setProject(project, SECOND_MS);
    expect([metadata.modelsOf('p'), metadata.route('p')]).toEqual([[], undefined]);
  });
});
