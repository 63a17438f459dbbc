// Sends the labels of a file, some at a time. Rows that cannot be read are counted as refused, the others are sent;
// where sending ends in the middle, the error says how many were taken.

import { rowNumber } from '@millrace/domain';
import { partlySent } from '../ingest/partly-sent.js';
import { BrokenRow } from './broken-row.js';
import type { LabelBody } from './label-fields.js';

/** Labels of one request: far below ingest's bound on a request. */
const REQUEST_LABELS = 1_000;
/** Refusals told; all that ingest has seen are in the dead letters. */
const TOLD_MAX = 20;

export interface Refusal {
  row: number;
  recordId: string;
  /** `code`: of ingest; what could not be read has none. */
  reasons: readonly { code?: string; field: string; message: string }[];
}

interface LabelsSent {
  accepted: number;
  /** By ingest. */
  rejected: number;
  /** Rows that could not be read, and were not sent. */
  broken: number;
  /** The first of both. */
  refused: Refusal[];
}

/** Of ingest. */
type Send = (labels: readonly LabelBody[]) => Promise<{
  accepted: number;
  rejected: readonly ({ index: number } & Omit<Refusal, 'row'>)[];
}>;

export async function sendLabels(
  send: Send,
  labels: AsyncIterable<LabelBody | BrokenRow> | Iterable<LabelBody | BrokenRow>,
): Promise<LabelsSent> {
  const sent: LabelsSent = { accepted: 0, rejected: 0, broken: 0, refused: [] };
  const told = (refusals: readonly Refusal[]) =>
    sent.refused.push(...refusals.slice(0, TOLD_MAX - sent.refused.length));
  let open: { row: number; label: LabelBody }[] = [];
  const flush = async (): Promise<void> => {
    if (open.length === 0) return;
    const { accepted, rejected } = await send(open.map(({ label }) => label));
    sent.accepted += accepted;
    sent.rejected += rejected.length;
    told(rejected.map(({ index, ...refusal }) => ({ ...refusal, row: open[index]?.row ?? 0 })));
    open = [];
  };
  let index = 0;
  try {
    for await (const label of labels) {
      const row = rowNumber(index++);
      if (label instanceof BrokenRow) {
        sent.broken += 1;
        told([{ row, recordId: '', reasons: [{ field: '', message: label.fault }] }]);
        continue;
      }
      open.push({ row, label });
      if (open.length === REQUEST_LABELS) await flush();
    }
    await flush();
  } catch (thrown) {
    throw partlySent(thrown, sent.accepted, 'labels');
  }
  return sent;
}
