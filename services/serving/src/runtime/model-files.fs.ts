// Files of a model version, always inside its folder: a configuration that names a file cannot reach out of it.

import { existsSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { FILE_PARAMETER, type ModelSource } from './tensor-engine.js';

export function modelFileOf(source: ModelSource, defaultFile: string): string {
  return source.parameters[FILE_PARAMETER] || defaultFile;
}

/** Absolute path of a file or folder of the version; throws corrupt where it is missing or outside. */
export function inVersion(source: ModelSource, file: string): string {
  const folder = resolve(source.folder);
  const path = resolve(folder, file);
  if (!path.startsWith(folder + sep)) {
    throw new PlatformError('corrupt', `model '${source.name}': the file '${file}' is outside of its version’s folder`);
  }
  if (!existsSync(path)) {
    throw new PlatformError('corrupt', `model '${source.name}' version ${source.version} has no file '${file}'`);
  }
  return path;
}

/** The first of these names that the version's folder has. */
export function firstOf(folder: string, names: readonly string[]): string | undefined {
  return names.find((name) => existsSync(join(folder, name)));
}
