import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { RefusedBatch } from './refused-batch.js';

const never = new PlatformError('invalid_argument', 'too large', { retry: 'never' });

describe('a batch that Kafka will never take', () => {
  it('is written item by item, pauses once, and loses only what is refused alone', () => {
    const refused = new RefusedBatch();
    expect(refused.failed(never, 3)).toEqual({ drop: false, pause: true });
    expect(refused.oneByOne).toBe(true);
    refused.passed();
    expect(refused.failed(never, 1)).toEqual({ drop: true, pause: false });
    refused.passed();
    expect(refused.oneByOne).toBe(true);
    refused.passed();
    expect(refused.oneByOne).toBe(false);
  });

  it('of one item is that item, and pauses', () => {
    const refused = new RefusedBatch();
    expect(refused.failed(never, 1)).toEqual({ drop: true, pause: true });
    expect(refused.oneByOne).toBe(false);
  });

  it('is something else than a broker that is away: nothing is given up or split', () => {
    const refused = new RefusedBatch();
    expect(refused.failed(new Error('connection lost'), 3)).toEqual({ drop: false, pause: true });
    expect(refused.oneByOne).toBe(false);
  });
});
