// What a partition, a project, a span and a hold look like in progress.v1, one of each kind.

import type { Progress } from '../src/progress.codec.js';

export const PROGRESS: readonly Progress[] = [
  {
    ...{ kind: 'reading', partition: 3, records: 17, labels: 0, countedRecords: 20, countedLabels: 0 },
    ...{ atMs: 1_795_449_600_123, holder: 'ingest-1', stopped: true, commands: 21 },
  },
  {
    ...{ kind: 'project', project: 'demo', createdAtMs: 5, partition: 3, records: 9, labels: 2 },
    ...{ heardAtMs: 1_795_449_600_123, resetAtMs: 7 },
    ...{ recordsThroughMs: 981_000_000_000, labelsThroughMs: undefined },
  },
  {
    ...{ kind: 'span', project: 'demo', createdAtMs: 5, partition: -1, segmentKind: 'labels' },
    spanStartMs: -60_000,
    segments: [{ name: 'a.parquet', schema: '0', rows: 3, bytes: 512, level: 1, merged: ['b.parquet'] }],
  },
  {
    ...{ kind: 'closing', project: 'demo', createdAtMs: 5, closedThroughMs: 0, consumed: ['a.parquet'], duplicates: 1 },
    ...{ resetAtMs: 7, resetToMs: 981_000_000_000 },
    ...{ refreshedAtMs: 1_795_449_600_123, answers: [{ commandId: 'c-1', closed: 2, failure: '' }] },
  },
  { kind: 'importEnd', importId: 'i-1', project: 'demo', versionId: 'cafe', failure: '' },
  {
    ...{ kind: 'hold', id: 'h-1', project: 'demo', dataset: '', model: 3, reason: 'case 7', by: 'ann', atMs: 5 },
    ...{ removedAtMs: 9, removedBy: 'bob', removedReason: 'closed' },
  },
];
