// Reads the repository's TypeScript once: which file imports what, by parsing (swc), not by searching text.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { cloneRoot } from '@millrace/testing';
import { parseSync } from '@swc/core';

export interface ImportSite {
  /** As written. */
  specifier: string;
  /** For relative imports and `@millrace/<lib>`: the file it means, relative to the root. */
  target?: string;
  typeOnly: boolean;
}

export interface SourceFile {
  /** Relative to the root, with "/". */
  path: string;
  text: string;
  /** Text without comments and without the contents of string literals that are whole lines of prose. */
  code: string;
  imports: readonly ImportSite[];
  /** `export * from` without a name. */
  exportsAll: boolean;
}

export const root = cloneRoot();
const FOLDERS = ['libs', 'services', 'apps', 'test', 'bench'];
const SKIPPED = new Set(['node_modules', 'dist', 'gen', '.millrace', 'results']);

function filesBelow(folder: string, endings: readonly string[], found: string[] = []): string[] {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!SKIPPED.has(entry.name)) filesBelow(path, endings, found);
    } else if (endings.some((ending) => entry.name.endsWith(ending))) found.push(path);
  }
  return found;
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}

/** Comments become blanks; line numbers stay. Good enough for a ban on words in code: strings are kept. */
export function withoutComments(text: string): string {
  return text.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (match, literal) => (literal === undefined ? blank(match) : match),
  );
}

interface Declaration {
  type: string;
  source?: { value: string } | null;
  typeOnly?: boolean;
  specifiers?: readonly { type: string; isTypeOnly?: boolean }[];
}

/** import(…) and require(…) with a literal. */
const DYNAMIC = /\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*\)/g;

function parse(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const module = parseSync(text, { syntax: 'typescript', decorators: true, target: 'es2022' }) as unknown as {
    body: Declaration[];
  };
  const imports: ImportSite[] = [];
  let exportsAll = false;
  const add = (specifier: string, typeOnly: boolean) => {
    const site: ImportSite = { specifier, typeOnly };
    if (specifier.startsWith('.')) site.target = normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts');
    else if (specifier.startsWith('@millrace/')) site.target = `libs/${specifier.split('/')[1]}/src/index.ts`;
    imports.push(site);
  };
  for (const statement of module.body) {
    if (statement.source == null) continue;
    if (statement.type === 'ExportAllDeclaration') exportsAll = true;
    const named = statement.specifiers ?? [];
    const allTypes =
      statement.typeOnly === true || (named.length > 0 && named.every((specifier) => specifier.isTypeOnly === true));
    add(statement.source.value, allTypes);
  }
  const code = withoutComments(text);
  for (const match of code.matchAll(DYNAMIC)) add(match[1] as string, false);
  return { path, text, code, imports, exportsAll };
}

export const sources: readonly SourceFile[] = FOLDERS.flatMap((folder) => filesBelow(folder, ['.ts']))
  .filter((path) => !path.endsWith('.d.ts') && !path.startsWith('apps/dashboard/'))
  .sort()
  .map(parse);

export const byPath: ReadonlyMap<string, SourceFile> = new Map(sources.map((source) => [source.path, source]));

/** Markdown of the project. */
export const documents: readonly string[] = [
  ...['docs', 'libs', 'services', 'apps', 'examples', 'bench', 'deploy', 'test'].flatMap((folder) => {
    try {
      return filesBelow(folder, ['.md']);
    } catch {
      return []; // a folder that is not there has no documents
    }
  }),
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
];

export function isSpec(path: string): boolean {
  return /\.(spec|int-spec|e2e-spec)\.ts$/.test(path);
}

/** "libs/kafka", "services/ingest", "apps/cli", "test", "bench". */
export function unitOf(path: string): string {
  const [area, name] = path.split('/') as [string, string];
  return area === 'test' || area === 'bench' ? area : `${area}/${name}`;
}

export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

export function fromRoot(path: string): string {
  return relative(root, path);
}
