import { describe, expect, it } from '@jest/globals';
import type { DatasetVersion } from '@millrace/contracts';
import { datasetFates } from './dataset-retention.js';

const DAY_MS = 86_400_000;
const NOTHING = { byId: new Map<string, string>(), all: null };

/** Closed `ordinal` days after the beginning; of the span that ended on the day of its rows. */
const version = (ordinal: number, rowsOf = 0, windowEndMs = (rowsOf || ordinal) * DAY_MS) =>
  ({ id: `d${ordinal}`, kind: 'live', ordinal, rowsOf, windowEndMs, closedAtMs: ordinal * DAY_MS }) as DatasetVersion;
const imported = (ordinal: number, rowsOf = 0) =>
  ({ ...version(ordinal, rowsOf, 0), kind: 'import' }) as DatasetVersion;
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

  const keepTwo = (versions: DatasetVersion[]) => gone(versions, { keep: 2, forMs: 0 }, NOTHING, 99 * DAY_MS);

  it('counts rows once: of the same rows the one with the newest labels is kept', () => {
    expect(keepTwo([version(1), version(2), version(3, 1)])).toEqual(['d1']);
  });

  it('ranks by the span of the rows: labels of old ones push no newer rows out', () => {
    const labelled = [version(6, 1), version(7, 2), version(8)];
    // The newest of all stays besides: the next one counts on from it.
    expect(keepTwo([...VERSIONS, version(6, 1), version(7, 2)])).toEqual(['d1', 'd2', 'd3', 'd6']);
    expect(keepTwo([...VERSIONS, ...labelled])).toEqual(['d1', 'd2', 'd3', 'd4', 'd6', 'd7']);
    // A span that closed after a later one.
    expect(keepTwo([version(1), version(2), version(3, 0, 0), version(4, 1)])).toEqual(['d1', 'd3']);
  });

  it('counts imports apart: a load of the past pushes no live rows out', () => {
    const versions = [version(1), version(2), version(3), imported(4), imported(5), imported(6), imported(7, 4)];
    expect(keepTwo(versions)).toEqual(['d1', 'd4']);
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
