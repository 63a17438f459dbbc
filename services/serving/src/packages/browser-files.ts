// The tfjs/ part of a model package, for browsers and edge devices: only files that the manifest names, and only bytes
// that have the hash it names.

import { PlatformError, packageFolder } from '@millrace/domain';
import { checkFile, parseManifest } from './manifest.js';
import type { PackageFiles } from './package-loader.js';

const BROWSER_FOLDER = 'tfjs/';

export interface BrowserFile {
  /** Inside the package, for example tfjs/model.json. */
  path: string;
  bytes: Uint8Array;
  sha256: string;
  /** Hash of the whole package. */
  packageSha256: string;
}

/** `name`: below tfjs/. Throws not_found, or corrupt where the bytes are not those of the manifest. */
export async function browserFile(
  files: PackageFiles,
  project: string,
  version: number,
  name: string,
): Promise<BrowserFile> {
  const folder = packageFolder(project, version);
  const path = `${BROWSER_FOLDER}${name}`;
  const manifest = parseManifest(
    new TextDecoder().decode(await files.read(`${folder}/manifest.json`)),
    project,
    version,
  );
  const sha256 = Object.hasOwn(manifest.files, path) ? manifest.files[path] : undefined;
  if (sha256 === undefined) {
    throw new PlatformError('not_found', `${project} version ${version} has no file ${path.slice(0, 128)}`);
  }
  const bytes = await files.read(`${folder}/${path}`);
  checkFile(manifest, path, files.sha256(bytes));
  return { path, bytes, sha256, packageSha256: manifest.packageSha256 };
}
