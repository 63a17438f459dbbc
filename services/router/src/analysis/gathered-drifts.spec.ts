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
  /** When it was said, after AT_MS. */
  afterMs?: number;
  continues?: string;
}

const VERSION: Cohort = { version: 2, slice: 'all' };
const STABLE: Cohort = { version: 1, slice: 'all' };

const envelope = ({ id = 'd1', feature = 'amount', afterMs = 0 }: Part) => ({
  ...{ specversion: '1.0' as const, id, source: '/millrace/monitor/p', subject: feature },
  ...{ time: new Date(AT_MS + afterMs).toISOString(), datacontenttype: 'application/json' as const },
});
const data = ({ feature = 'amount', project = 'p', cohort = VERSION, continues }: Part): DriftData => ({
  ...{ project, feature, detector: 'psi', value: 0.31, threshold: 0.2, pValue: null, rows: 900, cohort },
  ...{ window: { startMs: 0, endMs: 1 }, correlationId: '', continues },
});
const rings = (part: Part = {}): AnyDriftEvent => ({ ...envelope(part), type: DRIFT_EVENT_TYPE, data: data(part) });
const ended = (ends: string, part: Part = {}): AnyDriftEvent => ({
  ...envelope({ ...part, id: `${ends}/ended` }),
  ...{ type: DRIFT_ENDED_TYPE, data: { ...data(part), ends, reason: 'calm', windows: 2 } },
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
const SETTLED_MS = AT_MS + 5_000;
const ringsFor = (drifts: GatheredDrifts, version = 2, nowMs = SETTLED_MS) => drifts.of('p', version, nowMs).drifts;
const subjectsOf = (drifts: GatheredDrifts, version = 2, project = 'p') =>
  drifts.of(project, version, SETTLED_MS).drifts.map(({ subject }) => subject);
const unknownOf = (drifts: GatheredDrifts, version = 1) => drifts.of('p', version, SETTLED_MS).unknownDrifts;

describe('alarms of single versions', () => {
  it('ring from their event to their end, once, with what was measured', () => {
    const drifts = heard(rings(), rings(), rings({ id: 'd2', feature: '@score' }));
    expect(ringsFor(drifts)).toMatchObject([
      { subject: 'amount', detector: 'psi', value: 0.31, threshold: 0.2, rows: 900, saidAtMs: AT_MS },
      { subject: '@score' },
    ]);
    drifts.hear(ended('d1'), AT_MS);
    expect(subjectsOf(drifts)).toEqual(['@score']);
    drifts.hear(ended('d2', { feature: '@score' }), AT_MS);
    expect(subjectsOf(drifts)).toEqual([]);
    // A message that comes again after its end begins nothing, and an end of an earlier alarm ends no later one.
    drifts.hear(rings(), AT_MS);
    expect(subjectsOf(drifts)).toEqual([]);
    drifts.hear(rings({ id: 'd3' }), AT_MS);
    drifts.hear(ended('d1'), AT_MS);
    expect(subjectsOf(drifts)).toEqual(['amount']);
  });

  it('are over where late labels take back what was said, and go on where they do not', () => {
    expect(subjectsOf(heard(rings(), corrected('d1', true), corrected(null, false)))).toEqual(['amount']);
    expect(subjectsOf(heard(rings(), corrected('d1', false)))).toEqual([]);
  });

  it('are known of both versions before anybody decides', () => {
    const drifts = heard(rings());
    expect(ringsFor(drifts, 2, SETTLED_MS - 1)).toEqual([]);
    expect(ringsFor(drifts)).toHaveLength(1);
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

  it('of a deleted project of the name are not of the one after it', () => {
    let createdAtMs = 0;
    const drifts = new GatheredDrifts(() => createdAtMs);
    drifts.hear(rings(), AT_MS);
    createdAtMs = AT_MS + 1;
    expect(subjectsOf(drifts)).toEqual([]);
    createdAtMs = 0;
    expect(subjectsOf(drifts)).toEqual(['amount']);
    drifts.forget('p');
    expect(subjectsOf(drifts)).toEqual([]);
  });
});

describe('alarms that ring for two versions', () => {
  const both = [rings(), rings({ id: 's1', cohort: STABLE })];

  // Symptom: the traffic changed; the stable version's end came a fetch before the new one's, which was aborted.
  it.each([
    ['the new version first', both],
    ['the stable version first', [...both].reverse()],
  ])('are common until they end themselves, whoever ends first: %s', (_order, begun) => {
    const drifts = heard(...begun, ended('s1', { cohort: STABLE, afterMs: 60_000 }));
    expect(subjectsOf(drifts, 1)).toEqual([]);
    expect(ringsFor(drifts)).toMatchObject([{ subject: 'amount', commonWith: [1] }]);
    // What begins anew is another alarm.
    drifts.hear(ended('d1', { afterMs: 120_000 }), AT_MS);
    drifts.hear(rings({ id: 'd2', afterMs: 180_000 }), AT_MS);
    expect(ringsFor(drifts)).toMatchObject([{ subject: 'amount', commonWith: [] }]);
  });

  it('are common where one begins as the other ends, by the clock of who said it: the broker gives it in pieces', () => {
    const since = (afterMs: number) =>
      ringsFor(heard(rings({ id: 's1', cohort: STABLE }), ended('s1', { cohort: STABLE }), rings({ afterMs })))[0];
    expect(since(4_999)?.commonWith).toEqual([1]);
    expect(since(5_000)?.commonWith).toEqual([]);
  });

  it('stay common where the new version serves again and its alarm goes on, and are of one subject', () => {
    const gone = ended('s1', { cohort: STABLE, afterMs: 60_000 });
    const on = rings({ id: 'd2', afterMs: 120_000, continues: 'd1' });
    expect(ringsFor(heard(...both, gone, on))).toMatchObject([{ saidAtMs: AT_MS + 120_000, commonWith: [1] }]);
    const apart = heard(rings(), rings({ id: 's1', cohort: STABLE, feature: 'age' }));
    expect(ringsFor(apart)).toMatchObject([{ subject: 'amount', commonWith: [] }]);
  });
});

describe('what is not known of a version', () => {
  // Symptom: 150 inputs of both drifted, the oldest alarms of the stable version were dropped, the other aborted.
  it('is told where it has more alarms than are kept, and none of the others is dropped', () => {
    const drifts = new GatheredDrifts();
    for (let i = 0; i < 600; i++)
      for (const cohort of [STABLE, VERSION])
        drifts.hear(rings({ id: `${cohort.version}/${i}`, feature: `f${i}`, cohort }), AT_MS);
    expect(subjectsOf(drifts, 1)).toHaveLength(512);
    expect(subjectsOf(drifts, 1)).toContain('f0');
    drifts.hear(rings({ cohort: { version: 3, slice: 'all' }, feature: 'other' }), AT_MS);
    expect(unknownOf(drifts)).toEqual(['other']);
    expect(unknownOf(drifts, 9)).toEqual([]);
  });

  it('is told where its alarms made room for those of newer versions', () => {
    const drifts = new GatheredDrifts();
    for (let version = 1; version <= 17; version++)
      drifts.hear(rings({ id: `${version}`, cohort: { version, slice: 'all' } }), AT_MS);
    expect(subjectsOf(drifts, 1)).toEqual([]);
    expect(unknownOf(drifts)).toEqual(['amount']);
    expect(unknownOf(drifts, 18)).toEqual([]);
  });

  it('is told of every project where too many have made room for it', () => {
    const drifts = new GatheredDrifts();
    for (let i = 0; i <= 256; i++) drifts.hear(rings({ project: `q${i}` }), AT_MS);
    drifts.hear(rings(), AT_MS);
    expect(unknownOf(drifts)).toEqual(['amount']);
  });

  // Symptom: a router started after 30 days, and the older alarm of the stable version was not in the topic any more.
  it('is what the topic may have lost: of versions from before what it keeps, until something is said of them', () => {
    const keptSinceMs = AT_MS - 1_000;
    const started = (versionCreatedAtMs: number | undefined) => {
      const drifts = new GatheredDrifts(
        () => 0,
        () => versionCreatedAtMs,
      );
      drifts.hear(rings(), AT_MS, keptSinceMs);
      return drifts;
    };
    expect(unknownOf(started(keptSinceMs - 1))).toEqual(['amount']);
    expect(unknownOf(started(undefined))).toEqual(['amount']);
    expect(unknownOf(started(keptSinceMs))).toEqual([]);
    const drifts = started(keptSinceMs - 1);
    drifts.hear(ended('lost', { cohort: STABLE, afterMs: 60_000 }), AT_MS, keptSinceMs);
    expect(unknownOf(drifts)).toEqual([]);
    // It rang until now, since nobody knows when.
    expect(ringsFor(drifts)).toMatchObject([{ commonWith: [1] }]);
    drifts.hear(ended('d1', { afterMs: 90_000 }), AT_MS, keptSinceMs);
    drifts.hear(rings({ id: 'd2', afterMs: 120_000 }), AT_MS, keptSinceMs);
    expect(ringsFor(drifts)).toMatchObject([{ commonWith: [] }]);
    expect(unknownOf(drifts)).toEqual([]);
  });
});
