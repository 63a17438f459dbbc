// inference.GRPCInferenceService on the native server. ModelInfer and ModelStreamInfer handle bytes themselves: bad bytes are
// INVALID_ARGUMENT, not the INTERNAL of a failing deserialiser, and raw tensors stay views. What Triton has and Millrace
// has not yet answers UNIMPLEMENTED.

import type { ServerDuplexStream, ServerUnaryCall, sendUnaryData, UntypedHandleCall } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { GRPCInferenceService } from '@millrace/contracts';
import type { Clock, PlatformError } from '@millrace/domain';
import { asBuffer, bindService, type GrpcServiceBinding, toServiceError } from '@millrace/grpc';
import { decodeInferRequest, encodeInferResponse, encodeStreamResponse, type InferResponse } from '@millrace/inference';
import { modelConfigMessage, statisticsMessage } from '../models/descriptions.js';
import type { ModelSet } from '../models/model-set.js';
import type { CallFacts } from '../predict/infer-job.js';
import type { Predictor, Ticket } from '../predict/predictor.js';
import { isSampled, type RequestSpan, type RequestTracer } from '../predict/request-tracer.js';
import { SERVER_METADATA } from './server-metadata.js';

/** Requests of one ModelStreamInfer stream that may be unanswered; beyond, reading pauses. */
const STREAM_IN_FLIGHT_MAX = 1024;

export interface InferGrpcPorts {
  models: ModelSet;
  predictor: Predictor;
  tracer: RequestTracer;
  clock: Clock;
  ready(): boolean;
}

type UnaryBytes = ServerUnaryCall<Buffer, Buffer>;
type DuplexBytes = ServerDuplexStream<Buffer, Buffer>;

const allocate = (length: number): Uint8Array => Buffer.allocUnsafe(length);

/** V2's own habit: a full queue is UNAVAILABLE, as Triton says it. */
export function v2Error(error: PlatformError): ReturnType<typeof toServiceError> {
  const failed = toServiceError(error);
  return error.code === 'overloaded' ? { ...failed, code: status.UNAVAILABLE } : failed;
}

function factsOf(call: UnaryBytes | DuplexBytes, clock: Clock): CallFacts {
  const arrivedAtMs = clock.monotonicMs();
  const deadline = call.getDeadline();
  const deadlineMs = typeof deadline === 'number' ? deadline : deadline.getTime();
  return {
    version: 0,
    entity: String(call.metadata.get('millrace-entity')[0] ?? ''),
    traceparent: String(call.metadata.get('traceparent')[0] ?? ''),
    arrivedAtMs,
    deadlineAtMs: Number.isFinite(deadlineMs) ? arrivedAtMs + (deadlineMs - clock.nowMs()) : Number.POSITIVE_INFINITY,
  };
}

/** Replaces the caller's traceparent by that of the request's own span where the trace is sampled. */
export function traced(
  facts: CallFacts,
  door: 'grpc' | 'relay' | 'http',
  tracer: RequestTracer,
): { facts: CallFacts; span: RequestSpan | undefined } {
  if (!isSampled(facts.traceparent)) {
    return { facts: facts.traceparent === '' ? facts : { ...facts, traceparent: '' }, span: undefined };
  }
  const span = tracer.begin(door, facts.traceparent);
  return { facts: { ...facts, traceparent: span.traceparent }, span };
}

function modelInfer({ predictor, tracer, clock }: InferGrpcPorts) {
  return (call: UnaryBytes, callback: sendUnaryData<Buffer>): void => {
    const { facts, span } = traced(factsOf(call, clock), 'grpc', tracer);
    const ticket = predictor.inferBytes(call.request, facts, (error, response) => {
      span?.end(error);
      if (error) callback(v2Error(error));
      else callback(null, asBuffer(encodeInferResponse(response as InferResponse, allocate)));
    });
    if (ticket) call.on('cancelled', () => ticket.cancel());
  };
}

/** Answers as they come, each with its request's id; an error travels in error_message unless the caller set triton_grpc_error. */
function modelStreamInfer({ predictor, tracer, clock }: InferGrpcPorts) {
  return (call: DuplexBytes): void => {
    const asStatus = String(call.metadata.get('triton_grpc_error')[0] ?? '') === 'true';
    const tickets = new Set<Ticket>();
    let inFlight = 0;
    let ended = false;
    const finish = () => {
      if (ended && inFlight === 0) call.end();
    };
    call.on('data', (bytes: Buffer) => {
      const { facts, span } = traced(factsOf(call, clock), 'grpc', tracer);
      let ticket: Ticket | undefined;
      inFlight++;
      if (inFlight >= STREAM_IN_FLIGHT_MAX) call.pause();
      ticket = predictor.inferBytes(bytes, facts, (error, response) => {
        span?.end(error);
        inFlight--;
        if (ticket) tickets.delete(ticket);
        if (error && asStatus) call.emit('error', v2Error(error));
        else
          call.write(
            asBuffer(
              encodeStreamResponse({ error: error?.reason ?? '', response: response ?? idOnly(bytes) }, allocate),
            ),
          );
        call.resume();
        finish();
      });
      if (ticket) tickets.add(ticket);
    });
    call.on('end', () => {
      ended = true;
      finish();
    });
    call.on('cancelled', () => {
      for (const ticket of tickets) ticket.cancel();
    });
  };
}

/** A failed request of a stream is answered with its id, as far as it can be read. */
function idOnly(bytes: Uint8Array): InferResponse | undefined {
  try {
    const { id, modelName, modelVersion } = decodeInferRequest(bytes);
    return { id, modelName, modelVersion, parameters: {}, outputs: [] };
  } catch {
    // Unreadable bytes have no id.
    return undefined;
  }
}

export function inferService(ports: InferGrpcPorts): GrpcServiceBinding {
  const { models, ready } = ports;
  return bindService(
    GRPCInferenceService,
    {
      serverLive: () => ({ live: true }),
      serverReady: () => ({ ready: ready() }),
      modelReady: ({ name, version }) => ({ ready: ready() && models.isReady(name, version) }),
      serverMetadata: () => ({ ...SERVER_METADATA, extensions: [...SERVER_METADATA.extensions] }),
      modelMetadata: ({ name, version }) => {
        const { metadata } = models.find(name, version);
        const tensors = (specs: typeof metadata.inputs) =>
          specs.map(({ name: tensor, datatype, shape }) => ({ name: tensor, datatype, shape: shape.map(BigInt) }));
        return {
          name,
          versions: models.versionsOf(name),
          platform: metadata.platform,
          inputs: tensors(metadata.inputs),
          outputs: tensors(metadata.outputs),
        };
      },
      modelConfig: ({ name, version }) => ({ config: modelConfigMessage(models.find(name, version)) }),
      modelStatistics: ({ name, version }) => ({ modelStats: models.select(name, version).map(statisticsMessage) }),
      repositoryIndex: (request) => ({
        models: models.index().filter((entry) => !request.ready || entry.state === 'READY'),
      }),
    },
    {
      raw: ['modelInfer', 'modelStreamInfer'],
      native: {
        modelInfer: modelInfer(ports) as UntypedHandleCall,
        modelStreamInfer: modelStreamInfer(ports) as UntypedHandleCall,
      },
    },
  );
}
