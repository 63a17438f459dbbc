// A dead letter as people look at it: its row in the file, and beside each reason what the column held, as far as the
// original says so. The original is shown as text; what is no UTF-8 shows as replacement characters.

import type { DeadLetter, Reason } from '@millrace/contracts';
import { parseExactJson } from '@millrace/domain';
import { shown } from '../schema/check-row.js';

const PAYLOAD_SHOWN_BYTES = 4_096;
/** Sources whose offsets are rows of a file: imports. */
const FILE = /^(?:file|upload):/;

export interface LetterView extends Omit<DeadLetter, 'payload' | 'reasons'> {
  payload: string;
  reasons: readonly (Reason & { value?: string })[];
  /** From 1. */
  row?: number;
}

export function letterView({ payload, ...letter }: DeadLetter): LetterView {
  const values = payload.length < letter.payloadBytes ? {} : valuesOf(payload);
  return {
    ...letter,
    ...(FILE.test(letter.source) && letter.offset >= 0 ? { row: letter.offset + 1 } : {}),
    payload: new TextDecoder().decode(payload.subarray(0, PAYLOAD_SHOWN_BYTES)),
    reasons: letter.reasons.map((reason) => {
      const value = Object.hasOwn(values, reason.field) ? values[reason.field] : undefined;
      return value === undefined || value === null ? reason : { ...reason, value: shown(value) };
    }),
  };
}

/** By column, of a record or label in its JSON form; none of anything else. */
function valuesOf(payload: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const raw = parseExactJson(new TextDecoder().decode(payload)) as { values?: unknown } | null;
    const values = raw?.values ?? raw;
    return typeof values === 'object' && values !== null ? (values as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
