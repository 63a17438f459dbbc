// Completes package-lock.json after an `npm install`: npm leaves out optional packages of other platforms when the
// registry in use does not have them, and `npm ci` then refuses the lockfile ("Missing: … from lock file"). Each gets
// an entry with its platform, which npm reads, sees that it is not for this machine, and passes over.
// test/deploy/lockfile.spec.ts checks it.
//
//   node tools/setup/complete-lock.mjs
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './paths.mjs';

const systems = /android|darwin|linux|win32|windows|freebsd|openbsd|netbsd|openharmony|aix|sunos/;
const processors = /x64|arm64|ia32|armv7|armv6|arm|ppc64|s390x|riscv64|loong64/g;

/** Path of the package that `name` means for the package at `from`: the nearest node_modules above it. */
function resolvePath(packages, from, name) {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))) {
    const path = `${base === '' ? '' : `${base}/`}node_modules/${name}`;
    if (packages[path] !== undefined) return path;
    if (base === '') return undefined;
  }
}

function entryFor(name, range, parent) {
  const system = systems.exec(name)?.[0];
  const processor = [...name.matchAll(processors)].at(-1)?.[0];
  return {
    version: range.replace(/^[\^~]/, ''),
    ...(parent.dev ? { dev: true } : {}),
    optional: true,
    ...(system ? { os: [system === 'windows' ? 'win32' : system] } : {}),
    ...(processor ? { cpu: [processor.startsWith('armv') ? 'arm' : processor] } : {}),
    ...(name.includes('musl') ? { libc: ['musl'] } : name.includes('gnu') ? { libc: ['glibc'] } : {}),
  };
}

/** Entries that the lockfile lacks, by path; empty when `npm ci` accepts it. */
export function missingEntries(packages) {
  const missing = {};
  for (const [path, entry] of Object.entries(packages)) {
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      if (resolvePath(packages, path, name) === undefined)
        missing[`node_modules/${name}`] = entryFor(name, range, entry);
    }
  }
  return missing;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = join(root, 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const missing = missingEntries(lock.packages);
  const entries = Object.entries({ ...lock.packages, ...missing });
  lock.packages = Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b, 'en')));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  process.stdout.write(`${Object.keys(missing).length} entries added\n`);
}
