// Wiring of retention: the collector of dataset versions, what it deletes with, and what it tells.

import type { ArtifactStore } from '@millrace/artifacts';
import { counter, logger } from '@millrace/telemetry';
import { manifestPathOf } from '../datasets/version-files.fs.js';
import { type CollectorPorts, DatasetCollector } from './dataset-collector.js';
import { UnnamedFiles } from './unnamed-files.js';

const versionsRemoved = counter('millrace.ingest.versions_removed');

export function datasetCollector(
  store: ArtifactStore,
  known: Pick<CollectorPorts, 'index' | 'used' | 'clock' | 'upToNow'>,
): DatasetCollector {
  const log = logger('retention');
  return new DatasetCollector({
    ...known,
    unnamed: new UnnamedFiles({
      list: async (project) => (await store.list(`datasets/${project}`)).map((name) => `datasets/${project}/${name}`),
      named: (project) => withManifests(known.index.announced(project).map(({ parquetPath }) => parquetPath)),
      told: (project) => withManifests(known.index.pathsTold(project)),
      clock: known.clock,
    }),
    removeFile: (path) => store.remove(path),
    removeFiles: async (version) => {
      await store.remove(version.parquetPath);
      await store.remove(manifestPathOf(version));
    },
    reports: {
      removed: ({ project, id, ordinal, rows }) => {
        versionsRemoved.add(1, { project });
        log.info('dataset version deleted by retention', { project, id, ordinal, rows });
      },
      swept: (project, paths) =>
        log.info('files that no version names are removed', { project, files: paths.length, first: paths[0] ?? '' }),
      left: ({ project, id }, error) =>
        log.warn('the file of a deleted version takes room still', { project, id }, error),
    },
  });
}

const withManifests = (paths: Iterable<string>): ReadonlySet<string> =>
  new Set([...paths].flatMap((parquetPath) => [parquetPath, manifestPathOf({ parquetPath })]));
