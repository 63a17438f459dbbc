// Makes dead letters: the first 64 KiB of the original, its length and hash, every reason, and an id that a redelivery
// of the same bad message makes again.

import { DEAD_LETTER_PAYLOAD_BYTES_MAX, type DeadLetter, type Reason } from '@millrace/contracts';

export interface BadInput {
  project: string;
  /** Source topic without prefix, or source name: "http", "grpc", "file:<name>". */
  source: string;
  /** Position in the source; -1 where there is none, then equal bytes make one dead letter. */
  partition: number;
  offset: number;
  /** What the position counts in, where the source alone does not say it (an import's id). */
  scope: string;
  payload: Uint8Array;
  reasons: readonly Reason[];
}

export type Sha256Hex = (bytes: Uint8Array | string) => string;

/** id = SHA-256 of project, source, scope, position and the payload's hash, 32 hex digits of it. */
export function makeDeadLetter(bad: BadInput, nowMs: number, sha256Hex: Sha256Hex): DeadLetter {
  const payloadSha256 = sha256Hex(bad.payload);
  const place = [bad.project, bad.source, bad.scope, bad.partition, bad.offset, payloadSha256].join('\u0000');
  return {
    id: sha256Hex(place).slice(0, 32),
    project: bad.project,
    source: bad.source,
    partition: bad.partition,
    offset: bad.offset,
    payload: bad.payload.slice(0, DEAD_LETTER_PAYLOAD_BYTES_MAX),
    payloadBytes: bad.payload.length,
    payloadSha256,
    reasons: bad.reasons,
    failedAtMs: nowMs,
    service: 'ingest',
    redrivenAtMs: 0,
  };
}

/** The original of an input that came parsed: its JSON. NaN and Infinity become texts, so that a reader sees them. */
export function jsonPayload(value: unknown): Uint8Array {
  const text = JSON.stringify(value, (_key, field) =>
    typeof field === 'number' && !Number.isFinite(field)
      ? String(field)
      : typeof field === 'bigint'
        ? String(field)
        : field,
  );
  return new TextEncoder().encode(text ?? 'null');
}
