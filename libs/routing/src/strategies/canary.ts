// Canary: a new version gets its traffic in steps, each of which lasts at least a while. The steps are the project
// file's `rollout.steps`, else those below. A step is taken back at once (abort), for those who served before stay
// loaded.
//
// Why these steps. Each multiplies what a fault can reach by at most four (5, 20, 50, 100), so that what one step lets
// through does not meet all traffic in the next. Why ten minutes: a fault that hits a share q of the requests is seen
// at least once among n with probability 1 - (1 - q)^n; for q = 1 % and 95 % that takes n = 299, which at ten requests
// a second is ten minutes of the first step (5 %: .5 a second). Who has less traffic declares longer steps.

import type { PlannedStep } from '../route.js';
import { baselineOf, beside } from '../steps.js';
import type { RolloutStrategy } from '../strategy.js';
import { blueGreen } from './blue-green.js';

/** Of a step that says nothing of its time. */
export const STEP_MS_DEFAULT = 600_000;
const DEFAULT_STEPS: readonly PlannedStep[] = [5, 20, 50].map((weight) => ({ weight, forMs: STEP_MS_DEFAULT }));

/** `steps`: at least one, with growing weights. */
function canaryOf(steps: readonly PlannedStep[]): RolloutStrategy {
  return {
    name: 'canary',
    summary: 'a new version gets its share in steps, and an abort takes it back',
    steps,
    withSteps: canaryOf,

    whenReady(live, version) {
      const [first] = steps;
      const weights = beside(baselineOf(live, version), version, first?.weight ?? 100);
      return { weights, shadows: [] };
    },

    // A name stays with its version, and today's canary is tomorrow's stable one: so colours, which alternate.
    names: blueGreen.names,
  };
}

export const canary = canaryOf(DEFAULT_STEPS);
