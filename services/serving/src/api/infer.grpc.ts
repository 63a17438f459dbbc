// inference.GRPCInferenceService on the HTTP/2 server. ModelInfer and ModelStreamInfer handle bytes themselves, so that
// raw tensors stay views; the other rpcs are in v2-rpcs.grpc.ts.

import { GRPCInferenceService } from '@millrace/contracts';
import type { Clock, ErrorCode, PlatformError } from '@millrace/domain';
import {
  type BytesCall,
  type BytesStream,
  bindService,
  type CallHead,
  type GrpcServiceBinding,
  statusOfCode,
  streaming,
  unary,
} from '@millrace/grpc';
import { encodeInferResponse, type InferResponse, peekModel } from '@millrace/inference';
import { isQueueTimeout } from '../batching/expired.js';
import type { CallFacts } from '../models/infer-job.js';
import type { Predictor } from '../predict/predictor.js';
import { type Tracing, traced } from '../predict/request-tracer.js';
import { InferStream } from './infer-stream.js';
import { type V2Ports, v2Rpcs } from './v2-rpcs.grpc.js';

export interface InferGrpcPorts extends V2Ports, Tracing {
  predictor: Predictor;
  clock: Clock;
}

const allocate = (length: number): Uint8Array => Buffer.allocUnsafe(length);

/**
 * Codes that V2 has no status for, and what Triton says instead: a full queue is UNAVAILABLE, a wrong state a wrong
 * request.
 */
const V2_CODE: Partial<Record<ErrorCode, ErrorCode>> = {
  overloaded: 'unavailable',
  corrupt: 'internal',
  conflict: 'invalid_argument',
  permission_denied: 'invalid_argument',
};

/** The exact code goes along in the trailer millrace-code. */
export function v2Status(error: PlatformError): number {
  return statusOfCode(isQueueTimeout(error) ? 'unavailable' : (V2_CODE[error.code] ?? error.code));
}

/** Arguments of a call's refuse(). */
function refusal(error: PlatformError): [number, string, ErrorCode] {
  return [v2Status(error), error.reason, error.code];
}

function factsOf(call: CallHead): CallFacts {
  return {
    version: 0,
    entity: call.header('millrace-entity'),
    traceparent: call.header('traceparent'),
    arrivedAtMs: call.arrivedAtMs,
    deadlineAtMs: call.deadlineAtMs,
  };
}

/** '' where the bytes are no request; the decoder says so later. */
export function modelOf(request: Uint8Array): string {
  try {
    return peekModel(request).modelName;
  } catch {
    return '';
  }
}

function modelInfer(ports: InferGrpcPorts) {
  const { predictor } = ports;
  return (call: BytesCall, request: Uint8Array): void => {
    const { facts, span } = traced(factsOf(call), 'grpc', ports, () => modelOf(request));
    const submitted = predictor.inferBytes(request, facts, (error, response) => {
      span?.end(error);
      if (error) call.refuse(...refusal(error));
      else call.answer(encodeInferResponse(response as InferResponse, allocate));
    });
    if (submitted) call.onCancel = () => submitted.cancel();
  };
}

function modelStreamInfer(ports: InferGrpcPorts) {
  const { predictor, clock } = ports;
  return (stream: BytesStream): void => {
    const common = factsOf(stream);
    const session = new InferStream(
      {
        infer: (request, answer) => {
          const own = { ...common, arrivedAtMs: clock.monotonicMs() };
          const { facts, span } = traced(own, 'grpc', ports, () => request.modelName);
          return predictor.inferMany(request, facts, (error, response, final) => {
            if (final) span?.end(error);
            answer(error, response, final);
          });
        },
        write: (message) => stream.write(message),
        end: () => stream.end(),
        fail: (error) => stream.refuse(...refusal(error)),
        pause: () => stream.pause(),
        resume: () => stream.resume(),
        allocate,
      },
      stream.header('triton_grpc_error') === 'true',
    );
    stream.onMessage = (bytes) => session.message(bytes);
    stream.onEnd = () => session.end();
    stream.onDrain = () => session.drained();
    stream.onCancel = () => session.cancel();
  };
}

export function inferService(ports: InferGrpcPorts): GrpcServiceBinding {
  return bindService(GRPCInferenceService, v2Rpcs(ports), {
    statusOf: v2Status,
    bytes: { modelInfer: unary(modelInfer(ports)), modelStreamInfer: streaming(modelStreamInfer(ports)) },
  });
}
