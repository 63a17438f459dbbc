// The frame around every Nest service.

export { type ArtifactFile, artifactHeaders, artifactPreflightHeaders, isUnchanged } from './artifact-headers.js';
export { type GuardedRequest, guardOfSettings, type RequestGuard, requestGuard } from './browser-guard.js';
export { type ErrorAnswer, HTTP_STATUS_BY_CODE, httpAnswer, PlatformErrorFilter } from './errors.filter.js';
export { BODY_BYTES_MAX } from './http.js';
export { Readiness, type ReadinessCheck, type ReadinessReport } from './readiness.js';
export {
  type RunningService,
  runService,
  type ServiceParts,
  type ServiceSettings,
  startService,
  watchParent,
} from './run-service.js';
export { Shutdown } from './shutdown.js';
