import { describe, expect, it } from '@jest/globals';
import { DEFAULT_ANALYSIS } from '@millrace/routing';
import { LOANS_PROJECT } from '@millrace/testing';
import { parseProject } from './parse-project.js';

function parsed(analysis: string, strategy = 'canary') {
  const text = `${LOANS_PROJECT}\nrollout:\n  strategy: ${strategy}\n${analysis === '' ? '' : `  analysis: ${analysis}\n`}`;
  return parseProject(text, 'project.yaml');
}

function planOf(analysis: string) {
  const result = parsed(analysis);
  if (result.kind !== 'ok') throw new Error(JSON.stringify(result.faults));
  return result.project.rollout.analysis;
}

describe('the analysis of a rollout in a project file', () => {
  it('has a default for all of it, and takes what is written', () => {
    expect(planOf('')).toEqual(DEFAULT_ANALYSIS);
    expect(planOf('{}')).toEqual(DEFAULT_ANALYSIS);
    expect(
      planOf(
        '{ alpha: 0.05, interval: 5s, inconclusiveAfter: 2h, dryRun: true, latency: { factor: 3 }, ignore: [scores] }',
      ),
    ).toEqual({
      ...{ ...DEFAULT_ANALYSIS, alpha: 0.05, intervalMs: 5_000, inconclusiveAfterMs: 7_200_000, dryRun: true },
      ...{ latency: { quantile: 0.95, factor: 3 }, ignore: ['scores'] },
    });
  });

  it.each([
    ['{ dryRun: true }', 'blue_green', 'moves all traffic at once'],
    ['{ dryRun: true }', 'blue_green', 'or checks, or remove analysis'],
    ['{ ignore: [errors], errors: { effect: 0.1 } }', 'canary', 'errors is ignored'],
    ['{ ignore: [errors, errors] }', 'canary', 'ignored twice'],
    ['{ ignore: [errors, latency, unusable, constant, scores] }', 'canary', 'nothing would be judged'],
    ['{ interval: 10ms }', 'canary', 'Write 1s or more'],
    ['{ interval: 5m, inconclusiveAfter: 1m }', 'canary', 'before the first look'],
    ['{ alpha: 0 }', 'canary', 'alpha'],
    ['{ latency: { factor: 1 } }', 'canary', 'factor'],
    ['{ errors: 0.1 }', 'canary', 'errors'],
    ['{ error: { effect: 0.1 } }', 'canary', 'error'],
  ])('%s with strategy %s is refused', (analysis, strategy, message) => {
    const result = parsed(analysis, strategy);
    expect(result.kind === 'ok' ? [] : result.faults.map((fault) => JSON.stringify(fault))).toEqual(
      expect.arrayContaining([expect.stringContaining(message)]),
    );
  });
});
