// Reads the repository's TypeScript once: which file imports what, by parsing (swc), not by searching text.

import { execFileSync } from 'node:child_process';
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
  /** What is taken, by its name over there; "*" where all of it may be. */
  names: readonly string[];
  /** Passed on under these names, index by index of `names`; absent for a plain import. */
  passedOnAs?: readonly string[];
}

export interface SourceFile {
  /** Relative to the root, with "/". */
  path: string;
  text: string;
  /** Text without comments and without the contents of string literals that are whole lines of prose. */
  code: string;
  imports: readonly ImportSite[];
  /** Declared here and exported, by name. */
  exports: readonly string[];
  /** Those of them that are types only. */
  exportedTypes: ReadonlySet<string>;
  /** `export * from` without a name. */
  exportsAll: boolean;
}

export const root = cloneRoot();
const FOLDERS = ['libs', 'services', 'apps', 'test', 'bench'];
const SKIPPED = new Set(['node_modules', 'dist', 'gen', '.millrace', 'results']);

export function filesBelow(folder: string, endings: readonly string[], found: string[] = []): string[] {
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

interface Named {
  value: string;
}

interface Pattern {
  type: string;
  value?: string | Pattern | null;
  key?: Named;
  properties?: readonly Pattern[];
  elements?: readonly (Pattern | null)[];
}

interface Statement {
  type: string;
  source?: Named | null;
  typeOnly?: boolean;
  specifiers?: readonly {
    type: string;
    isTypeOnly?: boolean;
    local?: Named;
    imported?: Named | null;
    orig?: Named;
    exported?: Named | null;
  }[];
  declaration?: { type: string; identifier?: Named; id?: Named; declarations?: readonly { id: Pattern }[] };
}

function bound(pattern: Pattern): string[] {
  if (pattern.type === 'Identifier') return [pattern.value as string];
  if (pattern.type === 'AssignmentPatternProperty') return [pattern.key?.value as string];
  if (pattern.type === 'KeyValuePatternProperty') return bound(pattern.value as Pattern);
  return [...(pattern.properties ?? []), ...(pattern.elements ?? [])].flatMap((part) =>
    part === null ? [] : bound(part),
  );
}

/** An interface or a type, declared and exported in one statement. */
function isType({ declaration }: Statement): boolean {
  return /^Ts(Interface|TypeAlias)Declaration$/.test(declaration?.type ?? '');
}

function declared(statement: Statement): string[] {
  if (statement.type === 'ExportNamedDeclaration' && statement.source == null)
    return (statement.specifiers ?? []).map(({ exported, orig }) => (exported ?? orig)?.value as string);
  if (statement.type !== 'ExportDeclaration') return [];
  const { identifier, id, declarations } = statement.declaration ?? {};
  if (declarations !== undefined) return declarations.flatMap((one) => bound(one.id));
  return [(identifier ?? id)?.value as string];
}

/** import(…) and require(…) with a literal. */
const DYNAMIC = /\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*\)/g;

function parse(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const module = parseSync(text, { syntax: 'typescript', decorators: true, target: 'es2022' }) as unknown as {
    body: Statement[];
  };
  const imports: ImportSite[] = [];
  let exportsAll = false;
  const add = (specifier: string, typeOnly: boolean, names: readonly string[], passedOnAs?: readonly string[]) => {
    const site: ImportSite = { specifier, typeOnly, names, ...(passedOnAs ? { passedOnAs } : {}) };
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
    const passesOn = statement.type === 'ExportNamedDeclaration';
    const names = named.map(({ type, imported, local, orig }) =>
      type.includes('Namespace') ? '*' : ((orig ?? imported ?? local) as Named).value,
    );
    const passedOnAs = named.map(({ exported, orig }) => (exported ?? orig)?.value as string);
    add(statement.source.value, allTypes, names, passesOn ? passedOnAs : undefined);
  }
  const code = withoutComments(text);
  for (const match of code.matchAll(DYNAMIC)) add(match[1] as string, false, ['*']);
  const exports = module.body.flatMap(declared);
  const exportedTypes = new Set(module.body.filter(isType).flatMap(declared));
  return { path, text, code, imports, exports, exportedTypes, exportsAll };
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

/** Every file that git does not ignore. */
export const tracked: readonly string[] = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard'],
  {
    cwd: root,
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter((path) => path !== '');

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
