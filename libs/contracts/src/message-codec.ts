// Codec machinery for the rare messages (control, manifests, windows): protobuf-es does the bytes, this file turns its
// messages into plain domain objects and back. int64 becomes a safe number, a oneof of messages becomes
// { kind: <case>, ...fields }, required and closed texts are checked. Hot messages have hand-written codecs instead.
//
// Who reads a message to write it again must not lose what a later release has put into it: where the rules say
// `carried`, fields that are not known here stand in the plain object as `unread` (base64 of their wire form), and are
// written as they came.

import {
  create,
  type DescField,
  type DescMessage,
  type DescOneof,
  fromBinary,
  type Message,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { PlatformError } from '@millrace/domain';

export interface MessageRules {
  /** Texts that must not be empty, numbers that must not be 0, sub-messages and oneofs that must be set. */
  readonly required?: readonly string[];
  /** Texts with a closed set of values; anything else is `corrupt`. */
  readonly closed?: Readonly<Record<string, readonly string[]>>;
  /** It is read to be written again. */
  readonly carried?: boolean;
}

export interface MessageCodec<T> {
  encode(value: T): Uint8Array;
  /** Throws PlatformError('corrupt') for anything that is not a whole, valid message. */
  decode(bytes: Uint8Array): T;
}

type Plain = Record<string, unknown>;

/**
 * Makes a codec for a domain type that has the message's field names. Rules are by message name ("Route", "Target").
 */
export function messageCodec<T extends object>(
  schema: DescMessage,
  rules: Readonly<Record<string, MessageRules>>,
): MessageCodec<T> {
  return {
    encode: (value) => toBinary(schema, made(schema, value as Plain)),
    decode: (bytes) => {
      let message: Plain;
      try {
        message = fromBinary(schema, bytes) as unknown as Plain;
      } catch (error) {
        throw new PlatformError('corrupt', `not a ${schema.name}: ${(error as Error).message}`, { cause: error });
      }
      return toPlain(schema, message, rules) as T;
    },
  };
}

const INT64_TYPES: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);

function isInt64(field: DescField): boolean {
  return 'scalar' in field && field.scalar !== undefined && INT64_TYPES.has(field.scalar);
}

function safeNumber(value: bigint, where: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number))
    throw new PlatformError('corrupt', `${where} ${value} is outside the safe integers`);
  return number;
}

function toPlain(schema: DescMessage, message: Plain, rules: Readonly<Record<string, MessageRules>>): Plain {
  const plain: Plain = {};
  for (const member of schema.members) {
    if (member.kind === 'oneof') plain[member.localName] = oneofToPlain(member, message, rules);
    else plain[member.localName] = fieldToPlain(member, message[member.localName], rules);
  }
  check(schema, plain, rules[schema.name]);
  const { $unknown: unread = [] } = message as Partial<Message>;
  if (unread.length > 0 && rules[schema.name]?.carried === true) plain.unread = textOf(unread);
  return plain;
}

type Unread = NonNullable<Message['$unknown']>;

function textOf(unread: Unread): string {
  const writer = new BinaryWriter();
  for (const { no, wireType, data } of unread) writer.tag(no, wireType).raw(data);
  return Buffer.from(writer.finish()).toString('base64');
}

function unreadOf(text: string): Unread {
  const reader = new BinaryReader(Buffer.from(text, 'base64'));
  const unread: Unread = [];
  while (reader.pos < reader.len) {
    const [no, wireType] = reader.tag();
    unread.push({ no, wireType, data: reader.skip(wireType, no) });
  }
  return unread;
}

function made(schema: DescMessage, plain: Plain): Message {
  const message = create(schema, fromPlain(schema, plain) as never);
  if (typeof plain.unread === 'string') message.$unknown = unreadOf(plain.unread);
  return message;
}

function fieldToPlain(field: DescField, value: unknown, rules: Readonly<Record<string, MessageRules>>): unknown {
  const where = `${field.parent.name}.${field.name}`;
  if (field.fieldKind === 'message')
    return value === undefined ? undefined : toPlain(field.message, value as Plain, rules);
  if (field.fieldKind === 'list') {
    if (field.listKind === 'message') return (value as Plain[]).map((item) => toPlain(field.message, item, rules));
    if (isInt64(field)) return (value as bigint[]).map((item) => safeNumber(item, where));
    return value;
  }
  return typeof value === 'bigint' ? safeNumber(value, where) : value;
}

function oneofToPlain(oneof: DescOneof, message: Plain, rules: Readonly<Record<string, MessageRules>>): unknown {
  const chosen = message[oneof.localName] as { case: string | undefined; value?: unknown };
  if (chosen.case === undefined) return undefined;
  const field = oneof.fields.find((candidate) => candidate.localName === chosen.case) as DescField;
  if (field.fieldKind === 'message')
    return { kind: chosen.case, ...toPlain(field.message, chosen.value as Plain, rules) };
  return { kind: chosen.case, value: fieldToPlain(field, chosen.value, rules) };
}

function check(schema: DescMessage, plain: Plain, rules: MessageRules | undefined): void {
  for (const field of rules?.required ?? []) {
    const value = plain[field];
    if (value === undefined || value === '' || value === 0)
      throw new PlatformError('corrupt', `${schema.name} without ${field}`, { facts: { message: schema.name, field } });
  }
  for (const [field, allowed] of Object.entries(rules?.closed ?? {})) {
    if (!allowed.includes(plain[field] as string))
      throw new PlatformError(
        'corrupt',
        `${schema.name}.${field} "${String(plain[field])}" is none of ${allowed.join(', ')}`,
        {
          facts: { message: schema.name, field },
        },
      );
  }
}

function fromPlain(schema: DescMessage, plain: Plain): Plain {
  const init: Plain = {};
  for (const member of schema.members) {
    const value = plain[member.localName];
    if (value === undefined) continue;
    init[member.localName] =
      member.kind === 'oneof' ? oneofFromPlain(member, value as Plain) : fieldFromPlain(member, value);
  }
  return init;
}

function fieldFromPlain(field: DescField, value: unknown): unknown {
  if (field.fieldKind === 'message') return made(field.message, value as Plain);
  if (field.fieldKind === 'list') {
    if (field.listKind === 'message') return (value as Plain[]).map((item) => made(field.message, item));
    if (isInt64(field)) return Array.from(value as ArrayLike<number>, (item) => BigInt(item));
    return Array.from(value as ArrayLike<unknown>);
  }
  return isInt64(field) ? BigInt(value as number) : value;
}

function oneofFromPlain(oneof: DescOneof, value: Plain): unknown {
  const field = oneof.fields.find((candidate) => candidate.localName === value.kind);
  if (field === undefined)
    throw new PlatformError('invalid_argument', `${oneof.name} has no case ${String(value.kind)}`);
  if (field.fieldKind === 'message') return { case: field.localName, value: made(field.message, value) };
  return { case: field.localName, value: fieldFromPlain(field, value.value) };
}
