// Whose fault an answer is, by its gRPC status: the one table behind the router's failures (statistics, switches) and
// the monitor's error share. What HTTP's mapping of the status calls 4xx is the caller's: a bad argument, an unknown
// model or version, no permission, a call given up, would have failed on any version and must not take one back. Two
// 4xx count against the platform all the same, for its load and its concurrency make them: RESOURCE_EXHAUSTED (429) and
// ABORTED (409). UNKNOWN is what a server says of an error that it has no status for (MLServer, of any that it does not
// map), so it is its own. A deadline that passed is the platform's: it was too slow for it. That a version which the
// *route* chose is unknown to serving is no NOT_FOUND of the caller's; the router says UNAVAILABLE for it.

/** Codes by name, in the order of the codes 0 to 16. */
export const GRPC_STATUS = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

type StatusName = keyof typeof GRPC_STATUS;

const FAULT: Readonly<Record<StatusName, 'none' | 'caller' | 'platform'>> = {
  OK: 'none',
  CANCELLED: 'caller',
  UNKNOWN: 'platform',
  INVALID_ARGUMENT: 'caller',
  DEADLINE_EXCEEDED: 'platform',
  NOT_FOUND: 'caller',
  ALREADY_EXISTS: 'caller',
  PERMISSION_DENIED: 'caller',
  RESOURCE_EXHAUSTED: 'platform',
  FAILED_PRECONDITION: 'caller',
  ABORTED: 'platform',
  OUT_OF_RANGE: 'caller',
  UNIMPLEMENTED: 'platform',
  INTERNAL: 'platform',
  UNAVAILABLE: 'platform',
  DATA_LOSS: 'platform',
  UNAUTHENTICATED: 'caller',
};

const NAMES = Object.keys(GRPC_STATUS) as StatusName[];
const FAILURES: readonly boolean[] = NAMES.map((name) => FAULT[name] === 'platform');

/** A code that gRPC does not know reads UNKNOWN. */
export function statusName(status: number): StatusName {
  return NAMES[status] ?? 'UNKNOWN';
}

/** Whether an answer counts against the platform and the version that gave it. */
export function isFailure(status: number): boolean {
  return FAILURES[status] ?? true;
}

/**
 * Whether another version may be asked once more after such an answer. No time is left after a deadline; where a server
 * says by name that it has too much to do, or that two steps got into each other's way, one more request is no help.
 */
export function mayFallBack(status: number): boolean {
  if (!isFailure(status)) return false;
  const { DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED } = GRPC_STATUS;
  return status !== DEADLINE_EXCEEDED && status !== RESOURCE_EXHAUSTED && status !== ABORTED;
}

/** The same for a status written by name, as in the router's metrics; an unknown name counts as a failure. */
export function isFailureName(name: string): boolean {
  const status = (GRPC_STATUS as Readonly<Record<string, number>>)[name];
  return status === undefined || isFailure(status);
}
