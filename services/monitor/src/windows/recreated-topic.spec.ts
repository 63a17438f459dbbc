// Symptom: predictions.v1 was deleted and created again while a monitor was down; windows that had been closed at
// offsets of the old log were waited for until the new one had as many messages, and no quality was judged meanwhile.

import { describe, expect, it } from '@jest/globals';
import { binaryOutputs } from '@millrace/domain';
import { aLabel, aPrediction } from '@millrace/testing';
import { aProject } from '../../test/a-project.js';
import { anEngine, heldBy, numberState, told } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import type { Engine } from './engine.js';
import { Positions } from './positions.js';

const WINDOW_MS = 10_000;
const DELAY_MS = 30_000;
const ROWS = 100;

describe('a topic that was created again', () => {
  const metadata = new MetadataCache();
  metadata.setProject(aProject(WINDOW_MS, DELAY_MS));
  const row = (engine: Engine, eventTimeMs: number, id: string, offset: number): void => {
    const ids = { project: 'p', predictionId: id, eventTimeMs };
    const outputs = binaryOutputs(0.5);
    engine.applyPrediction(aPrediction({ ...ids, answeredAtMs: eventTimeMs, outputs }), 0, offset, eventTimeMs);
    const label = aLabel({ ...ids, recordId: '', knownAtMs: eventTimeMs + DELAY_MS, value: 1 });
    engine.applyLabel(label, 0, offset, eventTimeMs);
  };

  it('does not stall the quality of windows that were closed in the one before', () => {
    const first = anEngine(metadata);
    for (let i = 0; i < ROWS; i++) row(first, i * 300, `r${i}/0`, i);
    const before = numberState(first, 0);
    before.positions = [{ stream: 'predictions', partition: 0, next: 60 }];
    before.parts = [];
    first.close(3 * WINDOW_MS);
    expect(first.monitor('p', 0)!.counters).toMatchObject({ windowsClosed: 2, qualityJudged: 0 });
    const second = anEngine(metadata);
    for (const [key, value] of Object.entries(told(first))) second.told(key, value, 0);
    // An older checkpoint, and a log that is younger than it.
    second.hold(0, before, 3 * WINDOW_MS);
    expect(second.positions.begunAnew('predictions', 0, 0, 10)).toBe(true);
    for (let offset = 0; offset < 10; offset++) row(second, 3 * WINDOW_MS + offset * WINDOW_MS, `n${offset}/0`, offset);
    second.close(20 * WINDOW_MS);
    const { counters } = second.monitor('p', 0)!;
    expect(counters).toMatchObject({ qualityJudgedShort: 2 });
    expect(counters.qualityJudged).toBeGreaterThan(3);
  });

  it('is known by whoever takes the number over, though it has more messages by now than were read of the old one', () => {
    const engine = anEngine(metadata);
    const reports = heldBy(engine);
    row(engine, 1, 'r0/0', 80);
    const saved = engine.positions.of(0);
    engine.positions.begunAnew('predictions', 0, 0, 10);
    row(engine, 2, 'n0/0', 0);
    const entries = JSON.parse(JSON.stringify(reports.ofParts(0, 1)!.entries));
    const successor = new Positions();
    const { next, logs } = entries[0].value;
    successor.follow(0, next, logs);
    expect(successor.log('predictions', 0)).toBe(1);
    successor.hold(0, saved);
    expect([successor.next('predictions', 0), successor.next('labels', 0)]).toEqual([0, 81]);
    expect(successor.of(0)[0]).toMatchObject({ log: 1 });
  });
});
