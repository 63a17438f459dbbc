// The download cache: a folder is complete when it has its final name (work in a temporary folder, then rename), and one
// set-up at a time writes (a lock file with the pid; a dead holder's lock is taken over). So set-up may be interrupted
// anywhere and run again.
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
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

/** Temporary folders left by an interrupted set-up; only called under the lock. */
function sweep() {
  for (const name of readdirSync(cacheRoot))
    if (name.startsWith('tmp-')) rmSync(join(cacheRoot, name), { recursive: true, force: true });
}

/** Fills a temporary folder by `fill(folder)` and gives it its final name. */
export async function makeFolder(target, fill) {
  const work = mkdtempSync(join(cacheRoot, 'tmp-'));
  try {
    await fill(work);
    if (!existsSync(target)) renameSync(work, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

export function writeAtomic(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, file);
}

export function folderBytes(folder) {
  let total = 0;
  let entries = [];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return 0; // gone while we looked: progress only
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) total += folderBytes(path);
    else if (entry.isFile()) {
      try {
        total += statSync(path).size;
      } catch {
        // removed between listing and stat: progress only
      }
    }
  }
  return total;
}
