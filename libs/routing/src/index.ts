// Routes and rollouts, pure: what a route is, which version a request gets, who is primary, how a rollout moves.

export { type Choice, type NotLoaded, RouteChoices } from './choice.js';
export { GRPC_STATUS, isFailure, isFailureName, statusName } from './failure.js';
export { primaryVersion } from './primary.js';
export {
  type Decision,
  decide,
  type LoadOutcome,
  type RejectionReason,
  type RouteAction,
  type RouteCommand,
  settleLoad,
} from './rollout.js';
export {
  emptyRoute,
  LOADED_MAX,
  ROLLOUT_PHASES,
  type RolloutPhase,
  type Route,
  type RouteTarget,
  SHADOW_SHARE_DEFAULT,
  SHADOWS_MAX,
  type Switch,
  sameTraffic,
  TARGET_NAME,
  TARGETS_MAX,
} from './route.js';
export type { RolloutStrategy } from './strategy.js';
export { DEFAULT_STRATEGY, STRATEGIES, strategyNamed } from './strategy-registry.js';
