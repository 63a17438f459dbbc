import { expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { partlySent } from './partly-sent.js';

it('says what was taken before, and else nothing', () => {
  const error = new PlatformError('overloaded', 'try later', { facts: { of: 'ingest' } });
  expect(partlySent(error, 0, 'records')).toBe(error);
  expect(partlySent(error, 4_000, 'records')).toMatchObject({
    code: 'overloaded',
    reason: 'try later; 4000 records before it were accepted',
    retry: error.retry,
    facts: { of: 'ingest', accepted: 4_000 },
  });
});
