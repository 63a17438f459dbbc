// A stream of predictions with their labels in which an input shifts, and the metadata of the versions that answered: a
// row every 10 ms, up to 400 ms out of order. The same seed gives the same rows, whatever is made of them.

import { binaryOutputs, seededRng } from '@millrace/domain';
import { buildReferenceProfile } from '@millrace/statistics';
import { aLabel, aPrediction } from '@millrace/testing';
import { MetadataCache } from '../src/metadata/metadata-cache.js';
import { aProject } from './a-project.js';

export const WINDOW_MS = 10_000;
const DELAY_MS = 3_000;
export const FROM_MS = 100_000;
const STEP_MS = 10;
const DISORDER_MS = 400;
const REFERENCE_ROWS = 20_000;

export const ROWS_IN_WINDOW = WINDOW_MS / STEP_MS;

const profile = (() => {
  const rng = seededRng(1);
  const values = <T>(draw: () => T): T[] => Array.from({ length: REFERENCE_ROWS }, draw);
  return buildReferenceProfile({
    features: [
      { name: 'x', kind: 'numeric', values: values(() => rng.normal()) },
      { name: 'c', kind: 'categorical', values: values(() => `c${rng.below(5)}`) },
    ],
    scoreName: 'probability',
    scores: values(() => rng.next()),
    positiveShare: 0.5,
  });
})();

/** Of project p with versions 1 and 2. */
export function shiftedMetadata(): MetadataCache {
  const filled = new MetadataCache();
  filled.setProject(aProject(WINDOW_MS, DELAY_MS));
  const inputs = [
    { name: 'x', kind: 'numeric' as const },
    { name: 'c', kind: 'categorical' as const },
  ];
  for (const version of [1, 2]) filled.setReference('p', version, { profile, inputs });
  return filled;
}

/** In the order of writing. `i`: in the order of event time; `partition`: one of so many, drawn. */
export function shiftedRows({ rows, shiftFrom, partitions }: { rows: number; shiftFrom: number; partitions: number }) {
  const rng = seededRng(4);
  return Array.from({ length: rows }, (_, i) => {
    const eventTimeMs = FROM_MS + i * STEP_MS;
    const probability = rng.next();
    const ids = { project: 'p', predictionId: `r${i}/0`, eventTimeMs };
    const prediction = aPrediction({
      ...{
        ...ids,
        answeredAtMs: eventTimeMs,
        modelVersion: 1 + (i % 7 === 0 ? 1 : 0),
        latencyUs: 500 + rng.below(900),
      },
      ...{ features: [rng.normal() + (i >= shiftFrom ? 1 : 0), `c${rng.below(5)}`] },
      outputs: binaryOutputs(probability),
    });
    const value = rng.next() < probability ? 1 : 0;
    const label = aLabel({ ...ids, recordId: `r${i}`, knownAtMs: eventTimeMs + DELAY_MS, value });
    return { i, prediction, label, partition: rng.below(partitions), atMs: eventTimeMs + rng.below(DISORDER_MS) };
  }).sort((a, b) => a.atMs - b.atMs);
}
