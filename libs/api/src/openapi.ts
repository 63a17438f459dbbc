// The OpenAPI 3.1 document of an API, made from its endpoints. Schemas with a title stand in components and are named
// where they are used. OpenAPI 3.1 takes JSON Schema 2020-12 as it is, so nothing is translated.

import type { TSchema } from 'typebox';
import { type Api, type Endpoint, hasBody } from './endpoint.js';
import { ErrorAnswer } from './values.js';

type Json = Readonly<Record<string, unknown>>;

/** https://spec.openapis.org/oas/v3.1.1 */
const OPENAPI_VERSION = '3.1.1';

interface OpenApiDocument {
  openapi: string;
  info: Json;
  paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  components: { schemas: Readonly<Record<string, Json>> };
}

/** @param release version of the platform, for `info.version` */
export function openApiOf({ service, summary, endpoints }: Api, release: string): OpenApiDocument {
  const schemas: Record<string, Json> = {};
  const named = (schema: TSchema): Json => referenced(schema, schemas) as Json;
  const failure = {
    description: 'Refused, with the reason.',
    content: content('application/json', named(ErrorAnswer)),
  };
  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, endpoint] of Object.entries(endpoints)) {
    const path = endpoint.path.replaceAll('*}', '}');
    paths[path] ??= {};
    (paths[path] as Record<string, Json>)[endpoint.method.toLowerCase()] = {
      operationId: name,
      summary: endpoint.summary,
      parameters: [...pathParameters(endpoint), ...queryParameters(endpoint, named)],
      ...(hasBody(endpoint.method)
        ? { requestBody: { content: content(endpoint.bodyType, named(endpoint.body)) } }
        : {}),
      responses: { [endpoint.status]: success(endpoint, named), default: failure },
    };
  }
  return {
    openapi: OPENAPI_VERSION,
    info: {
      title: `Millrace ${service}`,
      summary,
      version: release,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: { schemas: sorted(schemas) },
  };
}

const content = (type: string, schema: Json): Json => ({ [type]: { schema } });

function success(endpoint: Endpoint, named: (schema: TSchema) => Json): Json {
  const description = endpoint.summary;
  return endpoint.status === 204
    ? { description }
    : { description, content: content(endpoint.answerType, named(endpoint.answer)) };
}

function pathParameters({ path }: Endpoint): Json[] {
  return [...path.matchAll(/\{(\w+)\*?\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters({ query }: Endpoint, named: (schema: TSchema) => Json): Json[] {
  const required: readonly string[] = (query as { required?: string[] }).required ?? [];
  return Object.entries(query.properties as Readonly<Record<string, TSchema>>).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: named(schema),
  }));
}

/** A copy in which titled schemas are references to `schemas`, where they are put. */
function referenced(schema: unknown, schemas: Record<string, Json>): unknown {
  if (Array.isArray(schema)) return schema.map((entry) => referenced(entry, schemas));
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, referenced(value, schemas)]));
  const { title } = copy as { title?: unknown };
  if (typeof title !== 'string') return copy;
  schemas[title] = copy;
  return { $ref: `#/components/schemas/${title}` };
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
