import { expect, it } from '@jest/globals';
import { type OverviewSources, overviewNotes, overviewRow, projectOverviews } from './project-overview.js';

const sources: OverviewSources = {
  projects: async () => [{ name: 'loans', revision: 3 }],
  datasets: async () =>
    // The third has the rows of the first, with labels that came late.
    [10, 5, 10].map((rows, i) => ({
      ...{ rows, ordinal: i + 1, rowsOf: i === 2 ? 1 : 0 },
    })),
  models: async () => [{}, {}],
  routeOrNone: async () => ({
    targets: [
      { version: 1, weight: 10, name: 'blue' },
      { version: 2, weight: 90, name: 'green' },
    ],
  }),
  // The second is of a version that the route has left.
  alarms: async () => [{ idle: false }, { idle: true }],
  watchedModels: async () => [{ version: 2, reference: { rows: 812, of: 1_000, complete: false } }],
  loop: async () => ({ phase: 'calm' }),
  archive: async () => ({ predictions: 10, fromMs: 0, bytesMax: 20e9, cut: null, failure: null }),
  live: async () => ({ labelsSay: '' }),
};
const rowOf = async (part: Partial<OverviewSources>) =>
  overviewRow((await projectOverviews({ ...sources, ...part }))[0] as never);

it('tells of each project what it has, what serves and what rings', async () => {
  expect(await rowOf({})).toEqual(['loans', 3, 15, 3, 2, 2, 1, 'calm']);
  expect(await rowOf({ routeOrNone: async () => undefined })).toEqual(['loans', 3, 15, 3, 2, 'none', 1, 'calm']);
});

it('tells beside the table whose reference is not complete', async () => {
  const [loans] = await projectOverviews(sources);
  expect(overviewNotes(loans as never)).toEqual([
    'loans version 2, reference: 812 of 1,000 rows; until it is complete windows are counted, not judged',
  ]);
});

it('tells that labels met no prediction, which nothing did where one looks', async () => {
  const live = async () => ({ labelsSay: '9 of 10 labels met no prediction' });
  const [loans] = await projectOverviews({ ...sources, watchedModels: async () => [], live });
  expect(overviewNotes(loans as never)).toEqual(['loans: 9 of 10 labels met no prediction']);
});

it('tells where the archive is full, or takes nothing', async () => {
  const cut = { throughMs: 86_400_000, predictions: 7 };
  const archive = async () => ({ predictions: 10, fromMs: 0, bytesMax: 20e9, cut, failure: 'disk full' });
  const [loans] = await projectOverviews({ ...sources, watchedModels: async () => [], archive });
  expect(overviewNotes(loans as never)).toEqual([
    'loans: predictions cannot be archived: disk full; they wait in Kafka, and nothing is judged meanwhile',
    'loans: the archive has nothing from before 1970-01-02T00:00:00Z: it takes 20.0 GB at most, and 7 predictions went ' +
      'before their time; raise monitoring.archive.sizeMax',
  ]);
});

it('tells the rest where a service is away', async () => {
  const away = () => Promise.reject(new Error('away'));
  expect(await rowOf({ alarms: away, loop: away, routeOrNone: away })).toEqual(['loans', 3, 15, 3, 2, '?', '?', '?']);
  await expect(projectOverviews({ ...sources, projects: away })).rejects.toThrow('away');
});
