// package.json holds what is used, and all of it: no package that nobody imports or runs, none imported that is not
// declared, and none for development only in code that runs in a service.

import { existsSync, readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { isTestCode, PACKAGE_EXCEPTIONS } from './rules.js';
import { filesBelow, read, root, sources } from './sources.js';

const { dependencies, devDependencies, optionalDependencies, scripts } = JSON.parse(read('package.json')) as Record<
  'dependencies' | 'devDependencies' | 'optionalDependencies' | 'scripts',
  Record<string, string>
>;

const TABLES = ['test/tidy/rules.ts'];
/** Everything that can name a package: sources, plain scripts, the page, the tools' own configuration. */
const texts = [
  ...sources.filter(({ path }) => !TABLES.includes(path)).map(({ code }) => code),
  ...['tools', 'apps/dashboard', 'test/environments', 'deploy', 'proto'].flatMap((folder) =>
    filesBelow(folder, ['.mjs', '.js', '.json', '.yaml']).map(read),
  ),
  ...readdirSync(root)
    .filter((name) => /\.(mjs|yaml)$/.test(name) || /^(tsconfig|nx|biome).*\.json$/.test(name))
    .map(read),
  JSON.stringify(scripts),
].join('\n');

const quoted = (name: string): boolean => new RegExp(`['"\`/]${name.replaceAll('.', '\\.')}['"\`/]`).test(texts);

/** The commands that a package brings. */
function commandsOf(name: string): string[] {
  const file = join('node_modules', name, 'package.json');
  if (!existsSync(join(root, file))) return [];
  const { bin } = JSON.parse(read(file)) as { bin?: string | Record<string, string> };
  return typeof bin === 'string' ? [name.split('/').pop() as string] : Object.keys(bin ?? {});
}

const isRun = (name: string): boolean =>
  commandsOf(name).some((command) => new RegExp(`(?<![\\w/@-])${command}(?![\\w/-])`).test(texts));

/** "@scope/name" or "name" of an import; undefined for a file, a lib of this repository or a part of Node. */
function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('@millrace/')) return undefined;
  // A path of this machine, in a program given to another Node as text.
  if (specifier.startsWith('/') || specifier.startsWith('$')) return undefined;
  if (specifier.startsWith('node:') || builtinModules.includes(specifier)) return undefined;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

describe('package.json', () => {
  it('has no package that nobody imports or runs', () => {
    const unused = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter((name) => {
      const typed = name.startsWith('@types/') ? name.slice('@types/'.length) : name;
      // The pinned Node itself.
      if (typed === 'node' || name.startsWith('node-')) return false;
      return !quoted(typed) && !isRun(typed) && !(name in PACKAGE_EXCEPTIONS);
    });
    expect(unused).toEqual([]);
  });

  it('has every package that is imported, and for the services those not for development only', () => {
    const faults = sources.flatMap(({ path, imports }) =>
      imports.flatMap(({ specifier, typeOnly }) => {
        const name = packageOf(specifier);
        if (name === undefined || name in dependencies || name in PACKAGE_EXCEPTIONS) return [];
        return name in devDependencies && (isTestCode(path) || typeOnly) ? [] : [`${path}: ${name}`];
      }),
    );
    expect(faults).toEqual([]);
  });
});
