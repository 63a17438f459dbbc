// REST errors of the V2 protocol: body {"error": "..."} and Triton's statuses (server docs/protocol: INTERNAL 500,
// NOT_FOUND 404, UNAVAILABLE 503, UNSUPPORTED 501, else 400). A full queue and a passed deadline are UNAVAILABLE there.

import type { ErrorCode, PlatformError } from '@millrace/domain';

/** "Else 400" is Triton's rule, so a code needs no entry here. */
const STATUS_BY_CODE: Partial<Record<ErrorCode, number>> = {
  not_found: 404,
  unavailable: 503,
  overloaded: 503,
  deadline_exceeded: 503,
  unimplemented: 501,
  corrupt: 500,
  internal: 500,
};

export function restStatus(code: ErrorCode): number {
  return STATUS_BY_CODE[code] ?? 400;
}

export function restError(error: PlatformError): { status: number; body: string } {
  return { status: restStatus(error.code), body: JSON.stringify({ error: error.reason }) };
}
