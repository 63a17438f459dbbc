// HTTP statuses of errors, and back: the one table of the control APIs. (V2's own statuses are Triton's:
// libs/inference.)

import { ERROR_CODES, type ErrorCode } from '@millrace/domain';

export const HTTP_STATUS_BY_CODE = {
  invalid_argument: 400,
  not_found: 404,
  already_exists: 409,
  conflict: 409,
  unavailable: 503,
  overloaded: 429,
  deadline_exceeded: 504,
  cancelled: 499,
  unimplemented: 501,
  corrupt: 422,
  permission_denied: 403,
  internal: 500,
} as const satisfies Record<ErrorCode, number>;

const CODE_BY_STATUS: ReadonlyMap<number, ErrorCode> = new Map([
  ...ERROR_CODES.filter((code) => code !== 'conflict').map((code) => [HTTP_STATUS_BY_CODE[code], code] as const),
  // Of the HTTP server itself: a wrong method, a body too large, a media type that nobody reads.
  [405, 'unimplemented'],
  [413, 'invalid_argument'],
  [415, 'invalid_argument'],
]);

/** What a status means that came without a code: 4xx is the caller's mistake, everything else ours. */
export function codeOfHttpStatus(status: number): ErrorCode {
  return CODE_BY_STATUS.get(status) ?? (status >= 400 && status < 500 ? 'invalid_argument' : 'internal');
}
