// config.pbtxt to inference.ModelConfig (proto/inference/model_config.proto), field by field along the message's own
// description: unknown fields, wrong kinds, numbers out of range and members of a oneof that exclude each other are
// faults with their place. What the values mean together is model-draft.codec.ts's part.

import { create, type DescEnum, type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import { modelConfigPb } from '@millrace/contracts';
import {
  type Fault,
  type Place,
  parseTextProto,
  type TextField,
  type TextMessage,
  type TextScalar,
} from './text-proto.js';

export interface ParsedConfig {
  config: modelConfigPb.ModelConfig;
  faults: Fault[];
  /** Where a message, or its field by its proto name, was written; undefined where it was not. */
  placeOf(message: object, field?: string): Place | undefined;
}

type Fields = Record<string, unknown>;

/** Range of integers by protobuf's scalar type; 64-bit ones are bigint in the message. */
const RANGES: Partial<Record<ScalarType, readonly [bigint, bigint]>> = {
  [ScalarType.INT32]: [-(2n ** 31n), 2n ** 31n - 1n],
  [ScalarType.UINT32]: [0n, 2n ** 32n - 1n],
  [ScalarType.INT64]: [-(2n ** 63n), 2n ** 63n - 1n],
  [ScalarType.UINT64]: [0n, 2n ** 64n - 1n],
};

const WIDE: ReadonlySet<ScalarType> = new Set([ScalarType.INT64, ScalarType.UINT64]);
const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  True: true,
  t: true,
  1: true,
  false: false,
  False: false,
  f: false,
  0: false,
};

class Reader {
  readonly places = new WeakMap<object, Map<string, Place>>();

  constructor(readonly faults: Fault[]) {}

  private fault({ line, column }: Place, what: string): undefined {
    this.faults.push({ line, column, what });
    return undefined;
  }

  message(desc: DescMessage, text: TextMessage): Message {
    const message = create(desc);
    const places = new Map<string, Place>([['', { line: text.line, column: text.column }]]);
    this.places.set(message, places);
    for (const given of text.fields) {
      const field = desc.fields.find(({ name }) => name === given.name);
      if (!field) {
        this.fault(given, unknownField(desc, given.name));
        continue;
      }
      const before = places.get(field.name);
      if (before && field.fieldKind !== 'list' && field.fieldKind !== 'map') {
        this.fault(given, `'${field.name}' is given twice, first in line ${before.line}`);
        continue;
      }
      const rival = field.oneof?.fields.find(({ name }) => name !== field.name && places.has(name));
      if (rival) {
        this.fault(given, `'${field.name}' and '${rival.name}' exclude each other`);
        continue;
      }
      places.set(field.name, { line: given.line, column: given.column });
      this.fill(message as unknown as Fields, field, given);
    }
    return message;
  }

  private fill(message: Fields, field: DescField, given: TextField): void {
    if (field.fieldKind === 'list') {
      const list = message[field.localName] as unknown[];
      for (const value of given.values) {
        const read = this.value(field, value);
        if (read !== undefined) list.push(read);
      }
      return;
    }
    if (field.fieldKind === 'map') {
      for (const value of given.values) this.entry(message[field.localName] as Fields, field, value);
      return;
    }
    const [first] = given.values;
    if (given.list) {
      this.fault(given, `'${field.name}' takes one value, not a list`);
      return;
    }
    const read = first && this.value(field, first);
    if (read === undefined) return;
    if (field.oneof) message[field.oneof.localName] = { case: field.localName, value: read };
    else message[field.localName] = read;
  }

  /** A map's entry is written as a message { key: … value: … }. */
  private entry(map: Fields, field: DescField & { fieldKind: 'map' }, given: TextMessage | TextScalar): void {
    if (given.kind !== 'message') {
      this.fault(given, `'${field.name}' takes { key: … value: … }`);
      return;
    }
    const byName = (name: string) => given.fields.find((one) => one.name === name)?.values[0];
    const stray = given.fields.find(({ name }) => name !== 'key' && name !== 'value');
    if (stray) this.fault(stray, `'${stray.name}' is no part of an entry of '${field.name}': key and value are`);
    const key = byName('key');
    const value = byName('value');
    if (key?.kind !== 'string' && key?.kind !== 'number') {
      this.fault(key ?? given, `an entry of '${field.name}' needs a key`);
      return;
    }
    const number = field.mapKey === ScalarType.STRING ? key.text : this.scalar(field.mapKey, key, field.name);
    if (number === undefined) return;
    if (Object.hasOwn(map, String(number))) this.fault(key, `'${field.name}' has the key '${number}' twice`);
    const read = value && this.value(field, value);
    if (read !== undefined) map[String(number)] = read;
    // An entry without a value has the default one, as protobuf reads it.
    else if (!value) map[String(number)] = field.message ? create(field.message) : '';
  }

  private value(field: DescField, given: TextMessage | TextScalar): unknown {
    if (field.message) {
      if (given.kind === 'message') return this.message(field.message, given);
      return this.fault(given, `'${field.name}' takes { … }, not '${given.text.slice(0, 32)}'`);
    }
    if (given.kind === 'message') return this.fault(given, `'${field.name}' takes a value, not { … }`);
    if (field.enum) return this.enumeration(field.enum, given, field.name);
    return this.scalar(field.scalar as ScalarType, given, field.name);
  }

  private enumeration(desc: DescEnum, given: TextScalar, name: string): number | undefined {
    const found = desc.values.find((value) => value.name === given.text || String(value.number) === given.text);
    if (found && given.kind !== 'string') return found.number;
    return this.fault(
      given,
      `'${given.text.slice(0, 32)}' is none of ${desc.values.map((one) => one.name).join(', ')} (${name})`,
    );
  }

  private scalar(type: ScalarType, given: TextScalar, name: string): unknown {
    const { text, kind } = given;
    const wrong = (expected: string): undefined => {
      const found = kind === 'string' ? `"${text.slice(0, 32)}"` : text.slice(0, 32);
      return this.fault(given, `'${name}' takes ${expected}, not ${found}`);
    };
    if (type === ScalarType.STRING || type === ScalarType.BYTES)
      return kind === 'string' ? text : wrong('a text in quotes');
    if (type === ScalarType.BOOL)
      return kind !== 'string' && Object.hasOwn(BOOLEANS, text) ? BOOLEANS[text] : wrong('true or false');
    if (type === ScalarType.FLOAT || type === ScalarType.DOUBLE) {
      const value = kind === 'string' ? undefined : floating(text);
      return value ?? wrong('a number');
    }
    const range = RANGES[type];
    const value = kind === 'number' ? whole(text) : undefined;
    if (!range || value === undefined) return wrong('a whole number');
    if (value < range[0] || value > range[1]) return wrong(`${range[0]} to ${range[1]}`);
    return WIDE.has(type) ? value : Number(value);
  }
}

function floating(text: string): number | undefined {
  const named = /^(-?)(?:(inf|infinity)|(nan))$/i.exec(text);
  if (named) return named[3] ? Number.NaN : named[1] ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const value = Number(text.replace(/[fF]$/, ''));
  return Number.isNaN(value) ? undefined : value;
}

/** Decimal, 0x… or 0…; undefined where it is none. */
function whole(text: string): bigint | undefined {
  const [, sign, digits = ''] = /^(-?)(0[xX][0-9a-fA-F]+|\d+)$/.exec(text) ?? [];
  if (digits === '') return undefined;
  const octal = /^0\d+$/.test(digits);
  if (octal && /[89]/.test(digits)) return undefined;
  const value = BigInt(octal ? `0o${digits.slice(1)}` : digits);
  return sign === '-' ? -value : value;
}

/** Names a field that was meant, where one differs by a letter or two. */
function unknownField(desc: DescMessage, name: string): string {
  const near = desc.fields
    .map((field) => field.name)
    .find((known) => distance(known, name) <= Math.min(2, name.length / 3));
  return `${desc.name} has no field '${name.slice(0, 64)}'${near === undefined ? '' : `; is '${near}' meant?`}`;
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** Never throws; with faults the message holds what could be read. */
export function parseConfigText(text: string): ParsedConfig {
  const { root, faults } = parseTextProto(text);
  const reader = new Reader(faults);
  const config = reader.message(modelConfigPb.ModelConfigSchema, root) as modelConfigPb.ModelConfig;
  return {
    config,
    faults: faults.sort((a, b) => a.line - b.line || a.column - b.column),
    placeOf: (message, field = '') => reader.places.get(message)?.get(field),
  };
}
