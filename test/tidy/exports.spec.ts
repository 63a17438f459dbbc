// What is exported is used: by another file of the program, not only by its tests. What nobody else imports is not
// exported; what only tests use lives with the tests (a lib's `test` folder, or libs/testing).

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { EXPORT_EXCEPTIONS, type ExportException, isTestCode } from './rules.js';
import { byPath, read, root, sources } from './sources.js';

/** `file#name` → the files that import it. */
const takers = new Map<string, Set<string>>();
for (const file of sources)
  for (const { target, names } of file.imports)
    for (const name of target === undefined ? [] : names) {
      const key = `${target}#${name}`;
      let files = takers.get(key);
      if (files === undefined) {
        files = new Set();
        takers.set(key, files);
      }
      files.add(file.path);
    }

/**
 * Scripts that run on dist/ and programs given to another Node as text: they import by a path that is not parsed here.
 */
const scripts = readdirSync(join(root, 'tools/setup'))
  .filter((name) => name.endsWith('.mjs'))
  .map((name) => read(`tools/setup/${name}`));

function isNamedByText(path: string, name: string): boolean {
  const compiled = path.replace(/\.ts$/, '.js');
  const word = new RegExp(`\\b${name}\\b`);
  if (scripts.some((text) => text.includes(compiled) && word.test(text))) return true;
  const tail = compiled.split('/').slice(-2).join('/');
  return sources.some((file) => file.path !== path && file.text.includes(`/${tail}'`) && word.test(file.text));
}

/** Files that use what is exported so, at the end of a chain of indexes that pass it on. */
function users(path: string, name: string): string[] {
  const direct = [...(takers.get(`${path}#${name}`) ?? []), ...(takers.get(`${path}#*`) ?? [])];
  return direct.flatMap((taker) => {
    const passed = (byPath.get(taker)?.imports ?? []).flatMap((site) =>
      site.target === path && site.passedOnAs !== undefined
        ? site.names.flatMap((taken, index) => (taken === name ? [site.passedOnAs?.[index] as string] : []))
        : [],
    );
    return passed.length === 0 ? [taker] : passed.flatMap((as) => users(taker, as));
  });
}

function isUsedInside(path: string, name: string): boolean {
  const code = byPath.get(path)?.code ?? '';
  return [...code.matchAll(new RegExp(`(?<![\\w$.])${name.replaceAll('$', '\\$')}(?![\\w$])`, 'g'))].length > 1;
}

interface Finding {
  path: string;
  name: string;
  why: string;
}

function excuses(exception: ExportException, { path, name }: Finding): boolean {
  return path.startsWith(exception.path) && (exception.name === undefined || exception.name === name);
}

const findings: Finding[] = [];
for (const { path, exports, exportedTypes, imports } of sources) {
  if (isTestCode(path) && !path.startsWith('libs/testing/')) continue;
  const passedOn = imports.flatMap((site) => site.passedOnAs ?? []);
  for (const name of passedOn)
    if (users(path, name).length === 0 && !isNamedByText(path, name))
      findings.push({ path, name, why: 'passed on to nobody' });
  for (const name of exports) {
    const found = users(path, name);
    if (found.some((user) => !isTestCode(user) || path.startsWith('libs/testing/'))) continue;
    if (isNamedByText(path, name)) continue;
    const inside = isUsedInside(path, name);
    if (found.length === 0 && !inside) findings.push({ path, name, why: 'dead' });
    // A type may have a name to be spoken of: it is part of the signatures of what is exported.
    else if (found.length === 0 && !exportedTypes.has(name)) findings.push({ path, name, why: 'exported to nobody' });
    else if (found.length === 0) continue;
    else if (!inside) findings.push({ path, name, why: 'used by tests only' });
  }
}

describe('exports', () => {
  it('are used by another file, and not by tests alone', () => {
    const faults = findings.filter((one) => !EXPORT_EXCEPTIONS.some((exception) => excuses(exception, one)));
    expect(faults.map(({ path, name, why }) => `${path}: ${name}: ${why}`)).toEqual([]);
  });

  it('every exception is still needed', () => {
    const unused = EXPORT_EXCEPTIONS.filter((exception) => !findings.some((one) => excuses(exception, one)));
    expect(unused).toEqual([]);
  });
});
