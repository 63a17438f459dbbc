// Builds everything: generated protobuf code (buf), then JavaScript in dist/ (swc, one file to one file).
// swc rewrites "@millrace/<lib>" to relative paths, so that dist/ runs without symlinks or a loader.
// Types are checked by `npm run typecheck`, not here.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

function filesBelow(folder, matches, found = []) {
  if (!existsSync(folder)) return found;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'dist') continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) filesBelow(path, matches, found);
    else if (matches(path)) found.push(path);
  }
  return found;
}

const stampFile = join(root, 'libs/contracts/src/gen/.stamp');

function protoStamp() {
  const hash = createHash('sha256');
  for (const path of filesBelow(join(root, 'proto'), (p) => p.endsWith('.proto')).sort())
    hash.update(readFileSync(path));
  return hash.digest('hex');
}

const isGenerated = () => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === protoStamp();

/** Runs buf when a .proto file changed since the last generation. */
function generate() {
  if (isGenerated()) return;
  const bin = join(root, 'node_modules/.bin');
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH ?? ''}` };
  execFileSync(join(bin, 'buf'), ['generate'], { cwd: root, stdio: 'inherit', env });
  writeFileSync(stampFile, protoStamp());
}

/** What differs between sources and dist/: sources to compile, with their targets, and outputs whose source is gone. */
function staleFiles() {
  const sources = ['libs', 'services', 'apps', 'test', 'bench']
    .flatMap((folder) => filesBelow(join(root, folder), (p) => p.endsWith('.ts') && !p.endsWith('.d.ts')))
    .filter((path) => !path.includes(`${join(root, 'apps/dashboard')}/`));
  const wanted = new Set();
  const stale = [];
  for (const source of sources) {
    const target = join(root, 'dist', relative(root, source)).replace(/\.ts$/, '.js');
    wanted.add(target);
    const built = statSync(target, { throwIfNoEntry: false });
    if (built === undefined || built.mtimeMs < statSync(source).mtimeMs) stale.push({ source, target });
  }
  const orphans = filesBelow(join(root, 'dist'), (p) => p.endsWith('.js')).filter((target) => !wanted.has(target));
  return { stale, orphans };
}

/** True when a build would do nothing. Takes some ten milliseconds: it runs before every `millrace` command. */
export function isBuilt() {
  if (!isGenerated()) return false;
  const { stale, orphans } = staleFiles();
  return stale.length === 0 && orphans.length === 0;
}

/** Compiles changed files only; files whose source is gone are removed from dist/. */
async function compile() {
  const { transformFileSync } = await import('@swc/core');
  const { swcOptions } = await import('./swc-options.mjs');
  const { stale, orphans } = staleFiles();
  for (const { source, target } of stale) {
    const output = transformFileSync(source, { ...swcOptions(root), filename: source, sourceMaps: 'inline' });
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, output.code);
  }
  for (const target of orphans) rmSync(target);
  return stale.length;
}

export async function build({ generateOnly = false } = {}) {
  generate();
  return generateOnly ? 0 : compile();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const compiled = await build({ generateOnly: process.argv.includes('--generate-only') });
  process.stdout.write(`built: ${compiled} file(s) compiled\n`);
}
