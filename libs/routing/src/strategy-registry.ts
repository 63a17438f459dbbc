// Every rollout strategy there is, one line each; the project file's `rollout.strategy` takes these names and no other.

import { assert } from '@millrace/domain';
import type { PlannedStep } from './route.js';
import { blueGreen } from './strategies/blue-green.js';
import { canary } from './strategies/canary.js';
import type { RolloutStrategy } from './strategy.js';

/** The first is the default. */
export const STRATEGIES: readonly [RolloutStrategy, ...RolloutStrategy[]] = [blueGreen, canary];

export const DEFAULT_STRATEGY = STRATEGIES[0];

/** By a name and steps that the project's parser has accepted; without steps those of the strategy. */
export function strategyNamed(name: string, steps?: readonly PlannedStep[]): RolloutStrategy {
  const found = STRATEGIES.find((strategy) => strategy.name === name);
  assert(found !== undefined, `the parser accepts strategies of the registry only, not ${name}`);
  return steps === undefined ? found : (found.withSteps?.(steps) ?? found);
}
