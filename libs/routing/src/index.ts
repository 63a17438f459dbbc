// Routes and rollouts, pure: what a route is, which version a request gets, who is primary, how a rollout moves.

export { aimedCuts } from './analysis/aimed-cuts.js';
export {
  CRITERIA,
  CRITERION_VERDICTS,
  type CriterionName,
  TESTED_CRITERIA,
  type TestedName,
  UNITS,
  VERDICTS,
} from './analysis/criterion.js';
export type { DriftSaid } from './analysis/drift-said.js';
export { drawnBy, ENTITY_BUCKETS, entityBucket } from './analysis/entity-buckets.js';
export type { AimedCut } from './analysis/entity-marks.js';
export { type EvidenceState, VersionEvidence } from './analysis/evidence.js';
export type { ExpectedScores } from './analysis/expected-scores.js';
export { type Analysis, type CriterionAnalysis, RolloutJudge, type Verdict } from './analysis/judge.js';
export { type AnalysisPlan, DEFAULT_ANALYSIS } from './analysis/plan.js';
export { criteriaOf } from './analysis/registry.js';
export { allLosses, type EntityLosses, type LossCell, RolloutLosses } from './analysis/rollout-losses.js';
export { type RolloutUnderWay, rolloutUnderWay } from './analysis/under-way.js';
export { type BanditMove, banditMove, banditView } from './bandit.js';
export { type Choice, type NotLoaded, RouteChoices } from './choice.js';
export {
  EXPERIMENT_MS_MAX,
  EXPERIMENT_MS_MIN,
  type ExperimentOutcome,
  waitsForArms,
} from './experiment.js';
export { armName, type Drawn, trafficShares } from './experiment-draw.js';
export { GRPC_STATUS, isFailure, isFailureName, mayFallBack, statusName } from './failure.js';
export { fallbackVersion } from './fallback.js';
export { isKeepOver } from './keep.js';
export { type Headers, MATCH_HEADER, MATCH_VALUE, MATCHES_MAX, type MatchRule } from './matches.js';
export { inServiceVersion, primaryVersion } from './primary.js';
export { decide, settleExperiment, settleKeep, settleLoad, settleStep } from './rollout.js';
export {
  ARMS_MAX,
  EXPERIMENT_NAME,
  EXPERIMENT_SLOTS,
  type Experiment,
  emptyRoute,
  isOfLaterRelease,
  LOADED_MAX,
  type PlannedCheck,
  type PlannedStep,
  ROLLOUT_PHASES,
  type RolloutChecks,
  type RolloutDraw,
  type RolloutPhase,
  type RolloutSteps,
  type Route,
  type RouteTarget,
  readyVersions,
  runningExperiment,
  SHADOW_SHARE_DEFAULT,
  SHADOWS_MAX,
  STEPS_MAX,
  type Switch,
  sameTraffic,
  TARGET_NAME,
  TARGETS_MAX,
} from './route.js';
export type {
  Decision,
  LoadOutcome,
  RejectionReason,
  RouteAction,
  RouteCommand,
  StepOutcome,
} from './route-command.js';
export { isDue, isUndecided, PREVIEW, previewVersion, type RolloutProgress, rolloutProgress } from './steps.js';
export { DEFAULT_BANDIT } from './strategies/bandit.js';
export { STEP_MS_DEFAULT } from './strategies/canary.js';
export type { BanditPlan, RolloutStrategy } from './strategy.js';
export { DEFAULT_STRATEGY, STRATEGIES, strategyNamed } from './strategy-registry.js';
export { isWhole } from './targets.js';
export { decideUnread } from './unread-route.js';
