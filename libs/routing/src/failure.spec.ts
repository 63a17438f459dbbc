import { describe, expect, it } from '@jest/globals';
import { GRPC_STATUS, isFailure, isFailureName, statusName } from './failure.js';

describe('failures', () => {
  it.each([
    [0, 'OK', false],
    [1, 'CANCELLED', false],
    [2, 'UNKNOWN', true],
    [3, 'INVALID_ARGUMENT', false],
    [4, 'DEADLINE_EXCEEDED', true],
    [5, 'NOT_FOUND', false],
    [6, 'ALREADY_EXISTS', false],
    [7, 'PERMISSION_DENIED', false],
    [8, 'RESOURCE_EXHAUSTED', true],
    [9, 'FAILED_PRECONDITION', false],
    [10, 'ABORTED', true],
    [11, 'OUT_OF_RANGE', false],
    [12, 'UNIMPLEMENTED', true],
    [13, 'INTERNAL', true],
    [14, 'UNAVAILABLE', true],
    [15, 'DATA_LOSS', true],
    [16, 'UNAUTHENTICATED', false],
  ])('status %i, %s, counts against the platform: %s', (status, name, failure) => {
    expect(statusName(status)).toBe(name);
    expect(isFailure(status)).toBe(failure);
    expect(isFailureName(name)).toBe(failure);
  });

  it('knows every status, and counts one that it does not know', () => {
    expect(Object.values(GRPC_STATUS)).toEqual(Array.from({ length: 17 }, (_, code) => code));
    expect([isFailure(17), isFailureName('WHAT'), statusName(17)]).toEqual([true, true, 'UNKNOWN']);
  });
});
