// A project without label, entity and event time: windows of arrival times close without waiting for labels, inputs and
// scores are judged all the same, and labels of earlier times change nothing.

import { describe, expect, it } from '@jest/globals';
import { binaryOutputs, seededRng } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { buildReferenceProfile } from '@millrace/statistics';
import { type OptionalKeys, projectTextWith } from '@millrace/testing';
import { anEngine, numberState } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import type { Engine } from './engine.js';

const WINDOW_MS = 10_000;
const FROM_MS = 100_000;
const SHIFT_MS = 130_000;
const NONE: OptionalKeys = { recordId: false, entity: false, eventTime: false, label: false };

function engineWith(keys: OptionalKeys): Engine {
  const monitoring = `monitoring: { window: ${WINDOW_MS}ms, allowedLateness: 1s, minRows: 100 }\n`;
  const parsed = parseProject(projectTextWith(keys, monitoring), 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  const rng = seededRng(1);
  const metadata = new MetadataCache();
  metadata.setProject(parsed.project);
  const profile = buildReferenceProfile({
    features: [{ name: 'amount', kind: 'numeric', values: Array.from({ length: 20_000 }, () => rng.normal()) }],
    scoreName: 'probability',
    scores: Array.from({ length: 20_000 }, () => rng.next()),
    positiveShare: 0.5,
  });
  metadata.setReference('loans', 1, { profile, inputs: [{ name: 'amount', kind: 'numeric' }] });
  return anEngine(metadata, { idleMs: { predictions: 5_000, labels: 3_600_000 } });
}

/** A label that came early, and a partition of labels that nobody has read. */
function withLabels(engine: Engine): Engine {
  const label = { recordId: 'old', predictionId: '', entity: '', value: 1, eventTimeMs: FROM_MS, knownAtMs: FROM_MS };
  engine.applyLabel({ ...label, project: 'loans', source: 't', ingestedAtMs: FROM_MS }, 0, 0, FROM_MS);
  engine.positions.reaches('labels', 1, 10);
  return engine;
}

function play(engine: Engine): void {
  const rng = seededRng(3);
  for (let i = 0; i < 6_000; i++) {
    const answeredAtMs = FROM_MS + i * 10;
    const prediction = {
      ...{ predictionId: `r${i}/0`, project: 'loans', entity: '', modelVersion: 1, eventTimeMs: 0, answeredAtMs },
      ...{
        latencyUs: 900,
        features: [rng.normal() + (answeredAtMs >= SHIFT_MS ? 1 : 0)],
        traceId: '',
        modelSha256: '',
      },
      ...{ outputs: binaryOutputs(rng.next()), role: 'live' as const },
    };
    engine.applyPrediction(prediction, 0, i, answeredAtMs);
    engine.close(answeredAtMs);
  }
}

describe('a project without label, entity and event time', () => {
  it('has its windows closed and judged without labels', () => {
    const engine = withLabels(engineWith(NONE));
    play(engine);
    const windows = [...engine.windowsBefore('loans')];
    // A second of lateness after its end, and nothing for labels.
    expect(windows.map(({ startMs }) => startMs)).toEqual([140_000, 130_000, 120_000, 110_000, 100_000]);
    const drift = windows.flatMap((window) => window.drift.map(({ data }) => data));
    expect(drift.map(({ feature, window }) => [feature, window.startMs])).toEqual([['amount', SHIFT_MS]]);
    expect(windows[0]?.metrics[1]).toMatchObject({ predictions: 1_000, labels: 0 });
    expect(engine.monitor('loans', 0)?.counters).toMatchObject({ labels: 1, labelsJoined: 0, unmatchedLabels: 1 });
  });

  it('unlike one with a label, whose windows wait for quality while labels are unread', () => {
    const judgedOf = (keys: OptionalKeys) => {
      const engine = withLabels(engineWith(keys));
      play(engine);
      const [newest] = [...engine.windowsBefore('loans')];
      return [newest?.revision, newest?.metrics[0]?.labelsDueMs, numberState(engine, 0).parts[0]?.part.windows.length];
    };
    expect(judgedOf(NONE)).toEqual([0, 0, 1]);
    expect(judgedOf({ ...NONE, label: true })).toEqual([0, expect.any(Number), 6]);
  });
});
