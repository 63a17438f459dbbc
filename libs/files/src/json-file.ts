// JSON files: replaced as replace-file.ts does it, and read with an answer that keeps "there is none" and "it is
// damaged" apart. What a damaged one means (stop, or begin anew) is the reader's to say.

import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { type FileCalls, PROMISED_CALLS } from './file-calls.js';
import { replaceFile, replaceFileSync } from './replace-file.js';

/** `value` is what JSON.parse made of it; whether it has the right shape is the reader's to check. */
export type JsonRead = { kind: 'ok'; value: unknown } | { kind: 'absent' } | { kind: 'corrupt'; error: PlatformError };

function parsed(path: string, text: string): JsonRead {
  try {
    return { kind: 'ok', value: JSON.parse(text) };
  } catch (cause) {
    return { kind: 'corrupt', error: new PlatformError('corrupt', `${path} is not JSON`, { cause }) };
  }
}

function unread(error: unknown): JsonRead {
  const { code } = error as NodeJS.ErrnoException;
  // Below a file there is nothing, either; who writes there is told.
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'absent' };
  throw PlatformError.from(error, 'unavailable');
}

/** @throws PlatformError 'unavailable' where the file system refuses. */
export async function readJson(path: string): Promise<JsonRead> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    return unread(error);
  }
  return parsed(path, text);
}

export function readJsonSync(path: string): JsonRead {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return unread(error);
  }
  return parsed(path, text);
}

/** Durable when it resolves. */
export function replaceJson(path: string, value: unknown, calls: FileCalls = PROMISED_CALLS): Promise<void> {
  return replaceFile(path, JSON.stringify(value), calls);
}

export function replaceJsonSync(path: string, value: unknown): void {
  replaceFileSync(path, JSON.stringify(value));
}

const SUFFIX = '.json';

/** The JSON files of a folder in the order of their names (without ".json"); none where there is no folder. */
export function readJsonFolderSync(folder: string): { name: string; read: JsonRead }[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw PlatformError.from(error, 'unavailable');
  }
  return names
    .filter((name) => name.endsWith(SUFFIX) && !name.startsWith('.'))
    .sort()
    .map((name) => ({ name: basename(name, SUFFIX), read: readJsonSync(join(folder, name)) }));
}
