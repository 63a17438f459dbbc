// A command while a router of a later release has written a route that this one cannot read: the kill switch alone.

import { withoutExperiment } from './experiment.js';
import { dropLoading, EXPIRED, isExpired, rejected, stamp, takenBack, why } from './rollout.js';
import { type Route, runningExperiment } from './route.js';
import type { Decision, RouteCommand } from './route-command.js';
import type { RolloutStrategy } from './strategy.js';

/** What is refused while the route in force cannot be read, and why. */
const UNREADABLE_ROUTE =
  'this route was written by a newer router and cannot be read by this one, which serves by the one before: update ' +
  'this router first (abort and rollback put the one before in force everywhere)';

/**
 * While a later release has written a route that cannot be read here: what takes traffic back puts the one before,
 * without a rollout or an experiment under way, in force for every router; anything else is refused.
 * @param route The one before, by which this router serves.
 * @param laterRevision Of the one that cannot be read.
 */
export function decideUnread(
  route: Route,
  laterRevision: number,
  command: RouteCommand,
  strategy: RolloutStrategy,
  nowMs: number,
): Decision {
  if (route.recentCommandIds.includes(command.id)) return { kind: 'unchanged', route };
  const { kind } = command.action;
  // Who names a revision decided by the route before, as the analysis and the loop do: only people say it for any.
  const isMeant = command.expectedRevision === 0 || command.expectedRevision === laterRevision;
  if ((kind !== 'abort' && kind !== 'rollback') || !isMeant || route.targets.length === 0)
    return rejected('newer_route', UNREADABLE_ROUTE);
  if (isExpired(command, nowMs)) return rejected('expired', EXPIRED);
  const by = command.issuedBy ?? '';
  const message = why('aborted', by, command.reason);
  const { phase, steps } = route.rollout;
  const known = runningExperiment(route) ? withoutExperiment(route, { nowMs, reason: command.reason, by }) : route;
  let back = known;
  if (phase === 'loading') back = dropLoading(known, message);
  if (phase === 'progressing' && steps !== undefined) back = takenBack(known, message, strategy);
  return { kind: 'changed', route: stamp({ ...route, revision: laterRevision }, back, command, { strategy, nowMs }) };
}
