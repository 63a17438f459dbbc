// InferParameter maps on the wire (`map<string, InferParameter>`): bool=1, int64=2, string=3, double=4, uint64=5.
// bigint ↔ int64 (uint64 above its range), number ↔ double.

import { PlatformError } from '@millrace/domain';
import {
  bigVarintBytes,
  delimitedBytes,
  malformed,
  textBytes,
  textFieldBytes,
  WIRE_64,
  WIRE_BYTES,
  WIRE_VARINT,
  type WireReader,
  type WireWriter,
} from '@millrace/wire';
import { NO_PARAMETERS, type Parameters, type ParameterValue } from './tensor.js';

/** Most parameters of one request or tensor. */
export const PARAMETERS_MAX = 256;
const INT64_MAX = 9223372036854775807n;

/** One map entry; `reader` stands at its start. */
export function readParameter(reader: WireReader, end: number): { key: string; value: ParameterValue | undefined } {
  let key = '';
  let value: ParameterValue | undefined;
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === 10) key = reader.name(end);
    else if (tag === 18) value = readChoice(reader, reader.lengthEnd(end)) ?? value;
    else reader.skip(tag, end);
  }
  reader.finish(end);
  return { key, value };
}

function readChoice(reader: WireReader, end: number): ParameterValue | undefined {
  let value: ParameterValue | undefined;
  while (reader.at < end) {
    const tag = reader.tag();
    switch (tag) {
      case (1 << 3) | WIRE_VARINT:
        value = reader.bool();
        break;
      case (2 << 3) | WIRE_VARINT:
        value = reader.int64();
        break;
      case (3 << 3) | WIRE_BYTES:
        value = reader.name(end);
        break;
      case (4 << 3) | WIRE_64:
        value = reader.double();
        break;
      case (5 << 3) | WIRE_VARINT:
        value = reader.uint64();
        break;
      default:
        reader.skip(tag, end);
    }
  }
  reader.finish(end);
  return value;
}

/** Collects map entries; a plain object without a prototype, so that no key is special. */
export class ParameterCollector {
  private collected: Record<string, ParameterValue> | undefined;
  private count = 0;

  read(reader: WireReader, end: number): void {
    const { key, value } = readParameter(reader, end);
    if (++this.count > PARAMETERS_MAX) malformed(`more than ${PARAMETERS_MAX} parameters`);
    if (value === undefined) return;
    this.collected ??= Object.create(null) as Record<string, ParameterValue>;
    this.collected[key] = value;
  }

  done(): Parameters {
    return this.collected ?? NO_PARAMETERS;
  }
}

export function parametersBytes(parameters: Parameters): number {
  if (parameters === NO_PARAMETERS) return 0;
  let total = 0;
  for (const key of Object.keys(parameters)) total += delimitedBytes(entryBytes(key, parameters[key]!));
  return total;
}

function choiceBytes(value: ParameterValue): number {
  if (typeof value === 'boolean') return 2;
  if (typeof value === 'bigint') return 1 + bigVarintBytes(value);
  if (typeof value === 'number') return 9;
  return delimitedBytes(textBytes(value));
}

function entryBytes(key: string, value: ParameterValue): number {
  return textFieldBytes(key) + delimitedBytes(choiceBytes(value));
}

export function writeParameters(writer: WireWriter, field: number, parameters: Parameters): void {
  if (parameters === NO_PARAMETERS) return;
  for (const key of Object.keys(parameters)) {
    const value = parameters[key]!;
    writer.open(field, entryBytes(key, value));
    writer.text(1, key);
    writer.open(2, choiceBytes(value));
    if (typeof value === 'boolean') {
      writer.byte(8);
      writer.byte(value ? 1 : 0);
    } else if (typeof value === 'bigint') {
      writer.byte(value > INT64_MAX ? 40 : 16);
      writer.bigVarint(value);
    } else if (typeof value === 'number') {
      writer.byte(33);
      writer.double(value);
    } else if (value === '') {
      writer.open(3, 0);
    } else writer.text(3, value);
  }
}

/**
 * Tensors in a region of the client's memory are no way to a service: said before a missing tensor is complained about.
 */
export function refuseSharedMemory(parameters: Parameters, tensor: string): void {
  if (parameters === NO_PARAMETERS || parameters.shared_memory_region === undefined) return;
  throw new PlatformError(
    'unimplemented',
    `tensor '${tensor.slice(0, 64)}' is in shared memory, which is not supported: send its bytes in the request`,
  );
}

/**
 * An integer parameter, or undefined where it was not given. Doubles without a fraction and decimal texts count too.
 */
export function integerParameter(parameters: Parameters, name: string): number | undefined {
  const value = parameters[name];
  if (value === undefined) return undefined;
  const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
  const integer = typeof number === 'bigint' ? Number(number) : number;
  if (typeof integer === 'number' && Number.isSafeInteger(integer)) return integer;
  throw new PlatformError('invalid_argument', `parameter '${name}' must be an integer`);
}

/** A text parameter, or '' where it was not given. */
export function textParameter(parameters: Parameters, name: string): string {
  const value = parameters[name];
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  throw new PlatformError('invalid_argument', `parameter '${name}' must be a text`);
}

/** Request parameters that say something of each row, as a JSON list of texts; an empty one says nothing of its row. */
export const ROW_IDS = 'row_ids';
export const ROW_ENTITIES = 'row_entities';

/**
 * Of such a parameter, a text for each of the request's rows; undefined where it was not given.
 *
 * @throws PlatformError invalid_argument where it is no list of `rows` texts of at most `charactersMax` characters
 */
export function rowTexts(
  parameters: Parameters,
  name: string,
  rows: number,
  charactersMax: number,
): readonly string[] | undefined {
  const given = textParameter(parameters, name);
  if (given === '') return undefined;
  const list = listIn(given);
  if (list === undefined || list.length !== rows || list.some((text) => typeof text !== 'string'))
    throw new PlatformError('invalid_argument', `parameter '${name}' must be a JSON list of ${rows} texts, one a row`);
  const long = list.find((text) => text.length > charactersMax);
  if (long === undefined) return list;
  throw new PlatformError(
    'invalid_argument',
    `parameter '${name}' has a text of ${long.length} characters, at most ${charactersMax} are allowed`,
  );
}

function listIn(text: string): string[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}
