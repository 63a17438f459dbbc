import { expect, it } from '@jest/globals';
import type { DatasetVersion } from '@millrace/contracts';
import { DatasetIndex } from '../datasets/dataset-index.js';
import { Statistics } from './statistics.js';

const DAY_MS = 86_400_000;

const version = (ordinal: number, day: number, labelledRows: number, over: Partial<DatasetVersion> = {}) =>
  ({
    ...{ project: 'p', id: `d${ordinal}`, ordinal, kind: 'live', rows: 10, labelledRows, closedAtMs: ordinal },
    ...{ windowStartMs: (day - 1) * DAY_MS, windowEndMs: day * DAY_MS, lateRows: 1, repeatedRows: 2, rowsOf: 0 },
    ...over,
  }) as DatasetVersion;

it('counts rows of spans once whatever labels came late, and those without label by age', () => {
  const index = new DatasetIndex(() => 0);
  for (const one of [version(1, 100, 9), version(2, 94, 5), version(3, 94, 7, { rowsOf: 2 }), version(4, 10, 4)])
    index.add(one);
  const registry = { list: () => [{ name: 'p' }], find: () => ({ project: { data: { label: {} } } }) };
  const waiting = [1, 93, 100].map((day) => ({ endMs: day * DAY_MS, count: day }));
  const live = {
    state: () => ({}),
    waitingLabels: () => waiting,
    counted: () => ({ records: 36, labels: 0, duplicates: 0 }),
    blocked: null,
  };
  const letters = { count: () => 0 };
  const statistics = new Statistics(registry as never, index, letters as never, live as never);
  expect(statistics.byProject().p).toMatchObject({
    datasetVersions: 4,
    liveVersions: 3,
    liveRowsClosed: 30,
    liveLabelsJoined: 20,
    lateRecords: 3,
    duplicateRecords: 6,
    recordsAccepted: 30,
    unlabelledRows: { day: 1, week: 3, month: 0, older: 6 },
    waitingLabels: { day: 100, week: 0, month: 93, older: 1 },
  });
});
