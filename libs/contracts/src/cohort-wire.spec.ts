// Cohorts in topics: slices travel, bytes of release 0.1.0 are read, and what is no cohort is corrupt.

import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { ALL, type Cohort, cohortOfVersion } from '@millrace/domain';
import {
  DRIFT_ENDED_TYPE,
  DRIFT_EVENT_TYPE,
  type DriftEvent,
  decodeDriftEvent,
  encodeDriftEvent,
} from './drift-event.codec.js';
import { WindowMetricsSchema } from './gen/millrace/monitoring/v1/monitoring_pb.js';
import { decodeWindowMetrics, encodeWindowMetrics, type WindowMetrics } from './window-metrics.codec.js';

const SLICE: Cohort = { version: 3, slice: { column: 'carrier', value: 'Ä/A' } };
const cohorts: Cohort[] = [ALL, cohortOfVersion(3), SLICE, { ...SLICE, version: 'all' }];

const row: WindowMetrics = {
  project: 'p',
  windowStartMs: 0,
  windowEndMs: 1,
  predictions: 2,
  labels: 1,
  cohort: ALL,
  tests: [],
  closedAtMs: 9,
  revision: 1,
  labelsDueMs: 5,
};

const event: DriftEvent = {
  specversion: '1.0',
  type: DRIFT_EVENT_TYPE,
  id: 'i',
  source: '/s',
  subject: 'x',
  time: 't',
  datacontenttype: 'application/json',
  data: {
    project: 'p',
    feature: 'x',
    detector: 'psi',
    value: 1,
    threshold: 1,
    pValue: null,
    window: { startMs: 0, endMs: 1 },
    rows: 2,
    cohort: ALL,
    correlationId: 'c',
  },
};

describe('window metrics', () => {
  it.each(cohorts)('carry cohort %j', (cohort) => {
    expect(decodeWindowMetrics(encodeWindowMetrics({ ...row, cohort }))).toEqual({ ...row, cohort });
  });

  const window = { project: 'p', windowEndMs: 1n };
  it.each([
    ['a version', { ...window, modelVersion: 3 }, cohortOfVersion(3)],
    ['0 for all', window, ALL],
  ])('of release 0.1.0 with %s are read', (_what, init, cohort) => {
    const bytes = toBinary(WindowMetricsSchema, create(WindowMetricsSchema, init));
    expect(decodeWindowMetrics(bytes).cohort).toEqual(cohort);
  });

  it.each([
    ['a version below zero', { version: -1 }],
    ['a slice of no column', { version: 1, slice: { value: 'x' } }],
  ])('are refused with %s', (_what, cohort) => {
    const bytes = toBinary(WindowMetricsSchema, create(WindowMetricsSchema, { ...window, cohort }));
    expect(() => decodeWindowMetrics(bytes)).toThrow('[corrupt]');
  });
});

describe('drift events', () => {
  it.each(cohorts)('carry cohort %j, and its version as release 0.1.0 said it', (cohort) => {
    const bytes = encodeDriftEvent({ ...event, data: { ...event.data, cohort } });
    expect(decodeDriftEvent(bytes).data).toEqual({ ...event.data, cohort });
    const { modelVersion } = JSON.parse(Buffer.from(bytes).toString()).data;
    expect(modelVersion).toBe(cohort.version === 'all' ? 0 : cohort.version);
  });

  const withData = (change: object) =>
    Buffer.from(JSON.stringify({ ...event, data: { ...event.data, cohort: undefined, ...change } }));
  it.each([
    [{ modelVersion: 3 }, cohortOfVersion(3)],
    [{ modelVersion: 0 }, ALL],
  ])('of release 0.1.0 with %j are read', (change, cohort) => {
    expect(decodeDriftEvent(withData(change)).data.cohort).toEqual(cohort);
  });

  it.each([
    {},
    { modelVersion: -1 },
    { modelVersion: 1.5 },
    { cohort: 3 },
    { cohort: { version: 0, slice: 'all' } },
    { cohort: { version: 'any', slice: 'all' } },
    { cohort: { version: 1 } },
    { cohort: { version: 1, slice: { column: '', value: 'x' } } },
    { cohort: { version: 1, slice: { column: 'c', value: 3 } } },
  ])('are refused with %j', (change) => {
    expect(() => decodeDriftEvent(withData(change))).toThrow('[corrupt] drift event data without cohort');
  });

  const end = {
    ...event,
    type: DRIFT_ENDED_TYPE,
    data: { ...event.data, ends: 'i', reason: 'calm', windows: 3 },
  } as const;

  it('say which one goes on, and of none where none does', () => {
    const on = { ...event, data: { ...event.data, continues: 'i' } };
    expect(decodeDriftEvent(encodeDriftEvent(on))).toEqual(on);
    for (const continues of ['', 3, null])
      expect(() => decodeDriftEvent(withData({ modelVersion: 3, continues }))).toThrow('goes on from nothing');
  });

  it('say that one is over, and which', () => {
    expect(decodeDriftEvent(encodeDriftEvent(end))).toEqual(end);
  });

  it.each([{ ends: '' }, { ends: undefined }, { reason: 'bored' }, { windows: 1.5 }])(
    'are refused as an end with %j',
    (change) => {
      const bytes = Buffer.from(JSON.stringify({ ...end, data: { ...end.data, ...change } }));
      expect(() => decodeDriftEvent(bytes)).toThrow('[corrupt] drift end of nothing');
    },
  );
});
