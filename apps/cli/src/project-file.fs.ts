// Finds, reads and checks a project file; resolves the sources it names.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { missingFile, openToImports } from '@millrace/files';
import { type Project, parseProject } from '@millrace/project';
import { parse as parseYaml } from 'yaml';

const UTF16_MARKS = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])];

export interface LoadedProject {
  project: Project;
  text: string;
  /** Canonical JSON. */
  document: string;
  file: string;
}

/**
 * `otherwise`: how another file is named, for people.
 *
 * @throws PlatformError 'not_found' where there is none, 'invalid_argument' with every fault, one per line:
 * file:line:column path message
 */
export function loadProjectFile(path: string, otherwise = 'name one with --project'): LoadedProject {
  const file = resolve(path);
  if (!existsSync(file)) throw missingFile(relative(process.cwd(), file), 'project file', otherwise);
  const text = textOf(file, relative(process.cwd(), file) || path);
  const parsed = parseProject(text, relative(process.cwd(), file));
  if (parsed.kind === 'ok') return { project: parsed.project, document: parsed.document, text, file };
  const lines = parsed.faults.map(
    (fault) => `  ${relative(process.cwd(), file)}:${fault.line}:${fault.column} ${fault.path}: ${fault.message}`,
  );
  throw new PlatformError(
    'invalid_argument',
    `${parsed.faults.length} fault(s) in the project file; nothing was changed\n${lines.join('\n')}`,
  );
}

/** YAML is UTF-8 here, as editors write it. */
function textOf(file: string, shown: string): string {
  if (statSync(file).isDirectory())
    throw new PlatformError('invalid_argument', `${shown} is a folder: name the project file in it`);
  const bytes = readFileSync(file);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const kind = UTF16_MARKS.some((mark) => bytes.subarray(0, 2).equals(mark)) ? 'is UTF-16' : 'is no UTF-8 text';
    throw new PlatformError('invalid_argument', `${shown} ${kind}: a project file is YAML, saved as UTF-8`, { cause });
  }
}

/** What a file calls its project, also one that is no YAML; undefined where there is none, or nobody can tell. */
export function projectNameIn(path: string): string | undefined {
  if (!existsSync(path) || statSync(path).isDirectory()) return undefined;
  const text = readFileSync(path, 'utf8');
  try {
    const name = (parseYaml(text) as { name?: unknown } | null)?.name;
    return typeof name === 'string' ? name : undefined;
  } catch {
    // Whoever takes the file says what is wrong with it.
    return NAME_LINE.exec(text)?.[1];
  }
}

const NAME_LINE = /^name: *["']?([a-z][a-z0-9-]*)/m;

/** Of a folder. */
export const PROJECT_FILE = 'project.yaml';

/** What the project file of the folder calls its project. */
export const projectHere = (): string | undefined => projectNameIn(PROJECT_FILE);

/**
 * The absolute path of a source: "npm:<package>/<path>" inside an installed package, else relative to the project file.
 */
export function sourcePath(loaded: LoadedProject, source: string): string {
  const spec = loaded.project.data.sources[source];
  if (spec === undefined) throw new PlatformError('invalid_argument', `the project file names no source "${source}"`);
  if (!spec.path.startsWith('npm:')) return resolve(dirname(loaded.file), spec.path);
  const [name, inside] = splitPackage(spec.path.slice('npm:'.length));
  const folder = createRequire(import.meta.url)
    .resolve.paths(name)
    ?.map((base) => join(base, name))
    .find((candidate) => existsSync(candidate));
  if (folder === undefined)
    throw new PlatformError('not_found', `the package ${name} is not installed; run npm start once`);
  return join(folder, inside);
}

function splitPackage(path: string): [string, string] {
  const parts = path.split('/');
  const length = path.startsWith('@') ? 2 : 1;
  return [parts.slice(0, length).join('/'), parts.slice(length).join('/')];
}

/**
 * The project as `apply` sends it: JSON, with source paths made absolute, since services know no project file's folder.
 */
export function applyText(loaded: LoadedProject): string {
  const document = parseYaml(loaded.text) as { data: { sources?: Record<string, { path: string }> } };
  for (const [name, source] of Object.entries(document.data.sources ?? {})) {
    if (!source.path.startsWith('npm:')) source.path = sourcePath(loaded, name);
  }
  return JSON.stringify(document);
}

/**
 * Opens the files that the project's sources name to imports of the platform with this home. A platform on another
 * machine does not see that, and says so when a source is read.
 */
export async function openSources(home: string, loaded: LoadedProject): Promise<void> {
  const named = Object.entries(loaded.project.data.sources).filter(([, { path }]) => !path.startsWith('npm:'));
  if (named.length === 0) return;
  try {
    await openToImports(
      home,
      named.map(([name]) => sourcePath(loaded, name)),
    );
  } catch (thrown) {
    // A home that this user may not write to is not this user's to open.
    if (PlatformError.from(thrown).code !== 'unavailable') throw thrown;
  }
}
