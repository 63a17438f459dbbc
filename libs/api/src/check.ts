// Holds a value against the schema of a call: bodies and queries where they come in, answers where a client reads them.
// All faults at once, each with the field it is about. Compiled once a schema; cost per check is a function call.

import { PlatformError } from '@millrace/domain';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Static, TObject, TSchema } from 'typebox';
import type { BodyOf, Endpoint, QueryOf } from './endpoint.js';

/** More than a person reads at once. */
const FAULTS_MAX = 8;
/** Values of a body up to which all its faults are looked for; of a larger one the first is named. */
const VALUES_MAX = 10_000;
/** Of what a caller sent, in a message. */
const SHOWN_LENGTH_MAX = 64;

const STRICT = { allErrors: true, strict: true, strictTypes: false, allowUnionTypes: true, verbose: true } as const;
const exact = validators(new Ajv2020(STRICT));
/** Every fault costs time and memory: a body of millions of wrong values must not hold the process. */
const first = validators(new Ajv2020({ ...STRICT, allErrors: false }));
/** Query parameters are texts: "20" is a number where the schema wants one; "1e999", " 5 " and "0x10" stay texts. */
const NUMBER = /^-?\d{1,20}(\.\d{1,20})?$/;

type Validators = (schema: TSchema) => ValidateFunction;

/** Compiles a schema once. */
function validators(ajv: Ajv2020): Validators {
  const compiled = new WeakMap<TSchema, ValidateFunction>();
  return (schema) => {
    let validate = compiled.get(schema);
    if (validate === undefined) {
      validate = ajv.compile(schema);
      compiled.set(schema, validate);
    }
    return validate;
  };
}

/** Whether a value holds at most so many values; looks at no more of them. */
function isSmall(value: unknown): boolean {
  const open: unknown[] = [value];
  for (let seen = 0; open.length > 0; seen++) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    const parts = Object.values(next);
    if (seen + open.length + parts.length > VALUES_MAX) return false;
    open.push(...parts);
  }
  return true;
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
};

/** "weights.0.version", as a caller would write it; `whole` where it is the value itself. */
function fieldOf({ instancePath }: ErrorObject, whole: string): string {
  const path = instancePath.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~');
  return path === '' ? whole : path;
}

function explained(error: ErrorObject, whole: string): string | undefined {
  const field = fieldOf(error, whole);
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case 'additionalProperties': {
      const known = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
      const name = String(params.additionalProperty).slice(0, SHOWN_LENGTH_MAX);
      return `unknown field ${name}; known: ${known.join(', ') || 'none'}`;
    }
    case 'required':
      return `${field === whole ? '' : `${field}.`}${params.missingProperty} is missing`;
    case 'type': {
      const wanted = [params.type as unknown].flat().map((type) => WORDS[type as string] ?? type);
      return `${field} is ${wanted.join(' or ')}`;
    }
    case 'enum':
      return `${field} is one of ${(params.allowedValues as unknown[]).join(', ')}`;
    case 'minimum':
      return `${field} is at least ${params.limit}`;
    case 'maximum':
      return `${field} is at most ${params.limit}`;
    case 'exclusiveMaximum':
      return `${field} is below ${params.limit}`;
    case 'maxLength':
      return `${field} is a text of at most ${params.limit} characters`;
    case 'minItems':
    case 'maxItems':
      return `${field} has ${error.keyword === 'minItems' ? 'at least' : 'at most'} ${params.limit} entries`;
    case 'pattern':
    case 'anyOf':
      return `${field} does not fit${described(error)}`;
    default:
      return `${field} ${error.message ?? error.keyword}`;
  }
}

function described({ parentSchema }: ErrorObject): string {
  const description = (parentSchema as { description?: string } | undefined)?.description;
  return description === undefined ? '' : `: ${description}`;
}

/** Faults that another one explains better are left out: those of the branches of an anyOf. */
function faultsOf(errors: readonly ErrorObject[], whole: string): string[] {
  const own = errors.filter(({ schemaPath }) => !/\/anyOf\/\d/.test(schemaPath));
  return [...new Set(own.flatMap((error) => explained(error, whole) ?? []))];
}

function held<T extends TSchema>(compiled: Validators, schema: T, value: unknown, whole: string): Static<T> {
  const validate = compiled(schema);
  if (validate(value)) return value as Static<T>;
  const faults = faultsOf(validate.errors ?? [], whole);
  const more = faults.length > FAULTS_MAX ? `; and ${faults.length - FAULTS_MAX} more` : '';
  throw new PlatformError('invalid_argument', `${faults.slice(0, FAULTS_MAX).join('; ')}${more}`, {
    facts: { faults: faults.length },
  });
}

/** @throws PlatformError 'invalid_argument' that names every field at fault. An absent body is {}. */
export function bodyOf<E extends Endpoint>(endpoint: E, value: unknown): BodyOf<E> {
  const given = value ?? {};
  return held(isSmall(given) ? exact : first, endpoint.body, given, 'the body') as BodyOf<E>;
}

/** Parameters of a query, numbers and truths made of their texts. An empty parameter counts as absent. */
export function queryOf<E extends Endpoint>(endpoint: E, parameters: Readonly<Record<string, unknown>>): QueryOf<E> {
  const query = endpoint.query as TObject;
  const wanted = query.properties as Readonly<Record<string, { type?: unknown }>>;
  const typeOf = (name: string) => (Object.hasOwn(wanted, name) ? String(wanted[name]?.type) : '');
  const typed = (type: string, value: unknown): unknown => {
    if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
    return ['number', 'integer'].includes(type) && NUMBER.test(String(value)) ? Number(value) : value;
  };
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === '' ? [] : [[name, typed(typeOf(name), value)] as const],
  );
  return held(exact, query, Object.fromEntries(given), 'the query') as QueryOf<E>;
}

/** @throws PlatformError 'internal': who answered and who reads do not mean the same. */
export function answerOf<T extends TSchema>(schema: T, value: unknown, what: string): Static<T> {
  try {
    return held(first, schema, value, 'the answer');
  } catch (cause) {
    const reason = PlatformError.from(cause).reason;
    throw new PlatformError('internal', `${what} answered something else than its API says: ${reason}`, { cause });
  }
}
