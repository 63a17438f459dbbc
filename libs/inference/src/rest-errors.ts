// REST errors of the V2 protocol: body {"error": "..."} and Triton's statuses (server docs/protocol: INTERNAL 500,
// NOT_FOUND 404, UNAVAILABLE 503, UNSUPPORTED 501, else 400). A full queue and a passed deadline are UNAVAILABLE there.

import type { ErrorCode, PlatformError } from '@millrace/domain';

export const REST_STATUS = {
  invalid_argument: 400,
  not_found: 404,
  already_exists: 400,
  conflict: 400,
  unavailable: 503,
  overloaded: 503,
  deadline_exceeded: 503,
  cancelled: 400,
  unimplemented: 501,
  corrupt: 500,
  permission_denied: 400,
  internal: 500,
} satisfies Record<ErrorCode, number>;

export function restError(error: PlatformError): { status: number; body: string } {
  return { status: REST_STATUS[error.code], body: JSON.stringify({ error: error.reason }) };
}
