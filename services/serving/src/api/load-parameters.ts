// Parameters of RepositoryModelLoad and of POST …/load, checked: `config` (JSON text) and `file:<version>/<name>`
// (bytes, base64 in JSON). Anything else is refused by name.

import { PlatformError } from '@millrace/domain';
import type { LoadParameters } from '../models/repository-control.js';

/** Most files of one load; a SavedModel has a handful, and their bytes are bounded by the message. */
const FILES_MAX = 256;
const FILE = 'file:';

export type LoadValue = string | boolean | bigint | number | Uint8Array | undefined;

function invalid(what: string): never {
  throw new PlatformError('invalid_argument', what);
}

/** Throws invalid_argument: an empty name would be a model of its own. */
export function namedModel(name: string): string {
  return name === '' ? invalid('the name of the model is missing') : name;
}

export function loadParameters(given: Iterable<readonly [string, LoadValue]>): LoadParameters {
  let config: string | undefined;
  const files = new Map<string, Uint8Array>();
  for (const [name, value] of given) {
    if (name === 'config') {
      if (typeof value !== 'string') invalid("load parameter 'config' must be a text: the ModelConfig as JSON");
      config = value;
    } else if (name.startsWith(FILE)) {
      if (files.size === FILES_MAX) invalid(`a load has more than ${FILES_MAX} files`);
      files.set(filePath(name.slice(FILE.length)), fileBytes(name, value));
    } else invalid(`'${name.slice(0, 64)}' is no load parameter: config and file:<version>/<name> are`);
  }
  if (files.size > 0 && config === undefined) {
    invalid("a load with files needs 'config', too: the repository's own is not used then");
  }
  return { config, files };
}

/** `<version>/<name>`; nothing may lead out of the model's folder. */
function filePath(path: string): string {
  const parts = path.split('/');
  const good =
    parts.length >= 2 && parts.every((part) => part !== '' && part !== '.' && part !== '..' && !/[\0\\]/.test(part));
  if (!good || !/^[1-9][0-9]{0,8}$/.test(parts[0] as string)) {
    invalid(`'file:${path.slice(0, 128)}' is not file:<version>/<name>`);
  }
  return path;
}

function fileBytes(name: string, value: LoadValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(value)) {
    invalid(`load parameter '${name.slice(0, 128)}' must be bytes, in JSON as base64`);
  }
  try {
    return Uint8Array.from(atob(value), (character) => character.charCodeAt(0));
  } catch {
    return invalid(`load parameter '${name.slice(0, 128)}' is not base64`);
  }
}

/** Unload has one: unload_dependents. */
export function unloadParameters(given: Iterable<readonly [string, LoadValue]>): boolean {
  let dependents = false;
  for (const [name, value] of given) {
    if (name !== 'unload_dependents') invalid(`'${name.slice(0, 64)}' is no unload parameter: unload_dependents is`);
    if (typeof value !== 'boolean') invalid("unload parameter 'unload_dependents' must be a boolean");
    dependents = value;
  }
  return dependents;
}
