// gRPC: definitions from descriptors, clients, the HTTP/2 server of the hot ports, health, status codes.

export { acceptWaiting, turnOfLoop } from './accept-waiting.js';
export { createClient, type GrpcClient } from './client.js';
export { HealthState } from './health.js';
export { addHealthService } from './health-service.js';
export {
  type BytesAnswer,
  BytesClient,
  type BytesStreamEvents,
  type OpenBytesStream,
} from './http2-client/bytes-client.js';
export { bindService, type GrpcHandlers, type GrpcServiceBinding } from './http2-server/bindings.js';
export {
  type BytesCall,
  type BytesStream,
  type CallHead,
  type Method,
  streaming,
  type UnaryHandler,
  unary,
} from './http2-server/calls.js';
export { type RunningHttp2Server, startHttp2Server } from './http2-server/server.js';
export { InferClient } from './infer-client.js';
export { CHANNEL_OPTIONS, SERVER_OPTIONS } from './limits.js';
export { asBuffer, packageDefinition, serviceDefinition } from './service-definition.js';
export { codeOfStatus, fromServiceError, statusOfCode, toServiceError } from './status.js';
