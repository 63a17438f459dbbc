import { describe, expect, it } from '@jest/globals';
import { DEFAULT_ANALYSIS, DEFAULT_BANDIT } from '@millrace/routing';
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
    ['{ ignore: [errors, latency, unusable, constant, scores, quality] }', 'canary', 'nothing would be judged'],
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

  it('without labels quality is not judged, and cannot be asked for', () => {
    const unlabelled = (analysis: string) => {
      const text = LOANS_PROJECT.replace(/^ {2}label:\n( {4}.*\n)+/m, '').replace(/^ *label: .*\n/m, '');
      return parseProject(`${text}\nrollout: { strategy: canary${analysis} }\n`, 'project.yaml');
    };
    const silent = unlabelled('');
    expect(silent.kind === 'ok' && silent.project.rollout.analysis.ignore).toEqual(['quality']);
    const asked = unlabelled(', analysis: { quality: { required: true } }');
    expect(JSON.stringify(asked)).toContain('quality is judged by labels, and the project has none');
    const bandit = parseProject(
      `${LOANS_PROJECT.replace(/^ {2}label:\n( {4}.*\n)+/m, '').replace(/^ *label: .*\n/m, '')}\nrollout: { strategy: bandit }\n`,
      'project.yaml',
    );
    expect(JSON.stringify(bandit)).toContain('a bandit follows labels, and the project has none');
  });
});

describe('a bandit in a project file', () => {
  const rolloutOf = (bandit: string, strategy = 'bandit') =>
    parseProject(`${LOANS_PROJECT}\nrollout: { strategy: ${strategy}${bandit} }\n`, 'project.yaml');

  it('has a default for all of it, and takes what is written', () => {
    const [plain, written] = [
      rolloutOf(''),
      rolloutOf(', bandit: { start: 50, floor: 10, every: 5m, confidence: 0.99, for: 7d }'),
    ];
    expect(plain.kind === 'ok' && plain.project.rollout.bandit).toEqual(DEFAULT_BANDIT);
    expect(written.kind === 'ok' && written.project.rollout.bandit).toEqual({
      ...{ start: 50, floor: 10, everyMs: 300_000, confidence: 0.99, forMs: 604_800_000 },
    });
    const canary = rolloutOf('', 'canary');
    expect(canary.kind === 'ok' && canary.project.rollout.bandit).toBeUndefined();
  });

  it.each([
    [', bandit: { floor: 5 }', 'canary', 'bandit does not fit strategy canary'],
    [', bandit: { start: 3 }', 'bandit', 'leaves a side less than floor 5'],
    [', bandit: { start: 97 }', 'bandit', 'leaves a side less than floor 5'],
    [', bandit: { every: 10ms }', 'bandit', 'Write 1s or more'],
    [', bandit: { every: 2h, for: 1h }', 'bandit', 'for ends before the first move'],
    [', bandit: { floor: 50 }', 'bandit', 'floor'],
    [', bandit: { confidence: 1 }', 'bandit', 'confidence'],
    [', analysis: { quality: { required: true } }', 'bandit', 'a bandit waits for labels by itself'],
    [', steps: [{ weight: 5 }]', 'bandit', 'steps do not fit strategy bandit'],
  ])('%s with strategy %s is refused', (bandit, strategy, message) => {
    expect(JSON.stringify(rolloutOf(bandit, strategy))).toContain(message);
  });
});
