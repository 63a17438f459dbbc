// Which part of the repository a file refers to: by import (types too), or by naming it in a string, as a test does
// that starts `dist/services/router/src/main.js`. A part is known by its root folder: "libs/kafka", "test/e2e", "." for
// the rest.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, normalize } from 'node:path';

const { findImports } = createRequire(import.meta.url)('nx/src/native');

export const AREAS = ['libs', 'services', 'apps', 'tools', 'test'];
/** Folders at the root that are one part each. */
export const SINGLE = ['bench', 'proto'];

export const isCode = (file) => /\.(ts|mts|mjs|js)$/.test(file);

export function rootOf(file) {
  const parts = file.split('/');
  if (AREAS.includes(parts[0]) && parts.length > 2) return `${parts[0]}/${parts[1]}`;
  return SINGLE.includes(parts[0]) && parts.length > 1 ? parts[0] : '.';
}

function imported(specifier, file) {
  if (specifier.startsWith('@millrace/')) return `libs/${specifier.split('/')[1]}`;
  return specifier.startsWith('.') ? rootOf(normalize(join(dirname(file), specifier))) : undefined;
}

/** Roots in strings, comments aside; `services/${name}` is every service. */
function named(text, roots) {
  const code = text
    .replace(/^\s*(?:\/\/|\/?\*).*$/gm, '')
    // Tests build what they start: no reason to depend on all of set-up.
    .replaceAll('tools/setup/build.mjs', '');
  const found = new Set();
  for (const [, area, folder] of code.matchAll(/['"`](?:[^'"`\s]*\/)?(libs|services|apps|tools)\/([a-z0-9-]+|\$\{)/g))
    if (folder !== '${') found.add(`${area}/${folder}`);
    else for (const root of roots) if (root.startsWith(`${area}/`)) found.add(root);
  return found;
}

/** One entry for each file and part, the file's own part left out. `by` says how: 'import' or 'name'. */
export function references(workspaceRoot, files, roots) {
  const known = new Set(roots);
  const found = [];
  const add = (file, to, by) => {
    if (to !== '.' && to !== rootOf(file) && known.has(to)) found.push({ file, to, by });
  };
  const paths = files.filter(isCode).map((file) => join(workspaceRoot, file));
  for (const { file: path, staticImportExpressions, dynamicImportExpressions } of findImports({ all: paths })) {
    const file = path.slice(workspaceRoot.length + 1);
    for (const specifier of [...staticImportExpressions, ...dynamicImportExpressions])
      add(file, imported(specifier, file), 'import');
  }
  for (const file of files.filter(isCode))
    for (const root of named(readFileSync(join(workspaceRoot, file), 'utf8'), roots)) add(file, root, 'name');
  // The generated code of the wire is made of proto/ and is not in git.
  if (files.includes('libs/contracts/src/index.ts')) add('libs/contracts/src/index.ts', 'proto', 'import');
  return found;
}
