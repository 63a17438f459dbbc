// Calls of an API by name, typed by its endpoints: `client.startRollout({ path, body })`. Who uses it brings the
// function that sends. Answers are held against their schema, errors become the PlatformError that the service threw.

import { ERROR_CODES, type ErrorCode, exactJson, PlatformError } from '@millrace/domain';
import { answerOf } from './check.js';
import {
  type AnswerOf,
  type Api,
  type BodyOf,
  type Endpoint,
  hasBody,
  type PathParameters,
  pathOf,
  type QueryOf,
} from './endpoint.js';
import { codeOfHttpStatus } from './http-status.js';

/** Of an answer that is no JSON, in a message. */
const SHOWN_LENGTH_MAX = 200;

export interface HttpRequest {
  method: string;
  url: string;
  /** Absent where there is no body. */
  contentType?: string;
  body?: string | Uint8Array;
}

export interface HttpAnswer {
  status: number;
  text: string;
}

/** Sends one request; rejects with a PlatformError where nobody answers. */
export type Send = (request: HttpRequest) => Promise<HttpAnswer>;

/** What a call takes: path parameters where its path has some, query and body where it has them. */
export type CallOf<E extends Endpoint> = (keyof PathParameters<E['path']> extends never
  ? unknown
  : { path: PathParameters<E['path']> }) &
  (Record<never, never> extends QueryOf<E> ? { query?: QueryOf<E> } : { query: QueryOf<E> }) &
  (Record<never, never> extends BodyOf<E> ? { body?: BodyOf<E> } : { body: BodyOf<E> });

type Arguments<E extends Endpoint> = Record<never, never> extends CallOf<E> ? [call?: CallOf<E>] : [call: CallOf<E>];

export type Client<A extends Api> = {
  readonly [Name in keyof A['endpoints']]: (
    ...call: Arguments<A['endpoints'][Name]>
  ) => Promise<AnswerOf<A['endpoints'][Name]>>;
};

interface AnyCall {
  path?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, unknown>>;
  body?: unknown;
}

/** `address`: "http://127.0.0.1:8010". */
export function clientOf<A extends Api>(api: A, address: string, send: Send): Client<A> {
  const calls = Object.entries(api.endpoints).map(([name, endpoint]) => [
    name,
    (call: AnyCall = {}) => called(api.service, endpoint, address, call, send),
  ]);
  return Object.fromEntries(calls) as Client<A>;
}

async function called(service: string, endpoint: Endpoint, address: string, call: AnyCall, send: Send) {
  const path = pathOf(endpoint.path, (call.path ?? {}) as never);
  const request: HttpRequest = { method: endpoint.method, url: `${address}${path}${queryText(call.query)}` };
  if (hasBody(endpoint.method)) {
    request.contentType = endpoint.bodyType;
    const asItIs = typeof call.body === 'string' || call.body instanceof Uint8Array;
    request.body = asItIs ? (call.body as string | Uint8Array) : exactJson(call.body ?? {});
  }
  const { status, text } = await send(request);
  const what = `${service}: ${endpoint.method} ${path}`;
  const refused = status < 200 || status > 299;
  if (refused && !(status === endpoint.refusedStatus && bringsAnswer(endpoint, text)))
    throw errorOf(status, text, what);
  return answerOf(endpoint.answer, text === '' ? null : parsed(text, what), what);
}

function queryText(query: Readonly<Record<string, unknown>> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  if (given.length === 0) return '';
  return `?${given.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&')}`;
}

/** Whether a refusal has all that an answer has. */
function bringsAnswer({ answer }: Endpoint, text: string): boolean {
  try {
    const json: unknown = JSON.parse(text);
    const { required = [] } = answer as { required?: readonly string[] };
    return typeof json === 'object' && json !== null && required.every((name) => Object.hasOwn(json, name));
  } catch {
    return false;
  }
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PlatformError('internal', `${what} answered no JSON: ${text.slice(0, SHOWN_LENGTH_MAX)}`, { cause });
  }
}

/** The error that a service answered, or what its status says. */
export function errorOf(status: number, text: string, what: string): PlatformError {
  const fallback = `${what}: status ${status} ${text.slice(0, SHOWN_LENGTH_MAX)}`.trim();
  let error: unknown;
  try {
    ({ error } = JSON.parse(text) as { error?: unknown });
  } catch {
    // Not JSON: the status and the first characters say what there is to say.
  }
  if (typeof error !== 'object' || error === null) return new PlatformError(codeOfHttpStatus(status), fallback);
  const { code, message, facts } = error as { code?: string; message?: string; facts?: Record<string, string> };
  const known = ERROR_CODES.includes(code as ErrorCode) ? (code as ErrorCode) : codeOfHttpStatus(status);
  return new PlatformError(known, message ?? fallback, { facts: facts ?? {} });
}
