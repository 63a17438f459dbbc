// How good the answers are, by their labels: the mean loss of each version's labelled answers, which the monitor counts
// (RolloutLosses). Of a binary task it is the squared error of the probability, Brier's score: it lies in [0, 1].

import type { CriterionFacts } from '../criterion.js';
import { allLosses } from '../rollout-losses.js';

export function quality({ effect }: { effect: number }): CriterionFacts {
  return {
    name: 'quality',
    unit: 'loss',
    effect: `a mean loss ${Number(effect.toPrecision(3))} higher`,
    figure: ({ losses }) => allLosses(losses).mean,
  };
}
