// The frame around every Nest service.

export { Answers, fastifyPath } from './answers.js';
export { type ArtifactFile, artifactHeaders, artifactPreflightHeaders, isUnchanged } from './artifact-headers.js';
export { type GuardedRequest, guardOfSettings, type RequestGuard, requestGuard } from './browser-guard.js';
export { defineService, type RunningService, type Service } from './define-service.js';
export { httpAnswer, PlatformErrorFilter } from './errors.filter.js';
export { BODY_BYTES_MAX } from './http.js';
export { watchParent } from './parent-watch.js';
export { Readiness, type ReadinessCheck, type ReadinessReport } from './readiness.js';
export type {
  GrpcParts,
  HttpParts,
  ServiceContext,
  ServiceDefinition,
  ServiceParts,
  Tick,
} from './service-parts.js';
export { Shutdown, within } from './shutdown.js';
