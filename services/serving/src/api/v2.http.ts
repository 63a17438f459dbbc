// The V2 protocol over REST, as a plugin of the service's own Fastify: core, configuration, statistics, repository,
// trace, logging, generate. A wrong method is 405 with Allow, an unknown V2 path 404, shared memory 501.

import { modelConfigJson } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { parseRestJson } from '@millrace/inference';
import type { FastifyInstance, FastifyReply, HTTPMethods } from 'fastify';
import { modelConfigMessage, versionStatisticsJson } from '../models/descriptions.js';
import { type ArtifactPorts, registerArtifacts } from './artifacts.http.js';
import { BODY_BYTES_MAX, bodyOf } from './bodies.http.js';
import { fail, generate, generateStream, type InferHttpPorts, infer, type ModelRequest } from './infer.http.js';
import { type LoadValue, loadParameters, unloadParameters } from './load-parameters.js';
import { changeLogSettings, type LogValue } from './log-settings.js';
import { SERVER_METADATA } from './server-metadata.js';
import { sharedMemoryRefused, type V2Ports } from './v2-rpcs.grpc.js';

export interface V2HttpPorts extends V2Ports, InferHttpPorts, ArtifactPorts {}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const satisfies readonly HTTPMethods[];
type Method = 'GET' | 'POST';
type Handler = (request: ModelRequest, reply: FastifyReply) => unknown;
type Json = Readonly<Record<string, unknown>>;

/** Triton's habit: 200 with an empty body, or 400. */
function readiness(ready: (request: ModelRequest) => boolean | Promise<boolean>): Handler {
  return async (request, reply) => reply.code((await ready(request)) ? 200 : 400).send();
}

/** Answers with what `read` gives; a PlatformError becomes V2's error body. */
function json(read: (request: ModelRequest) => unknown): Handler {
  return async (request, reply) => {
    try {
      const value = await read(request);
      return reply.type('application/json').send(value === undefined ? '' : JSON.stringify(value));
    } catch (error) {
      fail(reply, error);
      return reply;
    }
  };
}

/** A JSON object; an empty body counts as {}. */
async function objectOf(request: ModelRequest): Promise<Json> {
  const body = await bodyOf(request);
  return body.length === 0 ? {} : parseRestJson(body);
}

function parametersOf(body: Json): [string, LoadValue][] {
  const { parameters = {} } = body;
  if (typeof parameters !== 'object' || parameters === null || Array.isArray(parameters)) {
    throw new PlatformError('invalid_argument', "'parameters' must be a JSON object");
  }
  return Object.entries(parameters as Record<string, LoadValue>);
}

/** Trace settings come as texts, numbers, lists of them, or null to clear one. */
function traceChanges(body: Json): [string, readonly string[]][] {
  return Object.entries(body).map(([name, value]) => {
    const values = value === null ? [] : Array.isArray(value) ? value : [value];
    return [name, values.map(String)];
  });
}

/** As Triton writes them: the level as a list, the rest as texts. */
function traceJson(values: Readonly<Record<string, readonly string[]>>): Json {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, name === 'trace_level' ? value : (value[0] ?? '')]),
  );
}

class Routes {
  constructor(private readonly http: FastifyInstance) {}

  /** Registers the handlers of a path, and 405 for every other method. */
  add(path: string, handlers: Partial<Record<Method, Handler>>): void {
    for (const [method, handler] of Object.entries(handlers)) {
      this.http.route({ method: method as Method, url: path, handler: handler as never });
    }
    const allowed = Object.keys(handlers).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    this.http.route({
      method: METHODS.filter((method) => !(method in handlers)),
      url: path,
      handler: (request, reply) =>
        reply
          .code(405)
          .header('allow', allowed.join(', '))
          .type('application/json')
          .send(JSON.stringify({ error: `${request.method} is not allowed here, ${allowed.join(' and ')} are` })),
    });
  }
}

function serverRoutes(routes: Routes, { models, repository, traces, logs, ready, statistics }: V2HttpPorts): void {
  routes.add('/v2', { GET: json(() => SERVER_METADATA) });
  routes.add('/v2/health/live', { GET: readiness(() => true) });
  routes.add('/v2/health/ready', { GET: readiness(ready) });
  routes.add('/v2/models/stats', {
    GET: json(async () => ({ model_stats: (await statistics.select('', '')).map(versionStatisticsJson) })),
  });
  const logging = json(async (request) =>
    changeLogSettings(
      logs,
      request.method === 'GET' ? [] : (Object.entries(await objectOf(request)) as [string, LogValue][]),
    ),
  );
  routes.add('/v2/logging', { GET: logging, POST: logging });
  const tracing = json(async (request) => {
    const model = request.params.model ?? '';
    if (model !== '') models.versionsOf(model);
    return traceJson(traces.change(model, request.method === 'GET' ? [] : traceChanges(await objectOf(request))));
  });
  routes.add('/v2/trace/setting', { GET: tracing, POST: tracing });
  routes.add('/v2/models/:model/trace/setting', { GET: tracing, POST: tracing });
  for (const repo of ['/v2/repository', '/v2/repository/:repository']) {
    routes.add(`${repo}/index`, {
      POST: json(async (request) => {
        const { ready: only = false } = await objectOf(request);
        return models.repositoryIndex(only === true);
      }),
    });
    routes.add(`${repo}/models/:model/load`, {
      POST: json(async (request) => {
        await repository.load(request.params.model, loadParameters(parametersOf(await objectOf(request))));
      }),
    });
    routes.add(`${repo}/models/:model/unload`, {
      POST: json(async (request) => {
        await repository.unload(request.params.model, unloadParameters(parametersOf(await objectOf(request))));
      }),
    });
  }
}

function modelRoutes(routes: Routes, ports: V2HttpPorts): void {
  const { models, ready, statistics } = ports;
  const found = ({ params }: ModelRequest) => models.find(params.model, params.version ?? '');
  for (const path of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    routes.add(path, {
      GET: json((request) => ({ ...found(request).metadata, versions: models.versionsOf(request.params.model) })),
    });
    routes.add(`${path}/ready`, {
      GET: readiness(async ({ params }) => ready() && (await statistics.isReady(params.model, params.version ?? ''))),
    });
    routes.add(`${path}/config`, { GET: json((request) => modelConfigJson(modelConfigMessage(found(request).spec))) });
    routes.add(`${path}/stats`, {
      GET: json(async ({ params }) => ({
        model_stats: (await statistics.select(params.model, params.version ?? '')).map(versionStatisticsJson),
      })),
    });
    routes.add(`${path}/infer`, { POST: infer(ports) });
    routes.add(`${path}/generate`, { POST: generate(ports) });
    routes.add(`${path}/generate_stream`, { POST: generateStream(ports) });
  }
}

function sharedMemoryRoutes(http: FastifyInstance): void {
  for (const kind of ['systemsharedmemory', 'cudasharedmemory']) {
    for (const path of [`/v2/${kind}`, `/v2/${kind}/*`]) {
      http.all(path, (_request, reply) => fail(reply, sharedMemoryRefused()));
    }
  }
}

/** Registers the routes; call before the server listens. */
export function registerV2(root: FastifyInstance, ports: V2HttpPorts): void {
  root.register(async (http) => {
    http.removeAllContentTypeParsers();
    http.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: BODY_BYTES_MAX }, (_request, body, done) =>
      done(null, body),
    );
    http.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) =>
      fail(reply, (error.statusCode ?? 500) < 500 ? new PlatformError('invalid_argument', error.message) : error),
    );
    const routes = new Routes(http);
    serverRoutes(routes, ports);
    modelRoutes(routes, ports);
    registerArtifacts(http, ports);
    sharedMemoryRoutes(http);
    http.all('/v2/*', (_request, reply) => fail(reply, new PlatformError('not_found', 'not a V2 path')));
  });
}
