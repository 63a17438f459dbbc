// The HTTP side that every service has: health, metrics, body limits, parsers for text bodies, spans and durations.

import { HTTP_STATUS_BY_CODE } from '@millrace/api';
import {
  extractTrace,
  histogram,
  prometheusText,
  runInSpan,
  type Span,
  SpanKind,
  startSpan,
} from '@millrace/telemetry';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { guardOfSettings } from './browser-guard.js';
import type { Readiness } from './readiness.js';
import type { Holdings } from './service-parts.js';

/** 16 MiB: an NDJSON body of about 50k records. */
export const BODY_BYTES_MAX = 16 * 1024 * 1024;

const TEXT_BODIES = [
  'application/yaml',
  'application/x-yaml',
  'text/yaml',
  'application/x-ndjson',
  'application/ndjson',
  'text/csv',
];

/** Not measured and not traced: asked every second by supervisors and scrapers. */
const QUIET = new Set(['/health/live', '/health/ready', '/metrics']);

const durations = histogram('millrace.http.server_duration');

export function createHttpAdapter(bodyBytesMax: number): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: bodyBytesMax,
    // Streams (SSE) and idle keep-alive connections must not hold up the end; drain hooks have run by then.
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 512 },
    trustProxy: false,
  });
}

/**
 * @param streams bodies of bytes come as streams
 * @param startedAtMs of this process, so that whoever asks sees a restart
 * @param holds partitions by topic that this process has of its group; undefined where it shares none
 */
export function prepareHttp(
  instance: FastifyInstance,
  readiness: Readiness,
  streams: boolean,
  startedAtMs: number,
  holds?: () => Holdings,
): void {
  instance.addContentTypeParser(TEXT_BODIES, { parseAs: 'string' }, (_request, body, done) => done(null, body));
  if (streams) {
    instance.addContentTypeParser('application/octet-stream', (_request, body, done) => done(null, body));
  } else {
    instance.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    );
  }
  observe(instance);
  guard(instance);
  instance.get('/health/live', async () => ({ status: 'ok', startedAtMs, ...(holds ? { holds: holds() } : {}) }));
  instance.get('/health/ready', async (_request, reply) => {
    const report = await readiness.report();
    return reply
      .status(report.ready ? 200 : 503)
      .send({ status: report.ready ? 'ready' : 'not ready', checks: report.checks, troubles: report.troubles });
  });
  instance.get('/metrics', async (_request, reply) =>
    reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8').send(await prometheusText()),
  );
}

/** Answers on the spot, so that no plugin's own error handler decides what becomes of it. */
function guard(instance: FastifyInstance): void {
  const refusalOf = guardOfSettings();
  instance.addHook('onRequest', (request, reply, done) => {
    const message = refusalOf(request.raw);
    if (message === undefined) {
      done();
      return;
    }
    const code = 'permission_denied';
    // V2 has its own error body.
    const error = request.raw.url?.startsWith('/v2') ? message : { code, message };
    reply.code(HTTP_STATUS_BY_CODE[code]).type('application/json').send(JSON.stringify({ error }));
  });
}

function observe(instance: FastifyInstance): void {
  const spans = new WeakMap<FastifyRequest, Span>();
  instance.addHook('onRequest', (request, _reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    if (QUIET.has(route)) {
      done();
      return;
    }
    const span = startSpan(`${request.method} ${route}`, {
      kind: SpanKind.SERVER,
      parent: extractTrace(request.headers),
      attributes: { 'http.request.method': request.method, 'http.route': route },
    });
    spans.set(request, span);
    runInSpan(span, done);
  });
  instance.addHook('onResponse', (request, reply, done) => {
    const span = spans.get(request);
    if (span !== undefined) {
      span.setAttribute('http.response.status_code', reply.statusCode);
      span.end();
      durations.record(reply.elapsedTime, {
        route: `${request.method} ${request.routeOptions.url ?? 'unknown'}`,
        status: reply.statusCode,
      });
    }
    done();
  });
}
