import { expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { sharedError } from './backend-error.js';

it('tells each request of a batch whose process died that others were computed with it', () => {
  const died = new PlatformError('unavailable', 'the process died', { facts: { died: true } });
  expect(sharedError(died, 1)).toBe(died);
  const shared = sharedError(died, 7);
  expect(shared).toMatchObject({
    code: 'unavailable',
    reason: 'the process died; 7 requests were computed as one batch',
  });
  const other = new PlatformError('unavailable', 'away');
  expect(sharedError(other, 7)).toBe(other);
});
