// A dead letter as people look at it: its row in the file, and beside each reason what the column held, as far as the
// original says so. The original is shown as text; what is no UTF-8 shows as replacement characters.

import type { DeadLetter, Reason } from '@millrace/contracts';
import { parseExactJson } from '@millrace/domain';
import { idText, shown } from '../schema/check-row.js';

const PAYLOAD_SHOWN_BYTES = 4_096;
const ID_SHOWN_MAX = 256;
/** Sources whose offsets are rows of a file: imports. */
const FILE = /^(?:file|upload):/;

export interface LetterView extends Omit<DeadLetter, 'payload' | 'reasons'> {
  payload: string;
  reasons: readonly (Reason & { value?: string })[];
  /** From 1. */
  row?: number;
  /** The id of the record or prediction that it says it is about. */
  recordId?: string;
}

const LETTER_IDS = ['recordId', 'record_id', 'predictionId'] as const;

/** @param idColumn the project's column of record ids, where it has one */
export function letterView({ payload, ...letter }: DeadLetter, idColumn?: string): LetterView {
  const raw = payload.length < letter.payloadBytes ? {} : objectOf(payload);
  const values = objectIn(raw.values) ?? raw;
  const keys = idColumn === undefined ? LETTER_IDS : [...LETTER_IDS, idColumn];
  const id = keys
    .map((key) => idText(own(raw, key) ?? own(values, key)))
    .find((one) => typeof one === 'string' && one !== '');
  return {
    ...letter,
    ...(id === undefined ? {} : { recordId: String(id).slice(0, ID_SHOWN_MAX) }),
    ...(FILE.test(letter.source) && letter.offset >= 0 ? { row: letter.offset + 1 } : {}),
    payload: new TextDecoder().decode(payload.subarray(0, PAYLOAD_SHOWN_BYTES)),
    reasons: letter.reasons.map((reason) => {
      const value = Object.hasOwn(values, reason.field) ? values[reason.field] : undefined;
      return value === undefined || value === null ? reason : { ...reason, value: shown(value) };
    }),
  };
}

const own = (object: Readonly<Record<string, unknown>>, key: string): unknown =>
  Object.hasOwn(object, key) ? object[key] : undefined;

/** A record or label in its JSON form; empty where it is none. */
function objectOf(payload: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return objectIn(parseExactJson(new TextDecoder().decode(payload))) ?? {};
  } catch {
    return {};
  }
}

const objectIn = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
