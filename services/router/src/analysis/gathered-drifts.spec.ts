import { describe, expect, it } from '@jest/globals';
import {
  type AnyDriftEvent,
  DRIFT_CORRECTION_TYPE,
  DRIFT_ENDED_TYPE,
  DRIFT_EVENT_TYPE,
  type DriftData,
} from '@millrace/contracts';
import type { Cohort } from '@millrace/domain';
import { GatheredDrifts } from './gathered-drifts.js';

const AT_MS = 1_000_000;

interface Part {
  id?: string;
  feature?: string;
  cohort?: Cohort;
  project?: string;
}

const envelope = ({ id = 'd1', feature = 'amount' }: Part) => ({
  ...{ specversion: '1.0' as const, id, source: '/millrace/monitor/p', subject: feature },
  ...{ time: '1970-01-01T00:16:40.000Z', datacontenttype: 'application/json' as const },
});
const data = ({ feature = 'amount', project = 'p', cohort = { version: 2, slice: 'all' } }: Part): DriftData => ({
  ...{ project, feature, detector: 'psi', value: 0.31, threshold: 0.2, pValue: null, rows: 900, cohort },
  ...{ window: { startMs: 0, endMs: 1 }, correlationId: '' },
});
const rings = (part: Part = {}): AnyDriftEvent => ({ ...envelope(part), type: DRIFT_EVENT_TYPE, data: data(part) });
const ended = (ends: string): AnyDriftEvent => ({
  ...envelope({ id: `${ends}/ended` }),
  ...{ type: DRIFT_ENDED_TYPE, data: { ...data({}), ends, reason: 'calm', windows: 2 } },
});
const corrected = (corrects: string | null, alarming: boolean): AnyDriftEvent => ({
  ...envelope({ id: 'c' }),
  ...{ type: DRIFT_CORRECTION_TYPE, data: { ...data({}), corrects, alarming, revision: 2 } },
});
const heard = (...events: AnyDriftEvent[]): GatheredDrifts => {
  const drifts = new GatheredDrifts();
  for (const event of events) drifts.hear(event, AT_MS);
  return drifts;
};
const subjectsOf = (drifts: GatheredDrifts, version = 2, project = 'p') =>
  drifts.of(project, version, AT_MS + 5_000).map(({ subject }) => subject);

describe('alarms of single versions', () => {
  it('ring from their event to their end, once, with what was measured', () => {
    const drifts = heard(rings(), rings(), rings({ id: 'd2', feature: '@score' }));
    expect(drifts.of('p', 2, AT_MS + 5_000)).toMatchObject([
      { subject: 'amount', detector: 'psi', value: 0.31, threshold: 0.2, rows: 900, saidAtMs: AT_MS },
      { subject: '@score' },
    ]);
    drifts.hear(ended('d1'), AT_MS);
    expect(subjectsOf(drifts)).toEqual(['@score']);
    drifts.hear(ended('d2'), AT_MS);
    expect(subjectsOf(drifts)).toEqual([]);
  });

  it('are over where late labels take back what was said, and go on where they do not', () => {
    expect(subjectsOf(heard(rings(), corrected('d1', true), corrected(null, false)))).toEqual(['amount']);
    expect(subjectsOf(heard(rings(), corrected('d1', false)))).toEqual([]);
  });

  it('are known of both versions before anybody decides', () => {
    const drifts = heard(rings());
    expect(drifts.of('p', 2, AT_MS + 4_999)).toEqual([]);
    expect(drifts.of('p', 2, AT_MS + 5_000)).toHaveLength(1);
  });

  it('are of inputs and scores of one whole version: no slice, not all versions, neither quality nor software', () => {
    const slice = { column: 'c', value: 'x' };
    const drifts = heard(
      rings({ id: 'a', cohort: { version: 'all', slice: 'all' } }),
      rings({ id: 'b', cohort: { version: 2, slice } }),
      rings({ id: 'c', feature: '@quality' }),
      rings({ id: 'd', feature: '@software' }),
    );
    expect(subjectsOf(drifts)).toEqual([]);
    expect(subjectsOf(heard(rings({ cohort: { version: 1, slice: 'all' } })))).toEqual([]);
    expect(subjectsOf(heard(rings({ project: 'q' })))).toEqual([]);
  });

  it('of a deleted project of the name are not of the one after it; the oldest of too many go', () => {
    let createdAtMs = 0;
    const drifts = new GatheredDrifts(() => createdAtMs);
    drifts.hear(rings(), AT_MS);
    createdAtMs = AT_MS + 1;
    expect(subjectsOf(drifts)).toEqual([]);
    createdAtMs = 0;
    for (let i = 0; i < 300; i++) drifts.hear(rings({ id: `x${i}`, feature: `f${i}` }), AT_MS);
    expect(subjectsOf(drifts)).toHaveLength(256);
    expect(subjectsOf(drifts)).not.toContain('amount');
    drifts.forget('p');
    expect(subjectsOf(drifts)).toEqual([]);
  });
});
