// Serves an API's OpenAPI document at /openapi.json, and sees to it that the document tells the truth: what is answered
// under /v1 and what the API names are the same calls, or the service does not start.

import { type Api, openApiOf } from '@millrace/api';
import { assert, RELEASE } from '@millrace/domain';
import type { FastifyInstance } from 'fastify';
import { fastifyPath } from './answers.js';

/** Fastify answers HEAD wherever it answers GET, and OPTIONS is asked by browsers. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);

export interface ServedApi {
  /** Call when all routes are registered. Throws where they are not those of the API. */
  check(): void;
}

export function serveApi(instance: FastifyInstance, api: Api): ServedApi {
  const answered = new Set<string>();
  instance.addHook('onRoute', ({ method, url }) => {
    if (!url.startsWith('/v1/')) return;
    for (const one of [method].flat()) if (METHODS.has(one)) answered.add(`${one} ${url}`);
  });
  const document = JSON.stringify(openApiOf(api, RELEASE));
  instance.get('/openapi.json', (_request, reply) => reply.type('application/json').send(document));
  return {
    check: () => {
      const named = new Set(Object.values(api.endpoints).map(({ method, path }) => `${method} ${fastifyPath(path)}`));
      const missing = [...named].filter((call) => !answered.has(call));
      const unnamed = [...answered].filter((call) => !named.has(call));
      assert(missing.length === 0, `libs/api names calls of ${api.service} that nobody answers: ${missing.join(', ')}`);
      assert(unnamed.length === 0, `${api.service} answers calls that libs/api does not name: ${unnamed.join(', ')}`);
    },
  };
}
