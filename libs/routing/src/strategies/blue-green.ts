// Blue/green: all traffic moves at once when the new version is warm; the old one stays loaded, so that the way back is
// a change of weights. The two names alternate. Further targets, which only weights set by hand make, are called by
// version.
//
// With checks (project file: rollout.checks) the switch has a step before it, in which the new version gets copies of
// requests and no traffic, and one after it, in which the version before does. Both are steps of the rollout like any
// other: due, paused, skipped, aborted as those of a canary.

import { primaryVersion } from '../primary.js';
import type { PlannedStep, RolloutChecks } from '../route.js';
import type { RolloutStrategy } from '../strategy.js';

const COLOURS = ['blue', 'green'] as const;

export const blueGreen: RolloutStrategy = {
  name: 'blue_green',
  summary: 'all traffic moves to a new version at once when it is warm',

  withChecks: (checks) => ({ ...blueGreen, steps: stepsOf(checks) }),

  whenReady: (_live, version) => ({ weights: [{ version, weight: 100 }], shadows: [] }),

  names(live, versions) {
    const nameOf = new Map(live.map(({ version, name }) => [version, name]));
    const kept = versions.flatMap((version) => nameOf.get(version) ?? []);
    // What has most of the traffic now should not lend its name to another version, though it leaves.
    const primary = nameOf.get(primaryVersion(live));
    const taken = new Set(kept);
    return versions.map((version) => {
      const own = nameOf.get(version);
      if (own !== undefined) return own;
      const free = COLOURS.filter((colour) => !taken.has(colour));
      const name = free.find((colour) => colour !== primary) ?? free[0] ?? `v${version}`;
      taken.add(name);
      return name;
    });
  },
};

function stepsOf({ before, after }: RolloutChecks): PlannedStep[] {
  return [
    ...(before === undefined ? [] : [{ weight: 0, ...before }]),
    ...(after === undefined ? [] : [{ weight: 100, ...after }]),
  ];
}
