// The one table between error codes and gRPC status codes, in both directions. The exact code travels in the trailing
// metadata `millrace-code`, so that two codes with one status come back as what they were.

import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { ERROR_CODES, type ErrorCode, PlatformError } from '@millrace/domain';

export const STATUS_BY_CODE = {
  invalid_argument: status.INVALID_ARGUMENT,
  not_found: status.NOT_FOUND,
  already_exists: status.ALREADY_EXISTS,
  conflict: status.FAILED_PRECONDITION,
  unavailable: status.UNAVAILABLE,
  overloaded: status.RESOURCE_EXHAUSTED,
  deadline_exceeded: status.DEADLINE_EXCEEDED,
  cancelled: status.CANCELLED,
  unimplemented: status.UNIMPLEMENTED,
  corrupt: status.DATA_LOSS,
  permission_denied: status.PERMISSION_DENIED,
  internal: status.INTERNAL,
} as const satisfies Record<ErrorCode, status>;

const CODE_BY_STATUS: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  ...ERROR_CODES.map((code) => [STATUS_BY_CODE[code], code] as const),
  [status.ABORTED, 'conflict'],
  [status.OUT_OF_RANGE, 'invalid_argument'],
  [status.UNAUTHENTICATED, 'permission_denied'],
  [status.UNKNOWN, 'internal'],
]);

const CODE_HEADER = 'millrace-code';

/** How a service says its errors; one with a table of its own differs from STATUS_BY_CODE. */
export type StatusOf = (error: PlatformError) => number;

export function statusOfCode(code: ErrorCode): status {
  return STATUS_BY_CODE[code];
}

/** A status that no code is told by is `internal`. */
export function codeOfStatus(grpcStatus: number): ErrorCode {
  return CODE_BY_STATUS.get(grpcStatus) ?? 'internal';
}

/** What a server hands to grpc-js' callback. */
export function toServiceError(
  thrown: unknown,
  statusOf: StatusOf = ({ code }) => STATUS_BY_CODE[code],
): { code: status; details: string; metadata: Metadata } {
  const error = PlatformError.from(thrown);
  const metadata = new Metadata();
  metadata.set(CODE_HEADER, error.code);
  return { code: statusOf(error), details: error.reason, metadata };
}

/** What a client makes of a failed call. */
export function fromServiceError(thrown: unknown): PlatformError {
  if (thrown instanceof PlatformError) return thrown;
  const failed = thrown as Partial<ServiceError>;
  if (typeof failed?.code !== 'number') return PlatformError.from(thrown);
  const named = failed.metadata?.get(CODE_HEADER)[0];
  const code = ERROR_CODES.find((candidate) => candidate === named) ?? codeOfStatus(failed.code);
  return new PlatformError(code, failed.details ?? 'gRPC call failed', {
    facts: { grpcStatus: failed.code },
    cause: thrown,
  });
}
