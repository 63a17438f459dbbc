// Operating errors: one class with a closed set of codes. Edges map a code to a gRPC status, an HTTP status or a Kafka
// action in one table each; the domain knows none of those numbers.

export const ERROR_CODES = [
  'invalid_argument',
  'not_found',
  'already_exists',
  'conflict',
  'unavailable',
  'overloaded',
  'deadline_exceeded',
  'cancelled',
  'unimplemented',
  'corrupt',
  'permission_denied',
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export type Retry = 'never' | 'now' | { afterMs: number };

export interface PlatformErrorOptions {
  retry?: Retry;
  /** Typed facts for logs and API answers; no secrets. */
  facts?: Readonly<Record<string, string | number | boolean>>;
  cause?: unknown;
}

const RETRY_BY_CODE: Readonly<Record<ErrorCode, Retry>> = {
  invalid_argument: 'never',
  not_found: 'never',
  already_exists: 'never',
  conflict: 'now',
  unavailable: { afterMs: 200 },
  overloaded: { afterMs: 100 },
  deadline_exceeded: 'now',
  cancelled: 'never',
  unimplemented: 'never',
  corrupt: 'never',
  permission_denied: 'never',
  internal: 'never',
};

/** An error that operation must expect: it says its code, whether to retry, and the value and bound it is about. */
export class PlatformError extends Error {
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  readonly reason: string;

  constructor(code: ErrorCode, reason: string, options: PlatformErrorOptions = {}) {
    super(`[${code}] ${reason}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PlatformError';
    this.code = code;
    this.reason = reason;
    this.retry = options.retry ?? RETRY_BY_CODE[code];
    this.facts = options.facts ?? {};
  }

  /** Wraps anything thrown; a PlatformError passes through. */
  static from(thrown: unknown, code: ErrorCode = 'internal'): PlatformError {
    if (thrown instanceof PlatformError) return thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return new PlatformError(code, reason, { cause: thrown });
  }
}
