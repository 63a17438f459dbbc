// Every rollout strategy there is, one line each; the project file's `rollout.strategy` takes these names and no other.

import { assert } from '@millrace/domain';
import { blueGreen } from './strategies/blue-green.js';
import type { RolloutStrategy } from './strategy.js';

/** The first is the default. */
export const STRATEGIES: readonly [RolloutStrategy, ...RolloutStrategy[]] = [blueGreen];

export const DEFAULT_STRATEGY = STRATEGIES[0];

/** By a name that the project's parser has accepted. */
export function strategyNamed(name: string): RolloutStrategy {
  const found = STRATEGIES.find((strategy) => strategy.name === name);
  assert(found !== undefined, `the parser accepts strategies of the registry only, not ${name}`);
  return found;
}
