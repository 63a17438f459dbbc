// What one HTTP call is: method, path, query, body and answer, as JSON Schemas that are TypeScript types at the same
// time. The controllers that answer it, the clients that call it and the OpenAPI document are made from this one
// object.

import Type, { type Static, type TObject, type TSchema } from 'typebox';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

const JSON_TYPE = 'application/json';

/** The schema of a call that takes no query, or no fields in its body. */
const NOTHING = Type.Object({}, { additionalProperties: false });
type Nothing = typeof NOTHING;

export interface Endpoint<
  Path extends string = string,
  Query extends TObject = TObject,
  Body extends TSchema = TSchema,
  Answer extends TSchema = TSchema,
> {
  readonly method: Method;
  /** OpenAPI's form: "/v1/projects/{project}/route"; "{file*}" takes slashes too. */
  readonly path: Path;
  /** One line for people. */
  readonly summary: string;
  /** Query parameters; all of them texts on the wire. */
  readonly query: Query;
  /** Of POST and PUT; what no field names is refused. */
  readonly body: Body;
  /** Fields may be added to an answer later: readers pass over those they do not know. */
  readonly answer: Answer;
  readonly status: number;
  /** Besides: a status of refusal that brings the answer, too, beside its error. */
  readonly refusedStatus: number | undefined;
  readonly bodyType: string;
  /** Media type of the answer; clients of libs/api read JSON. */
  readonly answerType: string;
}

interface EndpointParts<Path extends string, Query extends TObject, Body extends TSchema, Answer extends TSchema> {
  path: Path;
  summary: string;
  answer: Answer;
  query?: Query;
  body?: Body;
  status?: number;
  refusedStatus?: number;
  /** Default: application/json. */
  bodyType?: string;
  answerType?: string;
}

function endpoint<Path extends string, Query extends TObject, Body extends TSchema, Answer extends TSchema>(
  method: Method,
  parts: EndpointParts<Path, Query, Body, Answer>,
): Endpoint<Path, Query, Body, Answer> {
  return {
    method,
    path: parts.path,
    summary: parts.summary,
    query: parts.query ?? (NOTHING as unknown as Query),
    body: parts.body ?? (NOTHING as unknown as Body),
    answer: parts.answer,
    status: parts.status ?? 200,
    refusedStatus: parts.refusedStatus,
    bodyType: parts.bodyType ?? JSON_TYPE,
    answerType: parts.answerType ?? JSON_TYPE,
  };
}

export function get<Path extends string, Answer extends TSchema, Query extends TObject = Nothing>(
  parts: EndpointParts<Path, Query, Nothing, Answer>,
): Endpoint<Path, Query, Nothing, Answer> {
  return endpoint('GET', parts);
}

export function post<
  Path extends string,
  Answer extends TSchema,
  Body extends TSchema = Nothing,
  Query extends TObject = Nothing,
>(parts: EndpointParts<Path, Query, Body, Answer>): Endpoint<Path, Query, Body, Answer> {
  return endpoint('POST', parts);
}

export function put<Path extends string, Answer extends TSchema, Body extends TSchema, Query extends TObject = Nothing>(
  parts: EndpointParts<Path, Query, Body, Answer>,
): Endpoint<Path, Query, Body, Answer> {
  return endpoint('PUT', parts);
}

/** Whether a call of the method brings a body. */
export const hasBody = (method: Method): boolean => method === 'POST' || method === 'PUT';

export function remove<Path extends string, Answer extends TSchema, Query extends TObject = Nothing>(
  parts: EndpointParts<Path, Query, Nothing, Answer>,
): Endpoint<Path, Query, Nothing, Answer> {
  return endpoint('DELETE', parts);
}

type NameIn<Braces extends string> = Braces extends `${infer Name}*` ? Name : Braces;

/** The names in braces: { project: string } of "/v1/projects/{project}". */
export type PathParameters<Path extends string> = Path extends `${string}{${infer Braces}}${infer Rest}`
  ? { readonly [key in NameIn<Braces> | keyof PathParameters<Rest>]: string }
  : Readonly<Record<never, string>>;

export type QueryOf<E extends Endpoint> = Static<E['query']>;
export type BodyOf<E extends Endpoint> = Static<E['body']>;
export type AnswerOf<E extends Endpoint> = Static<E['answer']>;

/** As an answer is made: a part that will not be changed may be read-only. */
type Given<T> = T extends readonly (infer Entry)[]
  ? readonly Given<Entry>[]
  : T extends object
    ? { readonly [key in keyof T]: Given<T[key]> }
    : T;
export type AnswerGiven<E extends Endpoint> = Given<AnswerOf<E>>;

/** All calls of one service, by the name that clients call them by. */
export interface Api<Endpoints extends Readonly<Record<string, Endpoint>> = Readonly<Record<string, Endpoint>>> {
  readonly service: string;
  readonly summary: string;
  readonly endpoints: Endpoints;
}

/** Path of a call with its parameters filled in and escaped. */
export function pathOf<Path extends string>(path: Path, parameters: PathParameters<Path>): string {
  return path.replace(/\{(\w+)(\*?)\}/g, (_, name: string, whole: string) => {
    const value = (parameters as Readonly<Record<string, string>>)[name] ?? '';
    return whole === '' ? encodeURIComponent(value) : value.split('/').map(encodeURIComponent).join('/');
  });
}
