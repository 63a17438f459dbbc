// JSON whose integers keep all their digits: those that a double cannot hold come as bigint, and bigints are written as
// they were read. Anything else is as JSON.parse and JSON.stringify have it. A text without a long integer costs one
// search besides.

/** An integer that a double may not hold; digits within a text may match too, which costs time and changes nothing. */
const LONG_INTEGER = /(?<![\d.eE"\\-])-?\d{16,}(?![\d.eE])/;

/** Longer ones are no ids, and making a BigInt costs the square of its length. */
const DIGITS_MAX = 40;

/** Throws SyntaxError, as JSON.parse does. */
export function parseExactJson(text: string): unknown {
  return LONG_INTEGER.test(text) ? JSON.parse(text, exactInteger) : JSON.parse(text);
}

/** Reviver with the source text of the value, as Node 22 passes it. */
function exactInteger(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || !Number.isInteger(value)) return value;
  const source = context?.source ?? '';
  return source.length <= DIGITS_MAX && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

/** Of Node 22; the types of es2023 do not know it. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

export function exactJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? rawJSON(String(inner)) : inner));
}
