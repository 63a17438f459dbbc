// What the dashboard shows of a route beside its targets: who has how much of all live traffic, and the experiment that
// gives arms a part of it.

import { type Route, runningExperiment, trafficShares } from '@millrace/routing';

export function trafficOf(route: Pick<Route, 'targets' | 'experiment'>) {
  const running = runningExperiment(route);
  const { name = '', control = 0, share = 0, endsAtMs = 0 } = running ?? {};
  const arms = running?.arms.map(({ version, isReady }) => ({ version, isReady })) ?? [];
  return {
    shares: trafficShares(route).filter(({ weight }) => weight > 0),
    experiment: running === undefined ? null : { name, control, arms, share, endsAtMs },
  };
}
