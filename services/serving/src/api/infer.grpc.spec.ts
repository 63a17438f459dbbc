import { status } from '@grpc/grpc-js';
import { describe, expect, it } from '@jest/globals';
import { ERROR_CODES, PlatformError } from '@millrace/domain';
import { expired } from '../batching/expired.js';
import { v2Status } from './infer.grpc.js';

describe("V2's statuses", () => {
  it('are those that Triton has', () => {
    const told = ERROR_CODES.map((code) => [code, status[v2Status(new PlatformError(code, ''))]]);
    expect(Object.fromEntries(told)).toEqual({
      invalid_argument: 'INVALID_ARGUMENT',
      not_found: 'NOT_FOUND',
      already_exists: 'ALREADY_EXISTS',
      conflict: 'INVALID_ARGUMENT',
      unavailable: 'UNAVAILABLE',
      overloaded: 'UNAVAILABLE',
      deadline_exceeded: 'DEADLINE_EXCEEDED',
      cancelled: 'CANCELLED',
      unimplemented: 'UNIMPLEMENTED',
      corrupt: 'INTERNAL',
      permission_denied: 'INVALID_ARGUMENT',
      internal: 'INTERNAL',
    });
  });

  it('tell a time-out of the queue from the deadline of a call', () => {
    expect(status[v2Status(expired(false))]).toBe('UNAVAILABLE');
    expect(status[v2Status(expired(true))]).toBe('DEADLINE_EXCEEDED');
  });
});
