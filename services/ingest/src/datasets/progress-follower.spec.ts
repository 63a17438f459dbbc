import { expect, it } from '@jest/globals';
import type { ReadingProgress } from '@millrace/contracts';
import { OpenSpans } from './open-spans.js';
import { ProgressFollower } from './progress-follower.js';

const reading = (partition: number, records: number): ReadingProgress => ({
  ...{ kind: 'reading', partition, records, labels: 0, countedRecords: records, countedLabels: 0 },
  ...{ atMs: 0, holder: 'h', stopped: false, commands: 0 },
});

it('forgets transactions of which compaction took entries away before they were brought', () => {
  const spans = new OpenSpans();
  const follower = new ProgressFollower(spans);
  for (let n = 1; n <= 1_000; n++) {
    follower.committed(0, `t${n}`, [reading(0, n), reading(0, n)]);
    follower.committed(1, `u${n}`, [reading(1, n)]);
  }
  // Of partition 0 only the last entry of each tenth one is left.
  for (let n = 10; n <= 1_000; n += 10) follower.brought(0, 2 * n, '/reading/0', reading(0, n), `t${n}`);
  follower.brought(1, 1_000, '/reading/1', reading(1, 1_000), 'u1000');
  expect(follower.transactionsAhead).toBeLessThanOrEqual(1);
  // What is brought late does not go back, what another process wrote holds.
  expect(spans.reading(0)?.records).toBe(1_000);
  follower.brought(0, 3_000, '/reading/0', reading(0, 1_001), 'of another');
  expect(spans.reading(0)?.records).toBe(1_001);
});
