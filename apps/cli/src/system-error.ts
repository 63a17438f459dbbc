// What the operating system refuses, in words with the path: the command line meets files and folders of people
// everywhere, and "EISDIR: illegal operation" helps nobody. Everything else passes as it is.

import { type ErrorCode, PlatformError } from '@millrace/domain';

/** By the system's own name. A full disk and a limit of the machine are no fault of the command line. */
const WORDS: Readonly<Record<string, readonly [why: string, code: ErrorCode]>> = {
  ENOENT: ['there is no such file or folder', 'not_found'],
  EACCES: ['this user may not', 'invalid_argument'],
  EPERM: ['this user may not', 'invalid_argument'],
  EROFS: ['the disk is mounted read-only', 'invalid_argument'],
  EISDIR: ['it is a folder; name a file', 'invalid_argument'],
  ENOTDIR: ['a part of this path is a file, not a folder', 'invalid_argument'],
  EEXIST: ['it is there already', 'invalid_argument'],
  ELOOP: ['its links lead in a circle', 'invalid_argument'],
  ENAMETOOLONG: ['the name is too long', 'invalid_argument'],
  ENOSPC: ['the disk is full', 'internal'],
  EMFILE: ['too many files are open; `ulimit -n` raises the limit', 'internal'],
};
const CALLS: Readonly<Record<string, string>> = { scandir: 'list', mkdir: 'make', unlink: 'remove', rmdir: 'remove' };

interface SystemError extends Error {
  code: string;
  syscall: string;
  path?: string;
}

export function toldError(thrown: unknown): PlatformError {
  if (!isSystemError(thrown)) return PlatformError.from(thrown);
  if (thrown.syscall === 'uv_cwd')
    return new PlatformError('invalid_argument', 'the folder you are in is gone: `cd` to one that is there', {
      cause: thrown,
    });
  const [why, code] = WORDS[thrown.code] ?? [];
  if (why === undefined || code === undefined || thrown.path === undefined) return PlatformError.from(thrown);
  const call = CALLS[thrown.syscall] ?? thrown.syscall;
  return new PlatformError(code, `cannot ${call} ${thrown.path}: ${why}`, {
    facts: { path: thrown.path },
    cause: thrown,
  });
}

function isSystemError(thrown: unknown): thrown is SystemError {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown && 'syscall' in thrown;
}
