// The V2 protocol over REST, as a plugin of the service's own Fastify: bodies arrive as bytes and are decoded by
// libs/inference. Beside it GET /v1/stats, Millrace's own numbers.

import type { Clock } from '@millrace/domain';
import { PlatformError } from '@millrace/domain';
import {
  decodeRestRequest,
  encodeRestResponse,
  type InferRequest,
  type InferResponse,
  rawRestRequest,
  restError,
} from '@millrace/inference';
import { activeTraceparent } from '@millrace/telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { modelConfigJson, versionStatisticsJson } from '../models/descriptions.js';
import type { ModelSet } from '../models/model-set.js';
import type { CallFacts } from '../predict/infer-job.js';
import type { Predictor } from '../predict/predictor.js';
import { isSampled, type RequestTracer } from '../predict/request-tracer.js';
import { SERVER_METADATA } from './server-metadata.js';

/** Largest request body: the same as a gRPC message. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;

export interface V2HttpPorts {
  models: ModelSet;
  predictor: Predictor;
  tracer: RequestTracer;
  clock: Clock;
  ready(): boolean;
  stats(): Record<string, unknown>;
}

interface ModelPath {
  model: string;
  version?: string;
}

type ModelRequest = FastifyRequest<{ Params: ModelPath }>;

function header(request: FastifyRequest, name: string): string {
  const value = request.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function fail(reply: FastifyReply, thrown: unknown): FastifyReply {
  const { status, body } = restError(PlatformError.from(thrown));
  return reply.code(status).type('application/json').send(body);
}

/** Triton's habit: 200 with an empty body, or 400. */
function readiness(reply: FastifyReply, ready: boolean): FastifyReply {
  return reply.code(ready ? 200 : 400).send();
}

function decode(request: ModelRequest, models: ModelSet): InferRequest {
  const { model, version = '' } = request.params;
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const length = header(request, 'inference-header-content-length');
  if (length === '0') return rawRestRequest(body, models.find(model, version).metadata.inputs, model, version);
  return decodeRestRequest(body, length === '' ? undefined : Number(length), model, version);
}

function infer(ports: V2HttpPorts) {
  return (request: ModelRequest, reply: FastifyReply): void => {
    const { models, predictor, tracer, clock } = ports;
    const arrivedAtMs = clock.monotonicMs();
    // The frame's own span of this call is active where there is one.
    const incoming = activeTraceparent() ?? header(request, 'traceparent');
    const span = isSampled(incoming) ? tracer.begin('http', incoming) : undefined;
    try {
      const decoded = decode(request, models);
      const facts: CallFacts = {
        version: 0,
        entity: header(request, 'millrace-entity'),
        traceparent: span?.traceparent ?? '',
        arrivedAtMs,
        deadlineAtMs: Number.POSITIVE_INFINITY,
      };
      const ticket = predictor.infer(decoded, facts, (error, response) => {
        span?.end(error);
        if (error) fail(reply, error);
        else answer(reply, response as InferResponse, decoded);
      });
      // A closed connection before the answer: the caller went away.
      if (ticket) reply.raw.once('close', () => reply.raw.writableFinished || ticket.cancel());
    } catch (error) {
      span?.end(PlatformError.from(error));
      fail(reply, error);
    }
  };
}

function answer(reply: FastifyReply, response: InferResponse, request: InferRequest): void {
  const { body, headerLength } = encodeRestResponse(response, request);
  if (headerLength === undefined) reply.type('application/json');
  else reply.type('application/octet-stream').header('inference-header-content-length', headerLength);
  reply.send(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
}

/** Answers with what `read` gives; a PlatformError becomes V2's error body. */
function json(read: (request: ModelRequest) => unknown) {
  return (request: ModelRequest, reply: FastifyReply): void => {
    try {
      reply.type('application/json').send(JSON.stringify(read(request)));
    } catch (error) {
      fail(reply, error);
    }
  };
}

/** Registers the routes; call before the server listens. */
export function registerV2(root: FastifyInstance, ports: V2HttpPorts): void {
  const { models } = ports;
  root.register(async (http) => {
    http.removeAllContentTypeParsers();
    http.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: BODY_BYTES_MAX }, (_request, body, done) =>
      done(null, body),
    );
    http.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) =>
      fail(reply, error.statusCode === 413 ? new PlatformError('invalid_argument', error.message) : error),
    );
    http.get(
      '/v2',
      json(() => SERVER_METADATA),
    );
    http.get('/v2/health/live', (_request, reply) => readiness(reply, true));
    http.get('/v2/health/ready', (_request, reply) => readiness(reply, ports.ready()));
    http.get(
      '/v2/models/stats',
      json(() => ({ model_stats: models.select('', '').map(versionStatisticsJson) })),
    );
    http.post(
      '/v2/repository/index',
      json(() => models.index()),
    );
    http.get(
      '/v1/stats',
      json(() => ports.stats()),
    );
    for (const path of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
      http.get(
        path,
        json(({ params }) => ({
          ...models.find(params.model, params.version ?? '').metadata,
          versions: models.versionsOf(params.model),
        })),
      );
      http.get<{ Params: ModelPath }>(`${path}/ready`, ({ params }, reply) =>
        readiness(reply, ports.ready() && models.isReady(params.model, params.version ?? '')),
      );
      http.get(
        `${path}/config`,
        json(({ params }) => modelConfigJson(models.find(params.model, params.version ?? ''))),
      );
      http.get(
        `${path}/stats`,
        json(({ params }) => ({
          model_stats: models.select(params.model, params.version ?? '').map(versionStatisticsJson),
        })),
      );
      http.post(`${path}/infer`, infer(ports));
    }
  });
}
