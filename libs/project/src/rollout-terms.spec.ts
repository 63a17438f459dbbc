import { describe, expect, it } from '@jest/globals';
import { DEFAULT_ANALYSIS } from '@millrace/routing';
import { LOANS_PROJECT } from '@millrace/testing';
import { parseProject } from './parse-project.js';

const parsed = (rollout: string) => parseProject(`${LOANS_PROJECT}\nrollout: ${rollout}\n`, 'project.yaml');

function termsOf(rollout: string) {
  const result = parsed(rollout);
  if (result.kind !== 'ok') throw new Error(JSON.stringify(result.faults));
  const { checks, keepMs, fallback, probation } = result.project.rollout;
  return { checks, keepMs, fallback, probation };
}

describe('checks, keep and fallback of a project file', () => {
  it('are none, as long as the probation, a day at least and 90 days at most, and none', () => {
    const { checks, fallback, keepMs, probation } = termsOf('{}');
    expect([checks, fallback, keepMs]).toEqual([undefined, undefined, Math.max(86_400_000, probation.forMs)]);
    expect(termsOf('{ probation: { for: 0s } }').keepMs).toBe(86_400_000);
    expect(termsOf('{ probation: { for: 5d } }').keepMs).toBe(5 * 86_400_000);
    // Thirty versions of 90 days each are what a probation may take: seven years.
    expect(termsOf('{ probation: { for: 2700d } }').keepMs).toBe(90 * 86_400_000);
  });

  it('are taken as written, with the time of a step and that of the analysis where they say nothing of it', () => {
    const { inconclusiveAfterMs } = DEFAULT_ANALYSIS;
    expect(termsOf('{ checks: { before: { share: 20 }, after: { share: 5, for: 1h } }, keep: 2h }')).toMatchObject({
      checks: {
        before: { copies: 20, forMs: 600_000, withinMs: inconclusiveAfterMs },
        after: { copies: 5, forMs: 3_600_000 },
      },
      keepMs: 7_200_000,
    });
    expect(termsOf('{ checks: { before: { share: 1, for: 3h } } }').checks?.before?.withinMs).toBe(10_800_000);
    expect(termsOf('{ checks: { before: { share: 1, until: promoted } } }').checks).toEqual({ before: { copies: 1 } });
    expect(termsOf('{ strategy: canary, checks: {} }').checks).toBeUndefined();
    expect(termsOf('{ fallback: { to: previous } }').fallback).toEqual({ share: 10 });
    expect(termsOf('{ strategy: canary, fallback: { to: previous, share: 50 } }').fallback).toEqual({ share: 50 });
  });

  it('an analysis is taken where there are checks', () => {
    const said = 'analysis: { minRequests: 20, inconclusiveAfter: 1h }';
    expect(termsOf(`{ checks: { before: { share: 1 } }, ${said} }`).checks?.before?.withinMs).toBe(3_600_000);
  });

  it.each([
    ['{ strategy: canary, checks: { before: { share: 10 } } }', 'checks do not fit strategy canary'],
    ['{ checks: { before: { for: 1m } } }', 'share'],
    ['{ checks: { before: { share: 0 } } }', 'share'],
    ['{ checks: { after: { share: 101 } } }', 'share'],
    ['{ checks: { after: { share: 10, until: promoted } } }', 'until'],
    ['{ checks: { before: { share: 10, for: 1m, until: promoted } } }', 'Remove for or until'],
    ['{ checks: { during: { share: 10 } } }', 'during'],
    ['{ keep: 5s }', 'Write 10s or more'],
    ['{ keep: forever }', 'keep'],
    ['{ fallback: previous }', 'fallback'],
    ['{ fallback: {} }', 'to'],
    ['{ fallback: { to: newest } }', 'previous'],
    ['{ fallback: { to: previous, share: 0 } }', 'share'],
  ])('%s is refused', (rollout, message) => {
    const result = parsed(rollout);
    expect(result.kind === 'ok' ? [] : result.faults.map((fault) => JSON.stringify(fault))).toEqual(
      expect.arrayContaining([expect.stringContaining(message)]),
    );
  });
});
