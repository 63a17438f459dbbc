// manifest.json of a model package: what the package says it is, checked before anything of it is used. The trainer
// writes it; here it is only read. A package whose files do not have the hashes it names is refused as a whole.

import { PlatformError } from '@millrace/domain';

/** The fitted feature plan; every package has one. */
export const PLAN_FILE = 'features.json';
/** How the columns are the tensors of a model that was not trained here; only such packages have it. */
export const BINDING_FILE = 'binding.json';

/** Most files a package may list. */
const FILES_MAX = 256;
const SHA256 = /^[0-9a-f]{64}$/;

export interface PackageManifest {
  project: string;
  version: number;
  /** Kind of task; `taskOf` says which can be served. */
  task: string;
  modelSha256: string;
  packageSha256: string;
  /** Path inside the package → SHA-256. */
  files: Readonly<Record<string, string>>;
}

function corrupt(what: string): never {
  throw new PlatformError('corrupt', `model package: ${what}`);
}

/** Throws corrupt; `project` and `version` are those of the folder the manifest lies in. */
export function parseManifest(text: string, project: string, version: number): PackageManifest {
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch {
    corrupt('manifest.json is not JSON');
  }
  if (typeof json !== 'object' || json === null) corrupt('manifest.json is no object');
  if (json.project !== project || json.version !== version) {
    corrupt(`manifest.json is of ${String(json.project)}/${String(json.version)}, expected ${project}/${version}`);
  }
  const { task, modelSha256, packageSha256, files } = json;
  if (typeof task !== 'string') corrupt('manifest.json names no task');
  if (typeof modelSha256 !== 'string' || !SHA256.test(modelSha256)) corrupt('manifest.json has no modelSha256');
  if (typeof packageSha256 !== 'string' || !SHA256.test(packageSha256)) corrupt('manifest.json has no packageSha256');
  if (typeof files !== 'object' || files === null || Array.isArray(files)) corrupt('manifest.json lists no files');
  const entries = Object.entries(files as Record<string, unknown>);
  if (entries.length > FILES_MAX) corrupt(`manifest.json lists ${entries.length} files, at most ${FILES_MAX}`);
  for (const [path, hash] of entries) {
    if (typeof hash !== 'string' || !SHA256.test(hash)) corrupt(`manifest.json has a bad hash for ${path}`);
  }
  if (!Object.hasOwn(files, PLAN_FILE)) corrupt(`manifest.json lists no ${PLAN_FILE}`);
  return { project, version, task, modelSha256, packageSha256, files: files as Record<string, string> };
}

/** What the package's hash is taken over: path and hash of every file, in the order of paths. */
export function packageHashText(files: Readonly<Record<string, string>>): string {
  return Object.keys(files)
    .sort()
    .map((path) => `${path} ${files[path]}\n`)
    .join('');
}

/** Throws corrupt where the manifest's list of files is not the one that was published. */
export function checkManifest(manifest: PackageManifest, sha256: string): void {
  if (manifest.packageSha256 === sha256) return;
  corrupt(
    `the files of ${manifest.project}/${manifest.version} have package hash ${sha256.slice(0, 12)}…, manifest.json says ${manifest.packageSha256.slice(0, 12)}…`,
  );
}

/** Throws corrupt where the bytes are not those that the manifest promises. */
export function checkFile(manifest: PackageManifest, path: string, sha256: string): void {
  if (manifest.files[path] !== sha256) {
    corrupt(
      `${path} of ${manifest.project}/${manifest.version} has SHA-256 ${sha256.slice(0, 12)}…, manifest.json says ${String(manifest.files[path]).slice(0, 12)}…`,
    );
  }
}
