// Symptom: a window whose rows are gone from the topic, with the checkpoint that had counted them, was waited for for
// ever, and no quality of any later window was judged.

import { expect, it } from '@jest/globals';
import { binaryOutputs } from '@millrace/domain';
import { aLabel, aPrediction } from '@millrace/testing';
import { aProject } from '../../test/a-project.js';
import { anEngine, told } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import type { Engine } from './engine.js';

const WINDOW_MS = 10_000;
const DELAY_MS = 30_000;
const ROWS = 100;

it('goes on, and says that rows are missing', () => {
  const metadata = new MetadataCache();
  metadata.setProject(aProject(WINDOW_MS, DELAY_MS));
  let offset = 0;
  const window = (engine: Engine, index: number) => {
    for (let i = 0; i < ROWS; i++) {
      const eventTimeMs = index * WINDOW_MS + i * 100;
      const ids = { project: 'p', predictionId: `r${index}-${i}/0`, eventTimeMs };
      const outputs = binaryOutputs(0.5);
      engine.applyPrediction(aPrediction({ ...ids, answeredAtMs: eventTimeMs, outputs }), 0, offset, eventTimeMs);
      const label = aLabel({ ...ids, recordId: '', knownAtMs: eventTimeMs + DELAY_MS, value: 1 });
      engine.applyLabel(label, 0, offset++, eventTimeMs);
    }
    engine.close((index + 1) * WINDOW_MS);
  };
  const first = anEngine(metadata);
  for (let index = 0; index < 3; index++) window(first, index);
  expect(first.monitor('p', 0)!.counters).toMatchObject({ windowsClosed: 2, qualityJudged: 0 });
  const board = told(first);
  // What judges said is known; the checkpoint is lost, and the topic begins where the first one had read to.
  const second = anEngine(metadata);
  for (const [key, value] of Object.entries(board)) second.told(key, value, 0);
  second.hold(0, undefined, 3 * WINDOW_MS);
  for (const stream of ['predictions', 'labels'] as const) second.positions.startsAt(stream, 0, offset);
  for (let index = 3; index < 12; index++) window(second, index);
  const { counters } = second.monitor('p', 0)!;
  expect(counters.qualityJudged).toBeGreaterThan(3);
  expect(counters.qualityJudgedShort).toBe(2);
});
