// The HTTP APIs of the services: what may be asked, what is answered, and their OpenAPI documents.

export { CALLER_HEADERS, type CalledFrom, calledFrom, OWN_TOOL } from './caller.js';
export { bodyOf, queryOf } from './check.js';
export { type Client, clientOf, type HttpAnswer, type HttpRequest, type Send } from './client.js';
export type {
  AnswerGiven,
  AnswerOf,
  Api,
  BodyOf,
  Endpoint,
} from './endpoint.js';
export { codeOfHttpStatus, HTTP_STATUS_BY_CODE } from './http-status.js';
export { ingestApi } from './ingest.js';
export { loopNotes } from './loop-notes.js';
export { GOOD_GROUNDS, GOOD_VERDICTS, monitorApi, type WEBHOOK_STATES } from './monitor.js';
export { openApiOf } from './openapi.js';
export { routerApi } from './router.js';
export { servingApi } from './serving.js';
export { ROLLOUT_WORDS } from './steering.js';
export { LOOP_SAYS, LOOP_WORDS, type LoopWord, trainerApi } from './trainer.js';
export type { ErrorAnswer } from './values.js';
