// The words of the platform: ids, values, tasks, cohorts, errors, clock and randomness. Imports nothing.

export { type AddressRange, addressRange, canonicalAddress, isHostName, isPort } from './address-range.js';
export { assert, unreachable } from './assert.js';
export { type Clock, ManualClock, systemClock } from './clock.js';
export {
  ALL,
  COHORTS_MAX,
  type Cohort,
  CohortMap,
  cohortKey,
  cohortOfVersion,
  cohortText,
  compareCohorts,
  parseCohortKey,
  type Slice,
  sameCohort,
} from './cohort.js';
export { counted } from './counted.js';
export { ERROR_CODES, type ErrorCode, PlatformError, type PlatformErrorOptions, type Retry } from './errors.js';
export { type ClockRules, EventClock } from './event-clock.js';
export { exactJson, parseExactJson } from './exact-json.js';
export { fileIdOf, fileRowIdOf } from './file-row-id.js';
export { EVENT_TIME_AHEAD_MS_MAX, PROJECTS_MAX } from './limits.js';
export { LOOP_PHASES, type LoopPhase } from './loop-phase.js';
export { newestVersions, rowsOrdinalOf } from './newest-versions.js';
export { packageFolder, packagesFolder } from './package-folder.js';
export { eventType, PLATFORM_EVENTS, type PlatformEvent } from './platform-events.js';
export type {
  CategoricalReference,
  FeatureReference,
  NumericReference,
  ReferenceProfile,
} from './reference-profile.js';
export { RELEASE } from './release.js';
export { ID_CHARACTERS_MAX, predictionId, RequestIds, type RowNames, requestIdOf, rowName } from './request-ids.js';
export { type RestartLimits, RestartPolicy } from './restart-policy.js';
export { type Fate, fatesOf, type RetentionRules } from './retention.js';
export { RisingMap } from './rising-map.js';
export { hash32, type Rng, seededRng } from './rng.js';
export { indexNamed, rowNumber, rowOfWhole, withoutRow } from './row-number.js';
export { hint, suggest } from './suggest.js';
export {
  binaryLabel,
  binaryOutputs,
  type Output,
  type OutputSpec,
  type OutputValue,
  outputValue,
  TASK_KINDS,
  type Task,
  type TaskKind,
  taskFault,
  taskOf,
  WORKING_TASK_KINDS,
} from './task.js';
export { timeOf, timeText } from './time-text.js';
export { isToItself, type SocketEnds } from './to-itself.js';
export type { RegistrationRequest, TrainingRequest } from './training-request.js';
export { TRAINING_STATES, TRAINING_STEPS, type TrainingState, type TrainingStepKind } from './training-state.js';
export type { LabelRow, RecordRow, Scalar } from './value.js';
export { type SourceId, Watermark, type WatermarkRules, type WatermarkState } from './watermark.js';
