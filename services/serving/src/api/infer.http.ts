// POST …/infer, …/generate and …/generate_stream: bodies are decoded by libs/inference or generate.ts, answers leave as
// JSON, as JSON with binary tensors, or as server-sent events.

import { Readable } from 'node:stream';
import { type Clock, PlatformError } from '@millrace/domain';
import {
  decodeRestRequest,
  encodeRestResponse,
  type InferRequest,
  type InferResponse,
  parseHeaderLength,
  parseRestJson,
  rawRestRequest,
  restError,
} from '@millrace/inference';
import { activeTraceparent } from '@millrace/telemetry';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Answer, CallFacts } from '../models/infer-job.js';
import type { ModelSet } from '../models/model-set.js';
import type { InFlight } from '../models/served-model.js';
import type { Predictor } from '../predict/predictor.js';
import { type Tracing, traced } from '../predict/request-tracer.js';
import { bodyOf, header, sendBytes } from './bodies.http.js';
import { generateJson, generateRequest, ONE_ANSWER } from './generate.js';

/** Events that wait for a caller who does not read; a decoupled model could write for ever. */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;

export interface InferHttpPorts extends Tracing {
  models: ModelSet;
  predictor: Predictor;
  clock: Clock;
}

export interface ModelPath {
  model: string;
  version?: string;
}

export type ModelRequest = FastifyRequest<{ Params: ModelPath }>;
type Handler = (request: ModelRequest, reply: FastifyReply) => void;

export function fail(reply: FastifyReply, thrown: unknown): void {
  // A second failure of the same request, or a caller who is gone.
  if (reply.sent) return;
  const { status, body } = restError(PlatformError.from(thrown));
  reply.code(status).type('application/json').send(body);
}

function decode(request: ModelRequest, body: Buffer, models: ModelSet): InferRequest {
  const { model, version = '' } = request.params;
  const length = request.headers['inference-header-content-length'];
  const headerLength = parseHeaderLength(Array.isArray(length) ? length[0] : length);
  if (headerLength !== 0) return decodeRestRequest(body, headerLength, model, version);
  const { metadata, spec } = models.find(model, version);
  return rawRestRequest(body, metadata.inputs, model, version, spec.maxBatchSize > 0);
}

/** Reads the body, decodes, starts the request; `answer` and `decode` may throw, everything ends in an answer. */
function start(
  ports: InferHttpPorts,
  many: boolean,
  decodeBody: (request: ModelRequest, body: Buffer) => InferRequest,
  answers: (request: ModelRequest, reply: FastifyReply, decoded: InferRequest) => Answer,
): Handler {
  const { predictor, clock } = ports;
  return (request, reply) => {
    const arrivedAtMs = clock.monotonicMs();
    const incoming = activeTraceparent() ?? header(request, 'traceparent');
    const run = (body: Buffer): void => {
      const { facts, span } = traced(
        factsOf(request, incoming, arrivedAtMs),
        'http',
        ports,
        () => request.params.model,
      );
      let submitted: InFlight | undefined;
      try {
        const decoded = decodeBody(request, body);
        const answer = answers(request, reply, decoded);
        const done: Answer = (error, response, final) => {
          if (final) span?.end(error);
          answer(error, response, final);
        };
        submitted = many ? predictor.inferMany(decoded, facts, done) : predictor.infer(decoded, facts, done);
      } catch (error) {
        span?.end(PlatformError.from(error));
        fail(reply, error);
      }
      // A closed connection before the answer: the caller went away.
      if (submitted) reply.raw.once('close', () => reply.raw.writableFinished || submitted.cancel());
    };
    try {
      const body = bodyOf(request);
      if (body instanceof Promise) body.then(run).catch((error: unknown) => fail(reply, error));
      else run(body);
    } catch (error) {
      fail(reply, error);
    }
  };
}

function factsOf(request: ModelRequest, traceparent: string, arrivedAtMs: number): CallFacts {
  return {
    version: 0,
    entity: header(request, 'millrace-entity'),
    traceparent,
    arrivedAtMs,
    deadlineAtMs: Number.POSITIVE_INFINITY,
  };
}

export function infer(ports: InferHttpPorts): Handler {
  return start(
    ports,
    false,
    (request, body) => decode(request, body, ports.models),
    (request, reply, decoded) => (error, response) => {
      if (error) return fail(reply, error);
      const { body, headerLength } = encodeRestResponse(response as InferResponse, decoded);
      if (headerLength === undefined) reply.type('application/json');
      else reply.type('application/octet-stream').header('inference-header-content-length', headerLength);
      sendBytes(request, reply, body);
    },
  );
}

function generated({ models }: InferHttpPorts) {
  return (request: ModelRequest, body: Buffer): InferRequest => {
    const { model: name, version = '' } = request.params;
    const json = parseRestJson(body);
    const { metadata, spec } = models.find(name, version);
    return generateRequest(json, { name, inputs: metadata.inputs, batched: spec.maxBatchSize > 0 }, version);
  };
}

/** Exactly one answer, as one JSON object. */
export function generate(ports: InferHttpPorts): Handler {
  return start(ports, true, generated(ports), (request, reply) => {
    let only: InferResponse | undefined;
    let count = 0;
    return (error, response, final) => {
      if (error) return fail(reply, error);
      if (response && response.outputs.length > 0) {
        only = response;
        count++;
      }
      if (!final) return;
      if (!only || count !== 1) return fail(reply, new PlatformError('internal', ONE_ANSWER));
      reply.type('application/json');
      sendBytes(request, reply, Buffer.from(generateJson(only)));
    };
  });
}

/**
 * Server-sent events, one for each answer. An error before the first is an ordinary error; later ones are the last
 * event.
 */
export function generateStream(ports: InferHttpPorts): Handler {
  return start(ports, true, generated(ports), (_request, reply) => {
    let events: Readable | undefined;
    const send = (json: string): void => {
      if (!events) {
        events = new Readable({ read: () => undefined });
        reply.type('text/event-stream; charset=utf-8').header('cache-control', 'no-store').send(events);
      }
      events.push(`data: ${json}\n\n`);
      if (events.readableLength > UNREAD_BYTES_MAX) events.destroy(new Error('the caller does not read'));
    };
    return (error, response, final) => {
      if (events?.destroyed) return;
      if (error && !events) return fail(reply, error);
      if (error) send(restError(error).body);
      else if (response && response.outputs.length > 0) send(generateJson(response));
      if (!final) return;
      if (events) events.push(null);
      // No answer at all: an empty stream of events.
      else reply.type('text/event-stream; charset=utf-8').send('');
    };
  });
}
