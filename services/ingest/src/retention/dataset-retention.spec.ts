import { describe, expect, it } from '@jest/globals';
import type { DatasetVersion } from '@millrace/contracts';
import { datasetFates } from './dataset-retention.js';

const DAY_MS = 86_400_000;
const NOTHING = { byId: new Map<string, string>(), all: null };

/** Closed `ordinal` days after the beginning. */
const version = (ordinal: number, rowsOf = 0) =>
  ({ id: `d${ordinal}`, ordinal, rowsOf, closedAtMs: ordinal * DAY_MS }) as DatasetVersion;
const VERSIONS = [1, 2, 3, 4, 5].map((ordinal) => version(ordinal));

const gone = (...given: Parameters<typeof datasetFates>) =>
  datasetFates(...given).flatMap(({ version: { id }, keptBy }) => (keptBy === null ? [id] : []));

describe('retention of dataset versions', () => {
  it.each([
    ['none', undefined, []],
    ['the newest two', { keep: 2, forMs: 0 }, ['d1', 'd2', 'd3']],
    ['those of three days', { keep: 0, forMs: 3 * DAY_MS }, ['d1', 'd2']],
    ['either rule keeps', { keep: 4, forMs: DAY_MS }, ['d1']],
    ['the newest stays always', { keep: 0, forMs: 1 }, ['d1', 'd2', 'd3', 'd4']],
    ['more than there are', { keep: 9, forMs: 0 }, []],
  ])('%s', (_name, rules, ids) => {
    expect(gone(VERSIONS, rules, NOTHING, 5.5 * DAY_MS)).toEqual(ids);
  });

  it('counts rows once: of the same rows the one with the newest labels is kept', () => {
    expect(gone([version(1), version(2), version(3, 1)], { keep: 2, forMs: 0 }, NOTHING, 9 * DAY_MS)).toEqual(['d1']);
  });

  it('lets nothing go that is needed, and says by what', () => {
    const byId = new Map([['d2', 'model version 3 in service']]);
    const fates = datasetFates(VERSIONS, { keep: 1, forMs: 0 }, { byId, all: null }, 9 * DAY_MS);
    expect(fates.map(({ keptBy }) => keptBy)).toEqual([
      null,
      'model version 3 in service',
      null,
      null,
      'one of the newest 1',
    ]);
    expect(gone(VERSIONS, { keep: 1, forMs: 0 }, { byId, all: 'hold 7: a case' }, 9 * DAY_MS)).toEqual([]);
  });
});
