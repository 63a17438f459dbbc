import { describe, expect, it } from '@jest/globals';
import { trialText, webhooksText } from './webhooks-text.js';

const READY = {
  ...{ url: 'https://hooks.example/a?…', events: [], state: 'ready' as const, says: '', waiting: 0, delivered: 12 },
  ...{ givenUp: 0, failures: 0, nextTryMs: null, lastDeliveredAtMs: 1, deadLetters: [] },
};
const RESTING = { ...READY, state: 'resting' as const, says: 'status 500', waiting: 3, failures: 2, nextTryMs: 60_000 };

describe('receivers of webhooks', () => {
  it('say what they have taken, what waits, and when it is tried again', () => {
    const lines = webhooksText([READY, RESTING]).split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/ready +12 +0 +0$/);
    expect(lines[2]).toMatch(/resting +12 +3 +0 +status 500; tried again at 1970-01-01T00:01:00Z$/);
    expect(webhooksText([])).toContain('notify.webhooks');
  });

  it('say whether they took a trial', () => {
    const text = trialText([
      { url: 'a', taken: true, says: 'taken' },
      { url: 'b', taken: false, says: 'status 404' },
    ]);
    expect(text.split('\n').slice(1)).toEqual(['a         taken', 'b         not taken  status 404']);
  });
});
