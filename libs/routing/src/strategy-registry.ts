// Every rollout strategy there is, one line each; the project file's `rollout.strategy` takes these names and no other.

import { assert } from '@millrace/domain';
import type { PlannedStep, RolloutChecks } from './route.js';
import { bandit } from './strategies/bandit.js';
import { blueGreen } from './strategies/blue-green.js';
import { canary } from './strategies/canary.js';
import type { BanditPlan, RolloutStrategy } from './strategy.js';

/** The first is the default. */
export const STRATEGIES: readonly [RolloutStrategy, ...RolloutStrategy[]] = [blueGreen, canary, bandit];

export const DEFAULT_STRATEGY = STRATEGIES[0];

/** What a project says beside the strategy's name; without terms it has its own. */
interface StrategyTerms {
  steps?: readonly PlannedStep[] | undefined;
  checks?: RolloutChecks | undefined;
  bandit?: BanditPlan | undefined;
  keepMs?: number | undefined;
}

/** By a name and terms that the project's parser has accepted. */
export function strategyNamed(name: string, { keepMs, ...terms }: StrategyTerms = {}): RolloutStrategy {
  const found = STRATEGIES.find((strategy) => strategy.name === name);
  assert(found !== undefined, `the parser accepts strategies of the registry only, not ${name}`);
  const { steps, checks, bandit: plan } = terms;
  const inSteps = steps === undefined ? found : (found.withSteps?.(steps) ?? found);
  const checked = checks === undefined ? inSteps : (inSteps.withChecks?.(checks) ?? inSteps);
  const learning = plan === undefined ? checked : (checked.withBandit?.(plan) ?? checked);
  return keepMs === undefined ? learning : { ...learning, keepMs };
}
