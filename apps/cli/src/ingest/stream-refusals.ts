// What `millrace ingest --stream` tells of records that were refused: each of the first with its place in the file,
// every reason, and what the record held there.

import { exactJson } from '@millrace/domain';
import { cut } from '../table.js';

export interface RefusedRecord {
  /** Among all of the file, from 0. */
  readonly index: number;
  readonly recordId: string;
  readonly reasons: readonly { readonly field: string; readonly message: string }[];
}

const RECORDS_TOLD = 10;
const VALUE_SHOWN = 40;
const ID_SHOWN = 64;

export function refusalLines(refused: readonly RefusedRecord[], records: readonly unknown[]): string[] {
  const lines = refused.slice(0, RECORDS_TOLD).map(({ index, recordId, reasons }) => {
    const id = recordId === '' ? '' : ` (${cut(recordId, ID_SHOWN)})`;
    return `  refused row ${index + 1}${id}: ${reasons.map((reason) => reasonText(reason, records[index])).join('; ')}`;
  });
  const more = refused.length - RECORDS_TOLD;
  return more > 0 ? [...lines, `  and ${more} more`] : lines;
}

function reasonText({ field, message }: RefusedRecord['reasons'][number], record: unknown): string {
  const held = field === '' ? undefined : heldIn(record, field);
  const value = held === undefined ? '' : cut(exactJson(held), VALUE_SHOWN);
  const said = value === '' || message.includes(value) ? message : `${value} ${message}`;
  return field === '' ? said : `${field}: ${said}`;
}

/** Of a record in either of its forms; undefined where it holds nothing there. */
function heldIn(record: unknown, field: string): unknown {
  if (typeof record !== 'object' || record === null) return undefined;
  const { values } = record as { values?: unknown };
  const own = [values, record].find(
    (one): one is Record<string, unknown> => typeof one === 'object' && one !== null && Object.hasOwn(one, field),
  );
  return own?.[field] ?? undefined;
}
