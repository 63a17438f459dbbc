import { describe, expect, it } from '@jest/globals';
import { cohortOfVersion } from '@millrace/domain';
import {
  DRIFT_CORRECTION_TYPE,
  type DriftCorrection,
  decodeDriftEvent,
  encodeDriftEvent,
} from './drift-event.codec.js';

const correction: DriftCorrection = {
  specversion: '1.0',
  type: DRIFT_CORRECTION_TYPE,
  id: 'p/0/1/@quality/auc_drop/2',
  source: '/millrace/monitor/p',
  subject: '@quality',
  time: '2026-11-29T11:00:00.000Z',
  datacontenttype: 'application/json',
  data: {
    ...{ project: 'p', feature: '@quality', detector: 'auc_drop', value: 0.01, threshold: 0.05, pValue: null },
    ...{ window: { startMs: 0, endMs: 10 }, rows: 100, coverage: 0.9, cohort: cohortOfVersion(1), correlationId: 'c' },
    ...{ corrects: 'p/0/1/@quality/auc_drop', alarming: false, revision: 2 },
  },
};
const encoded = (change: object) => new TextEncoder().encode(JSON.stringify({ ...correction, ...change }));

describe('a correction of a drift event', () => {
  it('is after the wire what it was before, of a window that was calm too', () => {
    for (const corrects of [correction.data.corrects, null]) {
      const event = { ...correction, data: { ...correction.data, corrects } };
      expect(decodeDriftEvent(encodeDriftEvent(event))).toEqual(event);
    }
  });

  it.each([
    ['what it corrects', { corrects: undefined }],
    ['an id of what it corrects', { corrects: '' }],
    ['what holds now', { alarming: 'no' }],
    ['a revision', { revision: 1.5 }],
  ])('without %s is corrupt', (_what, change) => {
    expect(() => decodeDriftEvent(encoded({ data: { ...correction.data, ...change } }))).toThrow(
      /correction of nothing/,
    );
  });

  it('is told by its type: another one is refused', () => {
    expect(() => decodeDriftEvent(encoded({ type: 'dev.millrace.drift.else.v1' }))).toThrow(/drift event of type/);
  });
});
