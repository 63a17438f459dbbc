// The records of a JSON list or of JSON objects, one a line, that go into the live stream: as they are, integers with
// all their digits. The file is read whole.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { PlatformError, parseExactJson } from '@millrace/domain';

interface RecordFile {
  readonly records: readonly unknown[];
  readonly sha256: string;
}

/** @throws PlatformError 'invalid_argument' where a part of it is no JSON, with its line */
export function recordFile(path: string): RecordFile {
  const wrong = (what: string, cause?: unknown) =>
    new PlatformError('invalid_argument', `${path} ${what}; --stream takes a JSON list or one JSON object a line`, {
      cause,
    });
  let bytes: Buffer;
  try {
    bytes = readFileSync(resolve(path));
  } catch (cause) {
    throw wrong(`cannot be read (${(cause as Error).message})`, cause);
  }
  const text = bytes.toString('utf8').trim();
  if (text === '') throw wrong('is empty');
  const parsed = (part: string, where: string): unknown => {
    try {
      return parseExactJson(part);
    } catch (cause) {
      throw wrong(`${where} is no JSON (${(cause as Error).message})`, cause);
    }
  };
  const records = text.startsWith('[')
    ? (parsed(text, 'as a list') as unknown[])
    : text.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [parsed(line, `line ${i + 1}`)]));
  return { records, sha256: createHash('sha256').update(bytes).digest('hex') };
}
