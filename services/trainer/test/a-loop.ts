// What a loop is told in tests, and a loop that is told it.

import { cohortOfVersion } from '@millrace/domain';
import type { RolloutPhase } from '@millrace/routing';
import { advance } from '../src/loop/loop-advance.js';
import { initialLoopState, type LoopEffect, type LoopInput, type LoopPolicy } from '../src/loop/loop-state.js';

export const policy: LoopPolicy = {
  project: 'p',
  rolloutAutomatic: true,
  metric: 'log_loss',
  probation: { share: 1, forMs: 0 },
  retrain: {
    onDrift: true,
    features: ['hour'],
    versions: 2,
    settleVersions: 1,
    evaluationShare: 0.2,
    warmStart: true,
    cooldownMs: 1_000,
    budgetPerDay: 2,
    approval: 'automatic',
  },
};

export const dataset = (n: number): LoopInput => ({
  kind: 'dataset',
  dataset: { id: `d${n}`, ordinal: n, windowStartMs: n * 10, windowEndMs: n * 10 + 10, labelledRows: 5 },
});

export const drift = (over: Partial<Extract<LoopInput, { kind: 'drift' }>> = {}): LoopInput => ({
  kind: 'drift',
  eventId: 'e1',
  feature: 'hour',
  detector: 'psi',
  value: 0.9,
  threshold: 0.2,
  windowStartMs: 20,
  windowEndMs: 30,
  cohort: cohortOfVersion(1),
  correlationId: 'c1',
  ...over,
});

export function run(inputs: readonly LoopInput[], start = initialLoopState(), by = policy) {
  let state = start;
  const effects: LoopEffect[] = [];
  inputs.forEach((input, i) => {
    const result = advance(state, input, by, i + 1);
    state = result.state;
    effects.push(...result.effects);
  });
  return { state, effects };
}

let routes = 0;
/** The next route. */
export const live = (
  version: number,
  previousVersion = 0,
  phase: RolloutPhase = 'promoted',
  rolloutVersion = version,
) => ({
  ...{ kind: 'route' as const, revision: ++routes, liveVersion: version, previousVersion, rolloutVersion },
  ...{ phase, message: '' },
});

export const model = (version: number, trainingId: string, blessed = true): LoopInput => ({
  ...{
    kind: 'model',
    version,
    trainingId,
    blessed,
    verdict: blessed ? '' : `version ${version} is not blessed: it is no better`,
  },
});
export const ended = (eventId: string): LoopInput => ({ kind: 'drift_ended', eventId });
export const HOUR_MS = 3_600_000;
