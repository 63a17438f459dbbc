// How a bulk load has come out, as the owner of its project tells on progress.v1: a version, or why there is none.

import type { DatasetVersion, ImportEndProgress } from '@millrace/contracts';
import type { DatasetIndex } from './dataset-index.js';
import type { OpenSpans } from './open-spans.js';

export type ImportEnd = { kind: 'closed'; version: DatasetVersion } | { kind: 'failed'; message: string };

export interface ImportEndPorts {
  spans: OpenSpans;
  index: Pick<DatasetIndex, 'find'>;
  /** Resolves when everything that was written before is in the index. */
  upToNow(): Promise<void>;
}

/** Of a load that ends from now on. */
export async function importEnd({ spans, index, upToNow }: ImportEndPorts, importId: string): Promise<ImportEnd> {
  const before = spans.importEnd(importId);
  const find = () => (spans.importEnd(importId) === before ? undefined : spans.importEnd(importId));
  const { project, versionId, failure } = (await spans.until(find)) as ImportEndProgress;
  if (failure !== '') return { kind: 'failed', message: failure };
  // It was announced together with the end.
  await upToNow();
  const version = index.find(project, versionId);
  if (version !== null) return { kind: 'closed', version };
  const message =
    `its dataset version ${versionId} was made, and deleted since: retention.datasets of project '${project}' does ` +
    'not keep it, or the project was deleted';
  return { kind: 'failed', message };
}
