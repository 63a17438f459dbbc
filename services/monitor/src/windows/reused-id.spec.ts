// Symptom: a client that sent every request with the same id lost 9,999 of 10,000 predictions.

import { describe, expect, it } from '@jest/globals';
import { binaryOutputs, seededRng } from '@millrace/domain';
import { aLabel, aPrediction } from '@millrace/testing';
import { aProject } from '../../test/a-project.js';
import { anEngine, restored, saved } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import type { Engine } from './engine.js';

const ROWS = 10_000;

function stand(): Engine {
  const metadata = new MetadataCache();
  metadata.setProject(aProject(60_000));
  return anEngine(metadata);
}

function feed(engine: Engine): void {
  const rng = seededRng(1);
  for (let i = 0; i < ROWS; i++) {
    // Several in each millisecond, as of a busy client.
    const answeredAtMs = 60_000 + Math.floor(i / 4);
    const row = { predictionId: 'same/0', project: 'p', eventTimeMs: answeredAtMs, answeredAtMs };
    const answer = { latencyUs: 500 + rng.below(1_000), outputs: binaryOutputs(rng.next()) };
    engine.applyPrediction(aPrediction({ ...row, ...answer }), 0, i, answeredAtMs);
  }
}

describe('a request id that is used for every request', () => {
  it('has each prediction counted, and is counted apart', () => {
    const engine = stand();
    feed(engine);
    const { counters } = engine.monitor('p', 0)!;
    expect(counters).toMatchObject({ predictions: ROWS, reusedIds: ROWS - 1, duplicatePredictions: 0 });
    const later = { predictionId: 'later/0', project: 'p', eventTimeMs: 125_000, answeredAtMs: 125_000 };
    engine.applyPrediction(aPrediction(later), 0, ROWS, 125_000);
    engine.close(125_000);
    expect([...engine.windowsBefore('p')][0]?.metrics.map(({ predictions }) => predictions)).toEqual([ROWS, ROWS]);
  });

  it('joins no label, after a restart too: nobody knows which one is meant', () => {
    const before = stand();
    feed(before);
    const engine = stand();
    restored(engine, saved(before));
    const label = { project: 'p', predictionId: 'same/0', recordId: '', eventTimeMs: 60_000, knownAtMs: 61_000 };
    engine.applyLabel(aLabel({ ...label, value: 1 }), 0, 0, 70_000);
    expect(engine.monitor('p', 0)!.counters).toMatchObject({ ambiguousLabels: 1, labelsJoined: 0, unmatchedLabels: 0 });
  });

  // Symptom: a file that was scored twice, or again after a rollout, lost the labels of both.
  it('of a record that was predicted again has its label joined once, to the first', () => {
    const engine = stand();
    const row = { project: 'p', predictionId: 'r-1/0', eventTimeMs: 60_000, answeredAtMs: 60_001 };
    engine.applyPrediction(aPrediction({ ...row, outputs: binaryOutputs(0.1) }), 0, 0, 60_002);
    engine.applyPrediction(aPrediction({ ...row, answeredAtMs: 60_500, outputs: binaryOutputs(0.9) }), 0, 1, 60_600);
    const label = { project: 'p', predictionId: '', recordId: 'r-1', eventTimeMs: 60_000, knownAtMs: 61_000, value: 1 };
    for (let offset = 0; offset < 2; offset++) engine.applyLabel(aLabel(label), 0, offset, 70_000);
    expect(engine.monitor('p', 0)!.counters).toMatchObject({
      ...{ predictions: 2, reusedIds: 1, labelsJoined: 1, duplicateLabels: 1 },
      ...{ ambiguousLabels: 0, unmatchedLabels: 0 },
    });
  });

  it('is no redelivery: a message that comes again changes nothing', () => {
    const engine = stand();
    const message = aPrediction({ project: 'p', eventTimeMs: 60_000, answeredAtMs: 60_001 });
    for (let offset = 0; offset < 3; offset++) engine.applyPrediction(message, 0, offset, 60_002);
    expect(engine.monitor('p', 0)!.counters).toMatchObject({ predictions: 1, duplicatePredictions: 2, reusedIds: 0 });
  });
});
