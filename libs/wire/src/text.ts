// UTF-8 for texts of messages. Short ASCII goes through a loop, because calls out of JavaScript cost more than the work
// for names of a few bytes; anything else goes through Buffer, TextDecoder or TextEncoder.

import { type ErrorCode, PlatformError } from '@millrace/domain';

/** What malformed bytes are: the caller's fault, or broken on their way. */
export interface WireRules {
  readonly code: ErrorCode;
  /** Of texts that are not UTF-8: refused, or read with U+FFFD in place of what is not. */
  readonly badText: 'refuse' | 'replace';
}

/** Of requests. */
export const FROM_CALLERS: WireRules = { code: 'invalid_argument', badText: 'refuse' };

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();
/** Longest text decoded by the loop; measured crossover against TextDecoder on Node 22 is about 40 bytes. */
const LOOP_BYTES_MAX = 40;
/** Longest text that is looked up: a digest of 64 digits that is in every message costs a third of what it took. */
const SLOT_BYTES_MAX = 96;

// Names, datatypes and category values repeat from message to message: a text seen before is not built again, and comes
// as the same flat string, which makes map look-ups cheap. One slot each, the newest wins. Messages of one kind have
// their names in one order: the text that came after this one the last time is tried before anything is computed.
const SLOTS = 2048;
const recent: string[] = new Array<string>(SLOTS).fill('');
/** Their bytes: comparing bytes costs a fraction of comparing them with a string's characters. */
const recentBytes = new Uint8Array(SLOTS * SLOT_BYTES_MAX);
const recentLengths = new Uint8Array(SLOTS);
/** By slot: that of the text which came next. */
const next = new Uint16Array(SLOTS);
let last = 0;

function isAt(slot: number, bytes: Uint8Array, start: number, length: number): boolean {
  if (recentLengths[slot] !== length) return false;
  const from = slot * SLOT_BYTES_MAX;
  for (let i = 0; i < length; i++) if (recentBytes[from + i] !== bytes[start + i]) return false;
  return true;
}

/** undefined = it is not ASCII. */
function fromSlot(bytes: Uint8Array, start: number, end: number): string | undefined {
  const length = end - start;
  const guess = next[last] as number;
  if (isAt(guess, bytes, start, length)) {
    last = guess;
    return recent[guess];
  }
  let hash = length;
  let high = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    high |= byte;
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  if (high > 127) return undefined;
  const slot = (hash ^ (hash >>> 11)) & (SLOTS - 1);
  next[last] = slot;
  last = slot;
  if (isAt(slot, bytes, start, length)) return recent[slot];
  let text = '';
  if (length > LOOP_BYTES_MAX) text = lenient.decode(bytes.subarray(start, end));
  else for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] as number);
  recent[slot] = text;
  recentLengths[slot] = length;
  const from = slot * SLOT_BYTES_MAX;
  for (let i = 0; i < length; i++) recentBytes[from + i] = bytes[start + i] as number;
  return text;
}

/** Decodes [start, end) of a text that is likely to come again. */
export function decodeText(bytes: Uint8Array, start: number, end: number, rules: WireRules = FROM_CALLERS): string {
  if (end - start <= SLOT_BYTES_MAX) {
    const text = fromSlot(bytes, start, end);
    if (text !== undefined) return text;
  }
  if (rules.badText === 'replace') return decodeTextLossy(bytes, start, end);
  try {
    return strict.decode(bytes.subarray(start, end));
  } catch (cause) {
    throw new PlatformError(rules.code, 'a text is not valid UTF-8', { cause });
  }
}

/** Decodes [start, end), replacing what is not UTF-8. */
export function decodeTextLossy(bytes: Uint8Array, start: number, end: number): string {
  return lenient.decode(bytes.subarray(start, end));
}

/** UTF-8 length in bytes. */
export function textBytes(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    if (code < 0x800) length += 1;
    else if (code >= 0xd800 && code <= 0xdbff && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      length += 2;
      i++;
    } else length += 2;
  }
  return length;
}

/** Writes UTF-8 at `at`; the caller made room for textBytes(text). Returns the end. */
export function writeText(text: string, into: Uint8Array, at: number): number {
  if (text.length <= LOOP_BYTES_MAX) {
    let i = 0;
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) break;
      into[at + i] = code;
    }
    if (i === text.length) return at + i;
  }
  return at + encoder.encodeInto(text, into.subarray(at)).written;
}

export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}
