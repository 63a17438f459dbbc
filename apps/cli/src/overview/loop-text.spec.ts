import { describe, expect, it } from '@jest/globals';
import { afterLoop, type Loop, loopText } from './loop-text.js';

const loop = (part: Partial<Loop>): Loop => ({
  phase: 'calm',
  liveVersion: 1,
  previousVersion: 0,
  waitingVersion: 0,
  episode: null,
  coolUntilMs: 0,
  waits: { for: 'drift of any feature', untilMs: null, clock: 'processing' },
  openDrifts: [],
  history: [],
  ...part,
});
const asking = (wanted: number): NonNullable<Loop['asked']> => ({
  ...{ about: 'rollout 2 since 1', what: 'the rollout of version 2', sinceMs: 1, expiresAtMs: null },
  ...{ approvers: 1, wanted, given: [] },
});
const step = (atMs: number, message: string) => ({ atMs, phase: 'calm', message, correlationId: '' });

describe('the loop in words', () => {
  it('names drift that lasts beside the one that is answered', () => {
    const open = (feature: string, tries: number) => ({
      ...{ eventId: feature, feature, detector: 'psi', value: 0.3, threshold: 0.2, version: 1, tries, againAtMs: 0 },
      ...{ windowStartMs: Date.UTC(2026, 0, 1), windowEndMs: Date.UTC(2026, 0, 2) },
    });
    expect(loopText(loop({ openDrifts: [open('amount', 0), open('age', 2)] }))).toContain(
      'drift that lasts: amount since 2026-01-01T00:00:00Z; age since 2026-01-01T00:00:00Z, 2 retrainings did not end it',
    );
    expect(loopText(loop({}))).not.toContain('lasts');
  });

  it('is its phase, its wait with the time, the last decision, and those before it', () => {
    const text = loopText(
      loop({
        phase: 'settling',
        waits: { for: 'a dataset version', untilMs: 3_600_000, clock: 'event' },
        history: [step(1_000, 'version 1 is live'), step(2_000, 'drift of hour: psi 0.300 against 0.2')],
      }),
    );
    expect(text.split('\n')).toEqual([
      'phase: settling (drift was seen: it gathers rows from after it)',
      'version 1 in service',
      "waits for a dataset version, at the earliest when the data's own time has come to 1970-01-01T01:00:00Z",
      'last: 1970-01-01T00:00:02Z drift of hour: psi 0.300 against 0.2',
      '      1970-01-01T00:00:01Z version 1 is live',
    ]);
  });

  it('says until when a pause lasts', () => {
    const waits = { for: 'the pause to end', untilMs: 60_000, clock: 'processing' } as const;
    expect(loopText(loop({ phase: 'cooling', waits }))).toContain(
      'waits for the pause to end, until 1970-01-01T00:01:00Z',
    );
  });

  it.each<[Partial<Loop>, string]>([
    [{ phase: 'approval' }, 'millrace loop p approve --by NAME'],
    [{ phase: 'stopped' }, 'millrace loop p resume'],
    [{ liveVersion: 0 }, 'millrace train p'],
    [{ liveVersion: 0, phase: 'rolling_out' }, 'millrace rollout status p'],
    [{ waitingVersion: 2 }, 'millrace rollout start p 2'],
    [{ waitingVersion: 2, asked: asking(1) }, 'millrace loop p approve --by NAME'],
    [{ waitingVersion: 2, asked: asking(0) }, 'millrace rollout start p 2'],
    [{}, 'millrace drift p'],
  ])('%j is followed by `%s`', (part, command) =>
    expect(afterLoop('p', loop(part), 'millrace train p')[0]).toBe(command),
  );
});
