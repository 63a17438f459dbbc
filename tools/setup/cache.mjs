// The download cache: a folder is complete when it has its final name (work in a temporary folder, then rename), so
// that set-up may be interrupted anywhere and run again. That one set-up at a time writes is lock.mjs's part.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheRoot } from './paths.mjs';

/** Temporary folders left by an interrupted set-up; only called under the lock. */
export function sweep() {
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
