// What options and arguments of the command line may be: one rule a kind, each of which says what to write. A value
// that fits none is refused before anything is asked of the platform; nothing is rounded or guessed.

import { hostPortFault, parseDurationMs, parseSetting, type Setting } from '@millrace/deployment';
import { type Clock, PlatformError, timeOf } from '@millrace/domain';
import { DURATION_PATTERN, PROJECT_NAME, parseDuration } from '@millrace/project';
import { csvTerms } from '@millrace/tabular';
import { InvalidArgumentError } from 'commander';

/** Versions are 32-bit integers on the wire. */
export const VERSION_MAX = 2_147_483_647;
/** What a 32-bit generator takes. */
export const SEED_MAX = 4_294_967_295;
/** No bound of ours: what a number of JSON holds exactly. */
export const ROWS_MAX = Number.MAX_SAFE_INTEGER;

interface Share {
  version: number;
  weight: number;
}

const WHOLE = /^\d{1,16}$/;

/** A number without sign, point and exponent. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = WHOLE.test(text) ? Number(text) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`Write a whole number from ${min} to ${max}.`);
  };
}

/** The same, or the word. */
export function wholeNumberOr<Word extends string>(word: Word, min: number, max: number) {
  const number = wholeNumber(min, max);
  return (text: string): number | Word => {
    if (text === word) return word;
    try {
      return number(text);
    } catch {
      throw new InvalidArgumentError(`Write a whole number from ${min} to ${max}, or "${word}".`);
    }
  };
}

const PROJECT = new RegExp(PROJECT_NAME);

export function projectName(text: string): string {
  if (PROJECT.test(text)) return text;
  throw new InvalidArgumentError(
    "Write a project's name: lower-case letters, digits and -, a letter first, at most 63 characters.",
  );
}

/** An id, as a list of its kind shows it. */
export function someId(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError('Write an id, as its list shows it.');
}

/** Milliseconds since the epoch; a date or time without a zone is UTC. */
export function time(text: string): number {
  const ms = timeOf(text);
  if (!Number.isNaN(ms)) return ms;
  throw new InvalidArgumentError('Write a date or a time in UTC, like 2026-01-31 or 2026-01-31T12:00Z.');
}

/** A time span, as project files write it. */
export function duration(text: string): string {
  if (new RegExp(DURATION_PATTERN).test(text)) return text;
  throw new InvalidArgumentError('Write a duration such as 30s, 15m or 3h.');
}

/** The same in milliseconds, of at least and at most so long. */
export function durationMs(minMs: number, maxMs: number): (text: string) => number {
  return (text) => {
    const ms = parseDuration(text) ?? Number.NaN;
    if (ms >= minMs && ms <= maxMs) return ms;
    const [least, most] = [`${minMs / 1_000}s`, `${Math.floor(maxMs / 86_400_000)}d`];
    throw new InvalidArgumentError(`Write a duration such as 90m, 12h or 7d, from ${least} to ${most}.`);
  };
}

const ARM = /^(\d{1,10})=(\d{1,3})$/;

/** "4=50": a model version and its percent; one more of them. */
export function arm(text: string, before: readonly Share[] = []): readonly Share[] {
  const [, version, weight] = ARM.exec(text) ?? [];
  const share = { version: Number(version), weight: Number(weight) };
  if (!(share.version >= 1 && share.version <= VERSION_MAX && share.weight <= 100))
    throw new InvalidArgumentError('Write a model version and its percent, like 4=50.');
  if (before.some((one) => one.version === share.version))
    throw new InvalidArgumentError(`Version ${version} is named twice.`);
  return [...before, share];
}

export const port = wholeNumber(1, 65_535);

/** A text as a setting of a process takes it. */
export function settingText(setting: Setting): (text: string) => string {
  return (text) => {
    const parsed = parseSetting(setting, text);
    if (parsed.kind === 'ok') return text;
    throw new InvalidArgumentError(`It ${parsed.fault}.`);
  };
}

/** One of a few words; `known` as they are to be written. */
export function oneOf<const Word extends string>(known: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = known.find((one) => one === text);
    if (word !== undefined) return word;
    throw new InvalidArgumentError(`Write ${listed(known)}.`);
  };
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** A server of any machine. */
export function address(text: string): string {
  if (isAddress(text)) return text;
  throw new InvalidArgumentError('Write host:port.');
}

/** What is said of a CSV file, as libs/tabular takes it. */
export function csvText(name: 'delimiter' | 'decimal' | 'encoding'): (text: string) => string {
  return (text) => {
    try {
      csvTerms({ [name]: text });
      return text;
    } catch (thrown) {
      const what = PlatformError.from(thrown).reason.slice(`--${name} ${text}: `.length);
      throw new InvalidArgumentError(`${what.charAt(0).toUpperCase()}${what.slice(1)}.`);
    }
  };
}

/** Where predictions are asked for: a name that the platform knows the address of, or an address. */
export function endpoint(text: string): string {
  if (text === 'router' || text === 'serving' || isAddress(text)) return text;
  throw new InvalidArgumentError('Write router, serving or host:port.');
}

const isAddress = (text: string): boolean => hostPortFault(text) === undefined;

/** A time, or how long ago it was: 30m, 2h, 7d. */
export const sinceMs =
  ({ nowMs }: Pick<Clock, 'nowMs'>) =>
  (text: string): number => {
    // A number alone would be a year to one reader and milliseconds to another.
    const agoMs = /[a-z]$/.test(text) ? parseDurationMs(text) : undefined;
    if (agoMs !== undefined) return nowMs() - agoMs;
    const ms = timeOf(text);
    if (!Number.isNaN(ms)) return ms;
    throw new InvalidArgumentError('Write a date or a time in UTC, like 2026-01-31T12:00Z, or how long ago: 2h, 7d.');
  };
