// One set-up at a time writes to the cache: a lock file with the holder's pid; a dead holder's lock is taken over.
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { sweep } from './cache.mjs';
import { cacheRoot } from './paths.mjs';
import { say } from './terminal.mjs';

const lockWaitMs = 30 * 60_000;

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function tryLock(file) {
  try {
    const handle = openSync(file, 'wx');
    writeSync(handle, String(process.pid));
    closeSync(handle);
    return undefined;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  const holder = Number.parseInt(readFileSync(file, 'utf8'), 10);
  // An empty file is a holder between open and write; older than a few seconds it died there.
  if (Number.isInteger(holder) ? alive(holder) : Date.now() - statSync(file).mtimeMs < 5_000) return holder || -1;
  rmSync(file, { force: true });
  return tryLock(file);
}

export async function withCacheLock(action) {
  mkdirSync(cacheRoot, { recursive: true });
  const file = join(cacheRoot, 'lock');
  const startedMs = Date.now();
  for (let waited = false; ; waited = true) {
    const holder = tryLock(file);
    if (holder === undefined) break;
    if (!waited) say(`  another set-up (process ${holder}) is writing to ${cacheRoot}; waiting for it …`);
    if (Date.now() - startedMs > lockWaitMs)
      throw new Error(`the set-up of process ${holder} holds ${file} for more than 30 minutes`);
    await new Promise((wake) => setTimeout(wake, 500));
  }
  const release = () => {
    if (existsSync(file) && readFileSync(file, 'utf8') === String(process.pid)) rmSync(file, { force: true });
  };
  process.once('exit', release);
  try {
    sweep();
    return await action();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}
