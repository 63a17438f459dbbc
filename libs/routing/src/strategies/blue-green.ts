// Blue/green: all traffic moves at once when the new version is warm; the old one stays loaded, so that the way back is
// a change of weights. The two names alternate. Further targets, which only weights set by hand make, are called by
// version.

import { primaryVersion } from '../primary.js';
import type { RolloutStrategy } from '../strategy.js';

const COLOURS = ['blue', 'green'] as const;

export const blueGreen: RolloutStrategy = {
  name: 'blue_green',
  summary: 'all traffic moves to a new version at once when it is warm',

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
