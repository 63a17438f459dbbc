// The frame around every Nest service.

export { Answers, fastifyPath } from './answers.js';
export { artifactHeaders, artifactPreflightHeaders, isUnchanged } from './artifact-headers.js';
export { guardOfSettings } from './browser-guard.js';
export { Caller } from './caller.js';
export { defineService, type RunningService } from './define-service.js';
export { httpAnswer } from './errors.filter.js';
export { watchParent } from './parent-watch.js';
export { sentPieces } from './sent-pieces.js';
export type { ServiceContext, ServiceParts, Tick } from './service-parts.js';
export { within } from './shutdown.js';
