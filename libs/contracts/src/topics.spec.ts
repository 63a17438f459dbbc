import { expect, it } from '@jest/globals';
import { DEFAULT_TOPIC_TERMS, topicsBy } from './topics.js';

const DAY_MS = 86_400_000;

it('keeps what was asked of owners for 30 days, however short an operator keeps events', () => {
  const keepMs = { ...DEFAULT_TOPIC_TERMS.keepMs, events: 3_600_000 };
  const kept = Object.fromEntries(
    topicsBy({ ...DEFAULT_TOPIC_TERMS, keepMs }).map(({ name, retentionMs, isSaid }) => [name, [retentionMs, isSaid]]),
  );
  expect(kept).toMatchObject({
    ...{ 'metrics.v1': [3_600_000, true], 'drift.v1': [3_600_000, true] },
    ...{ 'commands.v1': [30 * DAY_MS, false], 'trainings.v1': [30 * DAY_MS, false] },
  });
});
