// Where the path of a project's source leads, and whether it may be read. Anybody who can call this service can apply a
// project file; what a source names is read only inside of an installed package, of a root of the settings, or where a
// user of this machine has named that very file to `millrace apply` (libs/files). Links and ".." are resolved before.

import { realpath, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve, sep } from 'node:path';
import { PlatformError } from '@millrace/domain';

/** Regular files by their looks, and no data: environments and memory of processes, also where / is a root. */
const OF_THE_KERNEL = /^\/(proc|sys)\//;

/** The file itself, links resolved. @throws PlatformError that says what to do instead */
export async function readablePath(path: string, roots: () => Promise<readonly string[]>): Promise<string> {
  const isPackaged = path.startsWith('npm:');
  const allowed = isPackaged ? [packageFolder(path)] : await roots();
  const wanted = isPackaged ? packagePath(path) : path;
  if (!wanted.startsWith('/')) {
    throw new PlatformError(
      'invalid_argument',
      `the path ${path} is relative; apply the project with its folder, or write an absolute path`,
    );
  }
  const real = await realpath(wanted).catch(() => null);
  // What lies outside is refused whether it is there or not: nobody learns here which files a machine has.
  const isInside = await isInsideOf(real ?? resolve(wanted), allowed);
  if (!isInside) {
    throw new PlatformError(
      'permission_denied',
      `${path} lies outside of the import roots: send it with \`millrace ingest PROJECT --file ${path}\`, apply the ` +
        'project file with `millrace apply` on this machine, or name its folder in MILLRACE_INGEST_IMPORT_ROOTS',
    );
  }
  const found = real === null ? null : await stat(real).catch(() => null);
  if (real === null || found === null) throw new PlatformError('not_found', `there is no file ${path}`);
  if (!found.isFile() || OF_THE_KERNEL.test(real)) throw new PlatformError('invalid_argument', `${path} is no file`);
  if (/[*?[\]]/.test(real)) throw new PlatformError('invalid_argument', `${path}: names with * ? [ ] are not read`);
  return real;
}

async function isInsideOf(real: string, roots: readonly string[]): Promise<boolean> {
  for (const root of roots) {
    const open = await realpath(root).catch(() => null);
    if (open !== null && (real === open || real.startsWith(open.endsWith(sep) ? open : `${open}${sep}`))) return true;
  }
  return false;
}

function packageParts(path: string): [string, string] {
  const [, name, rest] = /^npm:((?:@[^/]+\/)?[^/]+)\/(.+)$/.exec(path) ?? [];
  if (name === undefined || rest === undefined || rest.split('/').includes('..'))
    throw new PlatformError('invalid_argument', `${path} is not npm:<package>/<path>`);
  return [name, rest];
}

function packagePath(path: string): string {
  return join(packageFolder(path), packageParts(path)[1]);
}

function packageFolder(path: string): string {
  const [name] = packageParts(path);
  const require = createRequire(import.meta.url);
  for (const base of require.resolve.paths(name) ?? []) {
    const folder = join(base, name);
    try {
      require.resolve(join(folder, 'package.json'));
      return folder;
    } catch {
      // Not in this folder of packages; the next one.
    }
  }
  throw new PlatformError('not_found', `the package ${name} is not installed`);
}
