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

/** Runs buf when a .proto file changed since the last generation. */
function generate() {
  const stampFile = join(root, 'libs/contracts/src/gen/.stamp');
  const hash = createHash('sha256');
  for (const path of filesBelow(join(root, 'proto'), (p) => p.endsWith('.proto')).sort())
    hash.update(readFileSync(path));
  const stamp = hash.digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  execFileSync(join(root, 'node_modules/.bin/buf'), ['generate'], { cwd: root, stdio: 'inherit' });
  writeFileSync(stampFile, stamp);
}

/** Compiles changed files only; files whose source is gone are removed from dist/. */
async function compile() {
  const { transformFileSync } = await import('@swc/core');
  const { swcOptions } = await import('./swc-options.mjs');
  const sources = ['libs', 'services', 'apps', 'test', 'bench']
    .flatMap((folder) => filesBelow(join(root, folder), (p) => p.endsWith('.ts') && !p.endsWith('.d.ts')))
    .filter((path) => !path.includes(`${join(root, 'apps/dashboard')}/`));
  const wanted = new Set();
  let compiled = 0;
  for (const source of sources) {
    const target = join(root, 'dist', relative(root, source)).replace(/\.ts$/, '.js');
    wanted.add(target);
    if (existsSync(target) && statSync(target).mtimeMs >= statSync(source).mtimeMs) continue;
    const output = transformFileSync(source, { ...swcOptions(root), filename: source, sourceMaps: 'inline' });
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, output.code);
    compiled++;
  }
  for (const target of filesBelow(join(root, 'dist'), (p) => p.endsWith('.js')))
    if (!wanted.has(target)) rmSync(target);
  return compiled;
}

export async function build({ generateOnly = false } = {}) {
  generate();
  return generateOnly ? 0 : compile();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const compiled = await build({ generateOnly: process.argv.includes('--generate-only') });
  process.stdout.write(`built: ${compiled} file(s) compiled\n`);
}
