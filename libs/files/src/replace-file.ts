// Replaces a file whole and durably: written under another name in the same folder, synced, renamed, the folder synced.
// Who reads sees the old bytes or the new ones, also after a power failure; when the call has come back, the new ones.
// The order of calls stands here once, for the promised and the blocking form.

import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { BLOCKING_CALLS, type FileCalls, PROMISED_CALLS } from './file-calls.js';

/** A sequence of calls; each `yield` comes back with what the call gave. */
type Steps<T = void> = Generator<unknown, T, never>;

function* syncFolder(path: string, calls: FileCalls): Steps {
  const folder = yield calls.open(path, 'r');
  try {
    yield calls.sync(folder);
  } finally {
    yield calls.close(folder);
  }
}

/** Makes the folder; one that is new is an entry of the folder above it, which is then synced as well. */
function* makeFolder(path: string, calls: FileCalls): Steps {
  const topmost = (yield calls.makeFolder(path)) as string | undefined;
  if (topmost === undefined) return;
  for (let made = path; made.length >= topmost.length; made = dirname(made)) yield* syncFolder(dirname(made), calls);
}

/** Of this process: containers that share a home may all be process 1. */
const TAG = randomBytes(6).toString('hex');
/** Names in use by writes of this process. A process that is killed in the middle of one leaves its temporary file. */
const taken = new Set<string>();

/**
 * Of this process and write alone. Begins with a dot: a listing of the folder's files leaves it out, and no path of the
 * artifact store can name it.
 */
function temporaryBeside(path: string): string {
  for (let slot = 0; ; slot++) {
    const name = join(dirname(path), `.${basename(path)}.tmp${TAG}-${slot}`);
    if (!taken.has(name)) return name;
  }
}

function* writing(path: string, bytes: Uint8Array | string, calls: FileCalls): Steps {
  const file = yield calls.open(path, 'w');
  try {
    yield calls.write(file, bytes);
    yield calls.sync(file);
  } finally {
    yield calls.close(file);
  }
}

function* renaming(from: string, to: string, calls: FileCalls): Steps {
  yield calls.rename(from, to);
  yield* syncFolder(dirname(to), calls);
}

function* replacing(path: string, bytes: Uint8Array | string, calls: FileCalls): Steps {
  const temporary = temporaryBeside(path);
  taken.add(temporary);
  try {
    yield* makeFolder(dirname(path), calls);
    yield* writing(temporary, bytes, calls);
    yield* renaming(temporary, path, calls);
  } catch (error) {
    try {
      yield calls.remove(temporary);
    } catch {
      // The first failure is the one to tell; the next write of this path takes the same temporary name.
    }
    throw PlatformError.from(error, 'unavailable');
  } finally {
    taken.delete(temporary);
  }
}

function* removing(path: string, calls: FileCalls): Steps {
  try {
    yield calls.remove(path);
    yield* syncFolder(dirname(path), calls);
  } catch (error) {
    // Without the folder there was no file to remove.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw PlatformError.from(error, 'unavailable');
  }
}

async function promised<T>(steps: Steps<T>): Promise<T> {
  let step = steps.next();
  while (!step.done) {
    let given: unknown;
    try {
      given = await step.value;
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(given as never);
  }
  return step.value;
}

/** A blocking call throws inside of the sequence itself. */
function blocking<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (!step.done) step = steps.next(step.value as never);
  return step.value;
}

/** @throws PlatformError 'unavailable' where the file system refuses; the old bytes are then still there. */
export function replaceFile(
  path: string,
  bytes: Uint8Array | string,
  calls: FileCalls = PROMISED_CALLS,
): Promise<void> {
  return promised(replacing(path, bytes, calls));
}

/** For the few who must not let anything else run meanwhile. */
export function replaceFileSync(path: string, bytes: Uint8Array | string, calls: FileCalls = BLOCKING_CALLS): void {
  blocking(replacing(path, bytes, calls));
}

/** Removes a file durably; nothing where there is none. */
export function removeFile(path: string, calls: FileCalls = PROMISED_CALLS): Promise<void> {
  return promised(removing(path, calls));
}

function* staging(path: string, bytes: Uint8Array | string, calls: FileCalls): Steps {
  yield* makeFolder(dirname(path), calls);
  yield* writing(path, bytes, calls);
  yield* syncFolder(dirname(path), calls);
}

function* placing(from: string, to: string, calls: FileCalls): Steps {
  yield* makeFolder(dirname(to), calls);
  yield* renaming(from, to, calls);
}

/** A file that nobody reads before it, or a folder above it, is placed: written where it is, and synced. */
export function writeStaged(path: string, bytes: Uint8Array | string): Promise<void> {
  return promised(staging(path, bytes, PROMISED_CALLS));
}

/**
 * Gives what was written and synced its name in the same file system, durably. @throws PlatformError with the system's
 * error as cause
 */
export async function placeFile(from: string, to: string): Promise<void> {
  try {
    await promised(placing(from, to, PROMISED_CALLS));
  } catch (error) {
    throw PlatformError.from(error, 'unavailable');
  }
}
