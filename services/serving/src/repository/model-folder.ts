// A model of a repository folder in Triton's layout, as it lies there: names, versions, sizes. Three forms are taken:
//
//   <repository>/<model>/<version>/…          Triton's own; version = a number above 0; config.pbtxt beside the
//   versions <repository>/<model>/model.onnx …         a model without version folders: version 1
//   <repository>/<model>.onnx                 a bare file: model <model>, version 1
//
// Pure: the reading is in repository-folder.fs.ts.

import { PlatformError } from '@millrace/domain';
import type { VersionPolicy } from '../declaration/model-spec.js';

/** Models of one repository; more are left out and told. */
export const MODELS_MAX = 1024;
/** Version folders of one model that are looked at. */
export const VERSION_FOLDERS_MAX = 1024;
/** Files of one version, folders below it included. */
export const VERSION_FILES_MAX = 10_000;

export interface VersionFolder {
  readonly version: number;
  /** Absolute. */
  readonly folder: string;
  /**
   * The model's file inside the folder where its name says it (bare files); undefined = as runtime and configuration
   * say.
   */
  readonly file: string | undefined;
}

export interface ModelFolder {
  readonly name: string;
  /** Absolute; label files lie here. For bare files the repository itself. */
  readonly folder: string;
  /** Content of config.pbtxt; undefined = there is none. */
  readonly config: { readonly text: string; readonly path: string } | undefined;
  /** Ascending. */
  readonly versions: readonly VersionFolder[];
}

/** Names of Triton's own repositories, and what V2's paths can carry without escapes that would change them. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.\- ]{0,127}$/;

export function isModelName(name: string): boolean {
  return NAME.test(name);
}

/** Throws invalid_argument. */
export function checkModelName(name: string): void {
  if (isModelName(name)) return;
  throw new PlatformError(
    'invalid_argument',
    `'${name.slice(0, 64)}' is no model name: letters, digits, "_", ".", "-" and blanks, at most 128, not beginning with "."`,
  );
}

/**
 * A version folder's name: a whole number above 0 without leading zeros, as Triton has it; undefined = something else.
 */
export function versionOfFolder(name: string): number | undefined {
  return /^[1-9][0-9]{0,8}$/.test(name) ? Number(name) : undefined;
}

/** Versions to serve, ascending. Throws invalid_argument where the policy names one that is not there. */
export function chooseVersions(name: string, policy: VersionPolicy, available: readonly number[]): number[] {
  const ascending = [...available].sort((a, b) => a - b);
  if (policy.kind === 'all') return ascending;
  if (policy.kind === 'latest') return ascending.slice(-policy.count);
  const missing = policy.versions.filter((version) => !ascending.includes(version));
  if (missing.length === 0) return [...new Set(policy.versions)].sort((a, b) => a - b);
  throw new PlatformError(
    'invalid_argument',
    `model '${name}': the version policy names ${missing.join(', ')}, the folder has ${ascending.join(', ') || 'no version'}`,
  );
}

/**
 * `<version>/<path>` of a load parameter "file:<version>/<path>". Throws invalid_argument; nothing leaves the version's
 * folder.
 */
export function overridePath(parameter: string): { version: number; path: string } {
  const [first = '', ...rest] = parameter.split('/');
  const version = versionOfFolder(first);
  const safe = rest.length > 0 && rest.every((part) => /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(part));
  if (version === undefined || !safe) {
    throw new PlatformError(
      'invalid_argument',
      `load parameter 'file:${parameter.slice(0, 64)}' is not of the form file:<version>/<name>`,
    );
  }
  return { version, path: rest.join('/') };
}
