// Bodies of the HTTP API, which arrive as texts: JSON values, NDJSON lines.

import { exactJson, PlatformError, parseExactJson } from '@millrace/domain';

export type Json = Record<string, unknown>;

export function jsonObject(body: string | undefined): Json {
  let value: unknown;
  try {
    value = JSON.parse(body === undefined || body === '' ? '{}' : body);
  } catch (error) {
    throw new PlatformError('invalid_argument', `the body is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new PlatformError('invalid_argument', 'the body is not a JSON object');
  return value as Json;
}

/** Items of a records or labels body: each with its text, and its parsed value where there is one. */
export interface BodyItem {
  text: string;
  /** Undefined when the text is not JSON; then `fault` says why. */
  value?: unknown;
  fault?: string;
}

/** NDJSON when the content type says so; otherwise one JSON value, an array being many items. */
export function bodyItems(body: string, isNdjson: boolean): BodyItem[] {
  if (isNdjson) {
    return body.split('\n').flatMap((line) => (line.trim() === '' ? [] : [parsed(line)]));
  }
  const whole = parsed(body);
  if (!Array.isArray(whole.value)) return [whole];
  return whole.value.map((value) => ({ text: '', value }));
}

function parsed(text: string): BodyItem {
  try {
    return { text, value: parseExactJson(text) };
  } catch (error) {
    return { text, fault: (error as Error).message.slice(0, 120) };
  }
}

/** The original bytes of an item, for its dead letter. */
export function itemBytes(item: BodyItem): Uint8Array {
  return new TextEncoder().encode(item.text === '' ? exactJson(item.value) : item.text);
}
