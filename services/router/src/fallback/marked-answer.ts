// An answer that a fallback version gave says so: parameter `millrace_fallback_from` is the version that failed, beside
// `model_version`, which is the one that answered. The bytes are not decoded: entries of a map are appended
// (ModelInferResponse.parameters = 4, of InferParameter.int64_param = 2).

import { WireWriter } from '@millrace/wire';

export const FALLBACK_PARAMETER = 'millrace_fallback_from';

const KEY = Buffer.from(FALLBACK_PARAMETER, 'latin1');

export function markedAnswer(response: Uint8Array, failed: number, allocate: (size: number) => Uint8Array): Uint8Array {
  const value = WireWriter.growing(16);
  value.byte(0x10);
  for (let rest = failed; ; rest = Math.floor(rest / 128)) {
    value.byte(rest > 127 ? (rest % 128) + 128 : rest);
    if (rest <= 127) break;
  }
  const parameter = value.finish();
  const entryBytes = 2 + KEY.length + 2 + parameter.length;
  const out = allocate(response.length + 2 + entryBytes);
  out.set(response, 0);
  let at = response.length;
  // Each length is below 128: one byte.
  for (const [tag, bytes] of [
    [0x22, undefined],
    [0x0a, KEY],
    [0x12, parameter],
  ] as const) {
    out[at++] = tag;
    out[at++] = bytes === undefined ? entryBytes : bytes.length;
    if (bytes === undefined) continue;
    out.set(bytes, at);
    at += bytes.length;
  }
  return out;
}
