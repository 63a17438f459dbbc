import { describe, expect, it } from '@jest/globals';
import { ManualClock, PlatformError } from '@millrace/domain';
import { MetadataCache } from './metadata-cache.js';
import { AWAY_MS, References } from './references.js';

function setUp(error: PlatformError) {
  const clock = new ManualClock(1_000);
  const metadata = new MetadataCache();
  let reads = 0;
  const failures: string[] = [];
  metadata.setModel({ project: 'demo', version: 1, packagePath: 'models/demo/1' } as never);
  const references = new References(
    metadata,
    {
      read: async () => {
        reads++;
        throw error;
      },
    },
    clock,
    async (ms) => clock.advance(ms),
    (_project, _version, { code }) => failures.push(code),
  );
  return { clock, references, reads: () => reads, failures };
}

describe('the reference of a version', () => {
  it('is asked for again a minute later where the artifact store is away, not at every message', async () => {
    const { clock, references, reads, failures } = setUp(new PlatformError('unavailable', 'the bucket is away'));
    await references.ensure('demo', 1);
    expect(references.settled('demo', 1)).toBe(true);
    clock.advance(AWAY_MS - 1);
    await references.ensure('demo', 1);
    expect(reads()).toBe(1);
    clock.advance(1);
    expect(references.settled('demo', 1)).toBe(false);
    await references.ensure('demo', 1);
    expect([reads(), failures]).toEqual([2, ['unavailable', 'unavailable']]);
  });

  it.each(['not_found', 'corrupt'] as const)(
    'is given up where its package is %s, until it is announced again',
    async (code) => {
      const { clock, references, reads } = setUp(new PlatformError(code, 'no such package'));
      await references.ensure('demo', 1);
      clock.advance(1000 * AWAY_MS);
      await references.ensure('demo', 1);
      expect(reads()).toBe(1);
      references.announced('demo', 1);
      await references.ensure('demo', 1);
      expect(reads()).toBe(2);
    },
  );
});
