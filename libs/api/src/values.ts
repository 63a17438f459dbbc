// Values that the calls of more than one service carry.

import Type, { type Static, type TSchema } from 'typebox';

/** A body: what no field names is a typing error and is refused. */
export function body<const Properties extends Readonly<Record<string, TSchema>>>(properties: Properties) {
  return Type.Object(properties, { additionalProperties: false });
}

/** An answer, or a part of one. With a title it is a schema of its own in the OpenAPI document. */
export function answer<const Properties extends Readonly<Record<string, TSchema>>>(
  properties: Properties,
  title?: string,
) {
  return Type.Object(properties, title === undefined ? {} : { title });
}

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** One of a closed set of words. */
export function word<const Words extends readonly string[]>(words: Words, description?: string) {
  return Type.Unsafe<Words[number]>({ type: 'string', enum: [...words], ...(description ? { description } : {}) });
}

export const count = (description?: string) =>
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, ...(description ? { description } : {}) });
/** The range of JavaScript's dates. */
const TIME_MS_MAX = 8.64e15;
export const timeMs = (description = 'Milliseconds since the epoch, UTC.') =>
  Type.Number({ description, minimum: -TIME_MS_MAX, maximum: TIME_MS_MAX });
/** A number that may not exist, such as the AUC of rows of one class. */
export const figure = (description?: string) => nullable(Type.Number(description ? { description } : {}));

/** A model version: 1, 2, 3 … */
export const version = () => Type.Integer({ minimum: 1, maximum: 2_147_483_647 });
/** 0 = none. */
export const versionOrNone = () => Type.Integer({ minimum: 0, maximum: 2_147_483_647, description: '0 = none.' });
export const sha256 = () => Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256, hexadecimal.' });
/** Text that travels with a command and is kept with what it did. */
export const note = (description: string) => Type.String({ maxLength: 1_024, description });

/** What every refused call answers. */
export const ErrorAnswer = Type.Object(
  {
    error: Type.Object({
      code: Type.String({ description: 'One of a closed set of words: invalid_argument, not_found, conflict …' }),
      message: Type.String({ description: 'What is wrong, and what to do.' }),
      facts: Type.Optional(
        Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
          description: 'Numbers and names of the message, for programs.',
        }),
      ),
    }),
  },
  { title: 'ErrorAnswer' },
);
export type ErrorAnswer = Static<typeof ErrorAnswer>;
